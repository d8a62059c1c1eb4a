//===- Library.cpp - dlopen and the symbols of the ABI --------------------===//
//
// The ABI version is read before any other symbol is believed.
//
//===----------------------------------------------------------------------===//
#include "Library.h"

#include "llvm/ADT/Twine.h"
#include <atomic>
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <map>
#include <unistd.h>

using namespace llvm;
using namespace lutra;

/// The mutex of a loaded image; dlopen returns one handle for one file, however often it is opened.
static std::shared_ptr<std::mutex> mutexOf(void *handle) {
  static std::mutex guard;
  static std::map<void *, std::weak_ptr<std::mutex>> mutexes;
  std::lock_guard<std::mutex> lock(guard);
  std::weak_ptr<std::mutex> &slot = mutexes[handle];
  std::shared_ptr<std::mutex> mutex = slot.lock();
  if (!mutex)
    slot = mutex = std::make_shared<std::mutex>();
  return mutex;
}

/// A path to an open descriptor that no call before has used. The loader remembers every name under which an image was opened
/// while it is loaded, and believes the name before it looks at the file: after a second session of a model is closed, the
/// next model would get its descriptor's number and, under that name, the first one's code. So the path carries a
/// counter, in binary, as what the kernel skips: "/" is 0, "./" is 1.
static std::string uniquePathOf(int fd) {
  static std::atomic<uint64_t> calls{0};
  std::string path = "/proc/self/fd/";
  for (uint64_t rest = ++calls; rest; rest >>= 1)
    path += rest & 1 ? "./" : "/";
  return path + std::to_string(fd);
}

Library::~Library() {
  if (handle)
    ::dlclose(handle);
  if (fd >= 0)
    ::close(fd);
}

Expected<std::unique_ptr<Library>> Library::open(const Manifest &manifest) {
  std::string path = manifest.pathOf(manifest.library.file);
  std::unique_ptr<Library> library(new Library());
  library->fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (library->fd < 0)
    return createStringError("cannot open '" + path + "': " + std::strerror(errno));
  // dlopen answers a path that it has loaded before with what it loaded then, even when the file was compiled anew
  // since. The name of an open descriptor is never an old one; one file opened twice still shares one image.
  library->handle = ::dlopen(uniquePathOf(library->fd).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library->handle) {
    StringRef reason = ::dlerror();
    StringRef advice = reason.contains("libomp") ? "; install LLVM's OpenMP runtime (Debian: libomp5)" : "";
    return createStringError("cannot load '" + path + "': " + reason + advice);
  }
  auto symbol = [&](const char *name) { return ::dlsym(library->handle, name); };
  auto lacks = [&](StringRef name) {
    return createStringError("'" + path + "' does not define '" + name + "': not a library made by lutrac");
  };

  auto *version = static_cast<const int32_t *>(symbol("lutra_abi_version"));
  if (!version)
    return lacks("lutra_abi_version");
  if (*version != kAbiVersion)
    return createStringError("'" + path + "' has ABI version " + Twine(*version) +
                             ", but this runtime speaks version " + Twine(kAbiVersion) +
                             ": compile the model again with this version of lutrac");
  library->entry.status = static_cast<int32_t *>(symbol("lutra_status"));
  if (!library->entry.status)
    return lacks("lutra_status");
  library->entry.mainFn = reinterpret_cast<void (*)(void **)>(symbol("lutra_main"));
  if (!library->entry.mainFn)
    return lacks("lutra_main");
  library->launchSlot = static_cast<LaunchFn *>(symbol("lutra_launch"));
  library->mutex = mutexOf(library->handle);
  library->entry.mutex = library->mutex.get();

  library->entry.ompSetNumThreads = reinterpret_cast<void (*)(int)>(symbol("omp_set_num_threads"));
  if (auto ompGetMaxThreads = reinterpret_cast<int (*)()>(symbol("omp_get_max_threads")))
    library->entry.ompDefaultThreads = ompGetMaxThreads();
  // OpenMP's worker threads outlive the session; unloading their code under them would crash, so it is pinned.
  if (library->entry.ompSetNumThreads) {
    Dl_info info;
    if (::dladdr(reinterpret_cast<void *>(library->entry.ompSetNumThreads), &info) && info.dli_fname)
      ::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }
  return library;
}

void Library::Entry::setThreads(int count) const {
  if (ompSetNumThreads)
    ompSetNumThreads(count > 0 ? count : ompDefaultThreads);
}

int32_t Library::Entry::call(void **args) const {
  status[0] = status[1] = 0;
  mainFn(args);
  return status[0];
}
