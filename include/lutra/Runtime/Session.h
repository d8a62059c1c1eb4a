//===- Session.h - a compiled model, loaded and ready to run --------------===//
//
// A session checks everything before the compiled code sees it: the manifest, the host, the files' sizes and hashes (of large
// weights those of samples, see SampleHash.h), the ABI version, and for each run the dtypes, ranks, shapes and strides of every array. The compiled code itself trusts its
// arguments.
//
// Arrays are passed by pointer and stride. An output may be the memory of an input (a key-value cache updated in
// place): pointers go through untouched. Only an array whose innermost stride is not 1, or which is not aligned to its
// element, is copied.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_RUNTIME_SESSION_H
#define LUTRA_RUNTIME_SESSION_H

#include "lutra/Runtime/Manifest.h"
#include "lutra/Runtime/WeightsFile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>

namespace lutra {

class Device;

/// An array of the caller's. `strides` are in elements; empty means row-major.
struct TensorRef {
  void *data = nullptr;
  DType dtype = DType::F32;
  llvm::ArrayRef<int64_t> sizes;
  llvm::ArrayRef<int64_t> strides;
};

/// How a session opens.
struct SessionOptions {
  /// How the weights are compared with the manifest's hashes. The library, which is executed, is compared as a whole unless this is None.
  HashCheck hashes = HashCheck::Sample;
};

/// A loaded model. Runs of sessions on the same library exclude each other, since a library has one status word.
class Session {
public:
  using Shape = llvm::SmallVector<int64_t, 4>;

  virtual ~Session() = default;
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  /// Opens an artifact directory.
  static llvm::Expected<std::unique_ptr<Session>> open(llvm::StringRef directory, const SessionOptions &options = {});

  const Manifest &getManifest() const;

  /// The device that runs the kernels, or null when the host runs everything.
  Device *getDevice() const;

  /// The shapes that the outputs have for these inputs (manifest order). Checks the inputs' dtypes and shapes; data
  /// pointers are not looked at.
  llvm::Expected<llvm::SmallVector<Shape, 4>> inferOutputShapes(llvm::ArrayRef<TensorRef> inputs) const;

  /// Threads that later runs use; 0 leaves the choice to OpenMP.
  llvm::Error setThreads(int count);

  /// Runs the model. Arrays in the manifest's order, outputs allocated by the caller.
  llvm::Error run(llvm::ArrayRef<TensorRef> inputs, llvm::ArrayRef<TensorRef> outputs);

private:
  /// What a session has: derived from it, not behind a pointer, since a run that finds its caches full of weights waits for memory at each step of a way.
  struct Impl;
  Session() = default;
  Impl &impl();
  const Impl &impl() const;
};

} // namespace lutra

#endif // LUTRA_RUNTIME_SESSION_H
