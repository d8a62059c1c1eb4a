//===- WeightsFile.h - the mapped weights of an artifact ------------------===//
//
// weights.safetensors, mapped read-only: processes that run the same model share its pages.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_RUNTIME_WEIGHTSFILE_H
#define LUTRA_RUNTIME_WEIGHTSFILE_H

#include "lutra/Runtime/Manifest.h"
#include "lutra/Support/Safetensors.h"
#include "llvm/Support/Error.h"

namespace lutra {

/// How much of a file is compared with the manifest's hashes when it is opened.
enum class HashCheck {
  /// Nothing but its size.
  None,
  /// All of it up to kSampledBytes, samples of a larger one.
  Sample,
  /// All of it.
  Whole
};

/// A read-only mapping of a file, unmapped at the end of its life.
class MappedFile {
public:
  MappedFile() = default;
  MappedFile(MappedFile &&other) noexcept : base(other.base), length(other.length) {
    other.base = nullptr, other.length = 0;
  }
  MappedFile &operator=(MappedFile &&other) noexcept {
    std::swap(base, other.base);
    std::swap(length, other.length);
    return *this;
  }
  ~MappedFile();

  /// Maps the file; asks the kernel to read it ahead into the page cache and to map its pages.
  static llvm::Expected<MappedFile> open(llvm::StringRef path);

  llvm::StringRef bytes() const { return {base, length}; }

private:
  char *base = nullptr;
  size_t length = 0;
};

/// Fails unless the file has the size and, as `check` says, the hash or the hash of samples that the manifest states.
llvm::Error checkFile(const Manifest &manifest, const ManifestFile &file, llvm::StringRef bytes, HashCheck check);

/// The weights of an artifact: checked, mapped, parsed.
class WeightsFile {
public:
  /// Opens the manifest's weights file. Size, header and, as `check` says, hash must be right.
  static llvm::Expected<WeightsFile> open(const Manifest &manifest, HashCheck check);

  /// What the compiled code gets as its base buffer.
  llvm::StringRef data() const { return file.bytes().drop_front(header.dataOffset); }
  const SafetensorsHeader &getHeader() const { return header; }

private:
  MappedFile file;
  SafetensorsHeader header;
};

} // namespace lutra

#endif // LUTRA_RUNTIME_WEIGHTSFILE_H
