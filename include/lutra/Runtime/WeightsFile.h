//===- WeightsFile.h - the mapped weights of an artifact ------------------===//
//
// weights.safetensors, mapped read-only: processes that run the same model share its pages. Files that are smaller than a huge page are copied into one.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_RUNTIME_WEIGHTSFILE_H
#define LUTRA_RUNTIME_WEIGHTSFILE_H

#include "lutra/Runtime/Manifest.h"
#include "lutra/Support/Safetensors.h"
#include "llvm/Support/Error.h"
#include <memory>

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

/// How a file is read.
enum class FileUse {
  /// Once.
  Passing,
  /// Again and again, between others: a small file is worth a copy in memory that is reached sooner.
  Lasting
};

/// The bytes of a file, read-only: a mapping of it, unmapped at the end of its life, or a copy.
class MappedFile {
public:
  /// Maps the file; asks the kernel to read it ahead into the page cache and to map its pages.
  static llvm::Expected<MappedFile> open(llvm::StringRef path, FileUse use = FileUse::Passing);

  llvm::StringRef bytes() const { return text; }

private:
  llvm::StringRef text;
  /// What unmaps or frees them.
  std::shared_ptr<void> memory;
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
