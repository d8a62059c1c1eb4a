//===- ExternalData.cpp - tensors kept in files beside the model ----------===//
//
// Every check is made on what was opened, not on a name that could change afterwards: the file descriptor is taken
// without following links, inspected (regular, one hard link), and then mapped.
//
//===----------------------------------------------------------------------===//
#include "ExternalData.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace mlir;
using namespace lutra::frontend;

static llvm::Error refuse(const llvm::Twine &why) { return llvm::createStringError(why); }

/// A non-negative decimal number that fits a file offset.
static llvm::Expected<uint64_t> parseCount(StringRef key, StringRef text) {
  uint64_t value;
  if (text.empty() || !llvm::all_of(text, llvm::isDigit) || text.getAsInteger(10, value) || value > INT64_MAX)
    return refuse("its external data's " + key + " must be a non-negative decimal number below 2^63, but is " +
                  quoted(text));
  return value;
}

llvm::Expected<ExternalLocation> lutra::frontend::parseExternalLocation(const ::onnx::TensorProto &tensor) {
  ExternalLocation result;
  llvm::StringSet<> seen;
  for (const auto &entry : tensor.external_data()) {
    StringRef key = entry.key(), value = entry.value();
    if (!seen.insert(key).second)
      return refuse("its external data states the key " + quoted(key) + " twice");
    if (key == "location") {
      // ONNX Runtime marks tensors that were in its own memory when the model was saved.
      if (value.contains("_ORT_MEM_ADDR_"))
        return refuse("its external data is an address in the memory of the program that saved the model: save it "
                      "again with the data in a file");
      if (value.contains('\0'))
        return refuse("its external data's location holds a NUL byte");
      if (value.starts_with("/") || value.starts_with("\\") ||
          (value.size() > 1 && llvm::isAlpha(value[0]) && value[1] == ':'))
        return refuse("its external data's location must be relative to the model's folder, but is the absolute path " +
                      quoted(value));
      SmallVector<StringRef> components;
      value.split(components, '/', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
      for (StringRef component : components) {
        // A backslash separates components on other systems: "..\x" is not an honest file name.
        if (component == ".." || component.starts_with("..\\") || component.contains("\\..\\"))
          return refuse("its external data's location " + quoted(value) + " must not contain '..'");
        if (component == ".")
          continue;
        if (!result.path.empty())
          result.path += '/';
        result.path += component;
      }
    } else if (key == "offset" || key == "length") {
      llvm::Expected<uint64_t> count = parseCount(key, value);
      if (!count)
        return count.takeError();
      if (key == "offset")
        result.offset = *count;
      else
        result.length = *count;
    } else if (key != "checksum") {
      return refuse("its external data has the unknown key " + quoted(key) +
                    ": the known ones are location, offset, length and checksum");
    }
  }
  if (result.path.empty())
    return refuse("its external data has an empty location");
  return result;
}

static llvm::Error openError(int code, StringRef location) {
  switch (code) {
  case ENOENT:
    return refuse("its external data file " + quoted(location) +
                  " does not exist: it must lie beside the model, under this name");
  case ELOOP:
    return refuse("its external data file " + quoted(location) +
                  " is a symbolic link or lies behind one, which is not followed by default");
  case EXDEV: return refuse("its external data file " + quoted(location) + " lies outside the model's folder");
  case ENXIO: return refuse("its external data file " + quoted(location) + " is not a regular file");
  default:
    return refuse("its external data file " + quoted(location) + " cannot be opened: " + llvm::sys::StrError(code));
  }
}

llvm::Expected<FileDescriptor> lutra::frontend::openBeneath(int root, StringRef location, OpenMethod method) {
  constexpr int fileFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
#ifdef SYS_openat2
  if (method == OpenMethod::Best) {
    struct open_how how = {};
    how.flags = fileFlags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    int fd = int(::syscall(SYS_openat2, root, location.str().c_str(), &how, sizeof(how)));
    if (fd >= 0)
      return FileDescriptor(fd);
    // An old kernel does not know the call; a sandbox may forbid what it does not know. EAGAIN is a race that the
    // kernel could not exclude.
    if (errno != ENOSYS && errno != EPERM && errno != EAGAIN)
      return openError(errno, location);
  }
#endif
  // Without "..", without links and with one component at a time, no step can leave the root.
  FileDescriptor folder;
  StringRef rest = location;
  while (true) {
    auto [component, next] = rest.split('/');
    int at = folder.isValid() ? folder.get() : root;
    bool last = next.empty();
    FileDescriptor opened(
        ::openat(at, component.str().c_str(), last ? fileFlags : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened.isValid()) {
      int code = errno;
      struct stat status;
      // A link where a folder should be is reported as ENOTDIR.
      if (code == ENOTDIR && ::fstatat(at, component.str().c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISLNK(status.st_mode))
        code = ELOOP;
      return openError(code, location);
    }
    if (last)
      return opened;
    folder = std::move(opened);
    rest = next;
  }
}

static FileDescriptor openFolder(const std::string &path) {
  return FileDescriptor(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static std::string folderOf(StringRef path) {
  StringRef folder = llvm::sys::path::parent_path(path);
  return folder.empty() ? "." : folder.str();
}

llvm::Expected<FileDescriptor> ExternalDataLoader::openStrict(StringRef location) {
  std::string folder = folderOf(import.path);
  FileDescriptor root = openFolder(folder);
  if (!root.isValid())
    return refuse("the model's folder " + quoted(folder) + " cannot be opened: " + llvm::sys::StrError());
  return openBeneath(root.get(), location);
}

/// `path` with every link resolved, or empty.
static std::string canonical(const std::string &path) {
  char *resolved = ::realpath(path.c_str(), nullptr);
  if (!resolved)
    return {};
  std::string result = resolved;
  ::free(resolved);
  return result;
}

llvm::Expected<FileDescriptor> ExternalDataLoader::openFollowingLinks(StringRef location) {
  std::string root = canonical(import.options.followLinksWithin);
  if (root.empty())
    return refuse("the folder to follow links within, " + quoted(import.options.followLinksWithin) +
                  ", cannot be resolved: " + llvm::sys::StrError());
  std::string target = canonical(folderOf(import.path) + "/" + location.str());
  if (target.empty())
    return openError(errno, location);
  // By component: "/models-private" is not within "/models".
  StringRef inside = target;
  if (!(root == "/" ? inside.consume_front("/") : inside.consume_front(root) && inside.consume_front("/")))
    return refuse("its external data file " + quoted(location) + " leads to " + quoted(target) +
                  ", outside the folder within which links may be followed, " + quoted(root));
  FileDescriptor rootFd = openFolder(root);
  if (!rootFd.isValid())
    return refuse("the folder " + quoted(root) + " cannot be opened: " + llvm::sys::StrError());
  // The resolved path has no links: one that appears meanwhile is refused.
  return openBeneath(rootFd.get(), inside);
}

llvm::Expected<std::shared_ptr<const MappedFile>> ExternalDataLoader::file(StringRef location) {
  std::shared_ptr<const MappedFile> &cached = files[location];
  if (cached)
    return cached;
  llvm::Expected<FileDescriptor> fd =
      import.options.followLinksWithin.empty() ? openStrict(location) : openFollowingLinks(location);
  if (!fd)
    return fd.takeError();
  struct stat status;
  if (::fstat(fd->get(), &status) != 0)
    return openError(errno, location);
  if (!S_ISREG(status.st_mode))
    return refuse("its external data file " + quoted(location) + " is not a regular file");
  if (status.st_nlink > 1)
    return refuse("its external data file " + quoted(location) + " has " + llvm::Twine(uint64_t(status.st_nlink)) +
                  " hard links, so it may be a file from elsewhere: copy it");
  llvm::Expected<std::shared_ptr<const MappedFile>> mapped = MappedFile::map(std::move(*fd));
  if (!mapped)
    return refuse("its external data file " + quoted(location) + ": " + llvm::toString(mapped.takeError()));
  cached = *mapped;
  return cached;
}

FailureOr<SharedBytes> ExternalDataLoader::load(const ::onnx::TensorProto &tensor, uint64_t size, StringRef what) {
  auto fail = [&](llvm::Error error) -> FailureOr<SharedBytes> {
    return import.error() << what << ": " << llvm::toString(std::move(error));
  };
  llvm::Expected<ExternalLocation> location = parseExternalLocation(tensor);
  if (!location)
    return fail(location.takeError());
  llvm::Expected<std::shared_ptr<const MappedFile>> mapped = file(location->path);
  if (!mapped)
    return fail(mapped.takeError());
  StringRef bytes = (*mapped)->bytes();
  // Neither operand can be over 2^63, so nothing below overflows.
  if (location->offset > bytes.size())
    return fail(refuse("its external data begins at byte " + llvm::Twine(location->offset) + " of " +
                       quoted(location->path) + ", which has only " + llvm::Twine(bytes.size()) + " bytes"));
  uint64_t available = bytes.size() - location->offset;
  uint64_t length = location->length.value_or(available);
  if (length > available)
    return fail(refuse("its external data ends at byte " + llvm::Twine(location->offset + length) + " of " +
                       quoted(location->path) + ", which has only " + llvm::Twine(bytes.size()) + " bytes"));
  if (length != size)
    return fail(refuse("its external data has " + llvm::Twine(length) + " bytes" +
                       (location->length ? "" : " (to the end of the file, as no length is given)") +
                       ", but its type and dims need " + llvm::Twine(size)));
  return SharedBytes{bytes.substr(location->offset, length), *mapped};
}
