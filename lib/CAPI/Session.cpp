//===- Session.cpp - sessions through the C API ---------------------------===//
//
// Each function checks its pointers and hands the rest to lib/Runtime, which checks everything else.
//
//===----------------------------------------------------------------------===//
#include "Guard.h"

#include "lutra-c/lutra.h"
#include "lutra/Runtime/Session.h"
#include "lutra/Simulator/Device.h"
#include "lutra/Support/Version.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"
#include <cstdlib>
#include <cstring>
#include <mutex>

using namespace llvm;
using namespace lutra;

// A LutraSession is a lutra::Session under the name that C knows it by.
static LutraSession *wrap(Session *session) { return reinterpret_cast<LutraSession *>(session); }
static Session *unwrap(LutraSession *session) { return reinterpret_cast<Session *>(session); }

int lutra::toStatus(Error error, char **message) {
  if (!error)
    return 0;
  std::string text = toString(std::move(error));
  if (message)
    *message = ::strdup(text.c_str());
  return 1;
}

/// The caller's tensors as `refs`; an unknown dtype or a missing pointer is an error.
static Error toRefs(const char *kind, const LutraTensor *tensors, int count, SmallVectorImpl<TensorRef> &refs) {
  if (count < 0 || (count > 0 && !tensors))
    return createStringError(Twine("the ") + kind + "s are null");
  refs.reserve(count);
  for (int i = 0; i < count; ++i) {
    const LutraTensor &tensor = tensors[i];
    std::optional<DType> dtype = dtypeFromCode(tensor.dtype);
    if (!dtype)
      return createStringError(Twine(kind) + " " + Twine(i) + " has the unknown dtype code " + Twine(tensor.dtype));
    if (tensor.rank < 0 || (tensor.rank > 0 && !tensor.sizes))
      return createStringError(Twine(kind) + " " + Twine(i) + " has no sizes");
    size_t rank = tensor.rank;
    refs.push_back({tensor.data, *dtype, ArrayRef(tensor.sizes, rank),
                    tensor.strides ? ArrayRef(tensor.strides, rank) : ArrayRef<int64_t>()});
  }
  return Error::success();
}

const char *lutraVersion(void) {
  static const std::string version = versionNumber().str();
  return version.c_str();
}

void lutraFree(void *message) { std::free(message); }

int lutraSessionOpen(const char *artifactDir, int flags, LutraSession **out, char **error) {
  if (!artifactDir || !out)
    return toStatus(createStringError("lutraSessionOpen: the directory or the place for the session is null"), error);
  *out = nullptr;
  if (flags & ~(LUTRA_SKIP_HASHES | LUTRA_VERIFY_HASHES))
    return toStatus(createStringError("lutraSessionOpen: unknown flags " + Twine(flags)), error);
  if (flags == (LUTRA_SKIP_HASHES | LUTRA_VERIFY_HASHES))
    return toStatus(createStringError("lutraSessionOpen: hashes are either skipped or verified: give one of the flags"), error);
  static std::once_flag devices;
  std::call_once(devices, [] { ltc::registerDevice(); });
  HashCheck hashes = flags & LUTRA_SKIP_HASHES     ? HashCheck::None
                     : flags & LUTRA_VERIFY_HASHES ? HashCheck::Whole
                                                   : HashCheck::Sample;
  Expected<std::unique_ptr<Session>> session = Session::open(artifactDir, {.hashes = hashes});
  if (!session)
    return toStatus(session.takeError(), error);
  *out = wrap(session->release());
  return 0;
}

void lutraSessionClose(LutraSession *session) { delete unwrap(session); }

const char *lutraSessionManifest(LutraSession *session) {
  return session ? unwrap(session)->getManifest().text.c_str() : "";
}

int lutraSessionSetThreads(LutraSession *session, int n) {
  if (!session)
    return 1;
  return toStatus(unwrap(session)->setThreads(n), nullptr);
}

int lutraSessionRun(LutraSession *session, const LutraTensor *inputs, int numInputs, const LutraTensor *outputs,
                    int numOutputs, char **error) {
  if (!session)
    return toStatus(createStringError("lutraSessionRun: the session is null"), error);
  SmallVector<TensorRef, 4> inputRefs, outputRefs;
  if (Error refused = toRefs("input", inputs, numInputs, inputRefs))
    return toStatus(std::move(refused), error);
  if (Error refused = toRefs("output", outputs, numOutputs, outputRefs))
    return toStatus(std::move(refused), error);
  return toStatus(unwrap(session)->run(inputRefs, outputRefs), error);
}
