//===- Library.h - the compiled library of an artifact, loaded ------------===//
//
// Private to lib/Runtime. Holds the handle and the symbols of the ABI (version 1):
//   const int32_t lutra_abi_version;  int32_t lutra_status[2];  void lutra_main(void **args);
//   void (*lutra_launch)(int32_t kernel, int32_t nargs, void **descs);   device artifacts only
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_RUNTIME_LIBRARY_H
#define LUTRA_LIB_RUNTIME_LIBRARY_H

#include "lutra/Runtime/Manifest.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <mutex>

namespace lutra {

/// A dlopened library with its symbols resolved; closed at the end of its life.
class Library {
public:
  using LaunchFn = void (*)(int32_t kernel, int32_t nargs, void **descs);

  ~Library();
  Library(const Library &) = delete;
  Library &operator=(const Library &) = delete;

  /// Loads the manifest's library. Nothing of it is called.
  static llvm::Expected<std::unique_ptr<Library>> open(const Manifest &manifest);

  /// What a run needs of a library, as a copy: sessions keep it beside what else a run reads, since a run that finds its caches full of weights pays
  /// for each line that it touches. Valid as long as the library.
  struct Entry {
    /// Calls lutra_main and returns the status code it leaves. The caller holds `mutex`.
    int32_t call(void **args) const;

    /// Sets OpenMP's thread count for parallel regions that the calling thread starts; 0 is OpenMP's own choice. Does
    /// nothing for a library without OpenMP.
    void setThreads(int count) const;

    void (*mainFn)(void **args) = nullptr;
    int32_t *status = nullptr;
    void (*ompSetNumThreads)(int) = nullptr;
    int ompDefaultThreads = 0;
    /// Serializes runs: one per loaded image, shared by the sessions that opened the same file.
    std::mutex *mutex = nullptr;
  };
  const Entry &getEntry() const { return entry; }

  /// Where the library expects the launcher of its device, or null.
  LaunchFn *getLaunchSlot() const { return launchSlot; }

private:
  Library() = default;

  void *handle = nullptr;
  int fd = -1;
  LaunchFn *launchSlot = nullptr;
  Entry entry;
  std::shared_ptr<std::mutex> mutex;
};

} // namespace lutra

#endif // LUTRA_LIB_RUNTIME_LIBRARY_H
