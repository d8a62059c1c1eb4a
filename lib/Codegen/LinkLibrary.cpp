//===- LinkLibrary.cpp - an object file becomes a shared library ----------===//
//
// LLD in a process of its own: the library form of LLD may leave the process in a bad state after an error. The output holds
// no path and no time, so that equal inputs give equal bytes.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Emit.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace llvm;

/// LLD of the LLVM that Lutra was built with, else whatever the PATH has under a name that says its version.
static std::optional<std::string> findLinker() {
  if (sys::fs::can_execute(LUTRA_LLD_PATH))
    return LUTRA_LLD_PATH;
  for (StringRef name : {"ld.lld-22", "ld.lld"})
    if (ErrorOr<std::string> path = sys::findProgramByName(name))
      return *path;
  return std::nullopt;
}

mlir::LogicalResult lutra::linkLibrary(StringRef objectPath, StringRef libraryPath, mlir::Location loc) {
  std::optional<std::string> linker = findLinker();
  if (!linker)
    return mlir::emitError(loc) << "cannot find the linker 'ld.lld' (looked for " << LUTRA_LLD_PATH
                                << " and on the PATH): install lld-22, or run scripts/setup";
  std::string soname = sys::path::filename(libraryPath).str();
  SmallVector<StringRef> args{*linker, "-shared", "-o", libraryPath, "-soname", soname, objectPath};
  for (StringRef library : {LUTRA_OMP_LIBRARY, LUTRA_MATH_LIBRARY, LUTRA_C_LIBRARY}) {
    if (!sys::fs::exists(library))
      return mlir::emitError(loc) << "cannot find '" << library << "', which compiled models need: install libomp-dev and "
                                  << "libc6, or run scripts/setup";
    args.push_back(library);
  }
  args.append({"--as-needed", "--no-undefined", "--gc-sections", "--build-id=none", "-z", "noexecstack", "-z", "now", "-z", "relro"});

  SmallString<128> log;
  if (std::error_code error = sys::fs::createTemporaryFile("lutra-link", "log", log))
    return mlir::emitError(loc) << "cannot make a temporary file: " << error.message();
  FileRemover removeLog(log);
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log), StringRef(log)};
  std::string problem;
  int code = sys::ExecuteAndWait(*linker, args, /*Env=*/std::nullopt, redirects, /*SecondsToWait=*/0, /*MemoryLimit=*/0, &problem);
  if (code == 0)
    return mlir::success();
  if (ErrorOr<std::unique_ptr<MemoryBuffer>> text = MemoryBuffer::getFile(log))
    problem += (*text)->getBuffer().rtrim();
  return mlir::emitError(loc) << "cannot link the compiled model: " << *linker << " failed: " << problem;
}
