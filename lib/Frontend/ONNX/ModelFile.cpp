//===- ModelFile.cpp - files mapped into memory ---------------------------===//
//
// Opening never blocks (O_NONBLOCK: a fifo must not hang the compiler) and nothing but a regular file is mapped.
//
//===----------------------------------------------------------------------===//
#include "ModelFile.h"

#include "llvm/Support/Errno.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lutra::frontend;

FileDescriptor &FileDescriptor::operator=(FileDescriptor &&other) {
  std::swap(fd, other.fd);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd >= 0)
    ::close(fd);
}

llvm::Expected<std::shared_ptr<const MappedFile>> MappedFile::open(llvm::StringRef path) {
  FileDescriptor fd(::open(path.str().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.isValid())
    return llvm::createStringError("cannot open the file: " + llvm::sys::StrError());
  return map(std::move(fd));
}

llvm::Expected<std::shared_ptr<const MappedFile>> MappedFile::map(FileDescriptor fd) {
  struct stat status;
  if (::fstat(fd.get(), &status) != 0)
    return llvm::createStringError("cannot inspect the file: " + llvm::sys::StrError());
  if (!S_ISREG(status.st_mode))
    return llvm::createStringError("not a regular file");
  size_t size = status.st_size;
  if (size == 0)
    return std::shared_ptr<const MappedFile>(new MappedFile(nullptr, 0));
  void *data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED)
    return llvm::createStringError("cannot map the file: " + llvm::sys::StrError());
  return std::shared_ptr<const MappedFile>(new MappedFile(static_cast<const char *>(data), size));
}

MappedFile::~MappedFile() {
  if (data)
    ::munmap(const_cast<char *>(data), size);
}
