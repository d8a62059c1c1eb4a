//===- Session.cpp - opens an artifact and runs it ------------------------===//
//
// Order of the checks on opening: manifest, host CPU, library's hash, library's ABI, weights. Nothing of the artifact
// is executed before all of them pass.
//
//===----------------------------------------------------------------------===//
#include "lutra/Runtime/Session.h"

#include "Binding.h"
#include "Library.h"
#include "SharedPages.h"
#include "lutra/Runtime/Device.h"
#include "lutra/Runtime/HostCheck.h"
#include "lutra/Runtime/WeightsFile.h"
#include "llvm/ADT/Twine.h"
#include <new>

using namespace llvm;
using namespace lutra;

/// What every run reads lies side by side; the manifest, which others refer to and messages quote, lies elsewhere.
struct alignas(64) Session::Impl final : Session {
  explicit Impl(Manifest loaded) : signature(loaded), manifest(std::make_unique<const Manifest>(std::move(loaded))) {}

  /// Asks for what a run reads next: the session's own lines, all at once, then the first of the weights, whose page's address and lines arrive while the arrays are
  /// checked.
  void ask() const;

  /// Sessions lie in huge pages, like small weights: a run begins with a line of its session, and would begin with a walk of the page tables.
  static void *operator new(size_t bytes, std::align_val_t alignment);
  static void operator delete(void *place, std::align_val_t alignment);

  /// Runs the compiled code; `args` has a place for the weights' descriptor, then the arrays'.
  Error call(MutableArrayRef<void *> args);

  Library::Entry entry;
  StringRef data;
  std::unique_ptr<Device> device;
  int threads = 0;
  Signature signature;

  std::unique_ptr<const Manifest> manifest;
  std::unique_ptr<Library> library;
  WeightsFile weights;
};

/// Bytes of a line of a CPU's caches.
static constexpr size_t kLineBytes = 64;
/// Of the weights, what is asked for before a run: as much as arrives while its arrays are checked.
static constexpr size_t kHeadBytes = 8 * kLineBytes;

/// What keeps a session's memory: a piece of shared pages, or nothing for the heap's. It lies in the line before the session.
using Keeper = std::shared_ptr<char>;
static_assert(sizeof(Keeper) <= kLineBytes);

void *Session::Impl::operator new(size_t bytes, std::align_val_t alignment) {
  static_assert(alignof(Impl) == kLineBytes);
  Keeper piece = allocateSharedPages(kLineBytes + bytes);
  char *begin = piece ? piece.get() : static_cast<char *>(::operator new(kLineBytes + bytes, alignment));
  new (begin) Keeper(std::move(piece));
  return begin + kLineBytes;
}

void Session::Impl::operator delete(void *place, std::align_val_t alignment) {
  char *begin = static_cast<char *>(place) - kLineBytes;
  auto *inPlace = reinterpret_cast<Keeper *>(begin);
  const Keeper piece = std::move(*inPlace);
  inPlace->~Keeper();
  if (!piece)
    ::operator delete(begin, alignment);
}

Session::Impl &Session::impl() { return static_cast<Impl &>(*this); }
const Session::Impl &Session::impl() const { return static_cast<const Impl &>(*this); }

void Session::Impl::ask() const {
  const char *own = reinterpret_cast<const char *>(this), *ownEnd = reinterpret_cast<const char *>(&manifest);
  for (; own < ownEnd; own += kLineBytes)
    __builtin_prefetch(own);
  for (size_t byte = 0; byte < kHeadBytes; byte += kLineBytes)
    __builtin_prefetch(data.data() + byte);
}

const Manifest &Session::getManifest() const { return *impl().manifest; }
Device *Session::getDevice() const { return impl().device.get(); }

/// The library's launcher has no context argument, so the running device is process-wide and runs exclude each other.
static std::mutex runningDeviceMutex;
static Device *runningDevice = nullptr;

static void launchOnRunningDevice(int32_t kernel, int32_t nargs, void **descs) {
  runningDevice->launch(kernel, nargs, descs);
}

Expected<std::unique_ptr<Session>> Session::open(StringRef directory, const SessionOptions &options) {
  Expected<Manifest> manifest = Manifest::load(directory);
  if (!manifest)
    return manifest.takeError();
  auto impl = std::make_unique<Impl>(std::move(*manifest));
  const Manifest &m = *impl->manifest;
  if (Error error = checkHost(m))
    return error;

  {
    Expected<MappedFile> file = MappedFile::open(m.pathOf(m.library.file));
    if (!file)
      return file.takeError();
    if (Error error =
            checkFile(m, m.library, file->bytes(), options.hashes == HashCheck::None ? HashCheck::None : HashCheck::Whole))
      return error;
  }
  Expected<std::unique_ptr<Library>> library = Library::open(m);
  if (!library)
    return library.takeError();
  impl->library = std::move(*library);
  impl->entry = impl->library->getEntry();
  Expected<WeightsFile> weights = WeightsFile::open(m, options.hashes);
  if (!weights)
    return weights.takeError();
  impl->weights = std::move(*weights);
  impl->data = impl->weights.data();

  if (m.kernels) {
    if (!impl->library->getLaunchSlot())
      return createStringError("'" + m.path + "' lists kernels, but '" + m.library.file +
                               "' does not define 'lutra_launch'");
    Expected<std::unique_ptr<Device>> device = createDevice(m);
    if (!device)
      return device.takeError();
    impl->device = std::move(*device);
  }
  return std::unique_ptr<Session>(std::move(impl));
}

Expected<SmallVector<Session::Shape, 4>> Session::inferOutputShapes(ArrayRef<TensorRef> inputs) const {
  Expected<DimBinding> binding = DimBinding::bind(*impl().manifest, impl().signature, inputs);
  if (!binding)
    return binding.takeError();
  SmallVector<Shape, 4> shapes;
  for (const Signature::Tensor &output : impl().signature.getOutputs())
    shapes.push_back(binding->shapeOf(output));
  return shapes;
}

Error Session::setThreads(int count) {
  if (count < 0 || count > 4096)
    return createStringError("the thread count " + Twine(count) + " is not in 0 (OpenMP's choice) to 4096");
  impl().threads = count;
  return Error::success();
}

Error Session::Impl::call(MutableArrayRef<void *> args) {
  const int64_t address = reinterpret_cast<intptr_t>(data.data());
  int64_t weightsDescriptor[] = {address, address, 0, static_cast<int64_t>(data.size()), 1};
  args.front() = weightsDescriptor;

  int32_t code;
  {
    std::unique_lock<std::mutex> deviceLock(runningDeviceMutex, std::defer_lock);
    std::lock_guard<std::mutex> lock(*entry.mutex);
    if (device) {
      deviceLock.lock();
      runningDevice = device.get();
      *library->getLaunchSlot() = launchOnRunningDevice;
    }
    entry.setThreads(threads);
    code = entry.call(args.data());
    if (device)
      if (Error error = device->takeError())
        return error;
  }
  if (code == 0)
    return Error::success();
  if (code > 0 && static_cast<size_t>(code) <= manifest->checks.size())
    return createStringError(manifest->checks[code - 1]);
  return createStringError("the model stopped with the unknown status " + Twine(code));
}

Error Session::run(ArrayRef<TensorRef> inputs, ArrayRef<TensorRef> outputs) {
  impl().ask();
  PlainArguments plain;
  if (plain.set(impl().signature, inputs, outputs))
    return impl().call(plain.getPointers());

  const Manifest &m = *impl().manifest;
  Expected<DimBinding> binding = DimBinding::bind(m, impl().signature, inputs);
  if (!binding)
    return binding.takeError();
  if (Error error = binding->checkOutputs(m, outputs))
    return error;

  SmallVector<Argument, 4> arguments(inputs.size() + outputs.size());
  for (const auto &[i, tensor] : llvm::enumerate(inputs))
    if (Error error = arguments[i].set(tensor, /*isOutput=*/false, NamedTensor{m.inputs, i}))
      return error;
  for (const auto &[i, tensor] : llvm::enumerate(outputs))
    if (Error error = arguments[inputs.size() + i].set(tensor, /*isOutput=*/true, NamedTensor{m.outputs, i}))
      return error;
  SmallVector<void *, 8> args = {nullptr};
  for (Argument &argument : arguments)
    args.push_back(argument.descriptor());
  if (Error error = impl().call(args))
    return error;
  for (const Argument &argument : arguments)
    argument.finish();
  return Error::success();
}
