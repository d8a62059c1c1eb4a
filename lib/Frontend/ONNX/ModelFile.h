//===- ModelFile.h - files mapped into memory -------------------*- C++ -*-===//
#ifndef LUTRA_LIB_FRONTEND_ONNX_MODELFILE_H
#define LUTRA_LIB_FRONTEND_ONNX_MODELFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace lutra::frontend {

/// A file descriptor that closes itself.
class FileDescriptor {
public:
  explicit FileDescriptor(int fd = -1) : fd(fd) {}
  FileDescriptor(FileDescriptor &&other) : fd(other.release()) {}
  FileDescriptor &operator=(FileDescriptor &&other);
  ~FileDescriptor();

  bool isValid() const { return fd >= 0; }
  int get() const { return fd; }
  int release() {
    int result = fd;
    fd = -1;
    return result;
  }

private:
  int fd;
};

/// A regular file mapped read-only. Shared: every tensor that aliases it keeps it mapped.
class MappedFile {
public:
  /// Maps the regular file at `path`, following links: the caller chose it.
  static llvm::Expected<std::shared_ptr<const MappedFile>> open(llvm::StringRef path);

  /// Maps the file behind `fd`. The error's text has no file name.
  static llvm::Expected<std::shared_ptr<const MappedFile>> map(FileDescriptor fd);

  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  llvm::StringRef bytes() const { return {data, size}; }

private:
  MappedFile(const char *data, size_t size) : data(data), size(size) {}

  const char *data;
  size_t size;
};

} // namespace lutra::frontend

#endif // LUTRA_LIB_FRONTEND_ONNX_MODELFILE_H
