//===- Artifact.h - an artifact directory appears whole or not --*- C++ -*-===//
#ifndef LUTRA_CODEGEN_ARTIFACT_H
#define LUTRA_CODEGEN_ARTIFACT_H

#include "llvm/Support/Error.h"
#include <string>

namespace lutra {

/// The directory of a compiled model while it is being written. Files go to a temporary directory beside `path`; `commit`
/// puts it in place of `path`. Without `commit` nothing of it remains and what was at `path` stays as it was.
class ArtifactDirectory {
public:
  /// Refuses a `path` that is a file, or a directory that is neither empty nor an artifact: it would be replaced.
  static llvm::Expected<ArtifactDirectory> create(llvm::StringRef path);
  ArtifactDirectory(ArtifactDirectory &&other);
  ArtifactDirectory &operator=(ArtifactDirectory &&) = delete;
  ~ArtifactDirectory();

  /// Where to write files now.
  llvm::StringRef path() const { return temporary; }
  /// `path()`/`name`.
  std::string file(llvm::StringRef name) const;

  llvm::Error commit();

private:
  ArtifactDirectory() = default;
  std::string destination, temporary;
};

} // namespace lutra

#endif // LUTRA_CODEGEN_ARTIFACT_H
