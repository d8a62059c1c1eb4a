//===- ExternalData.h - tensors kept in files beside the model --*- C++ -*-===//
//
// A model names the files that hold its weights, so a hostile model could name any file of the user's. The rules here
// are those of ONNX's own guidance, "ExternalDataSecurity": see docs/onnx-import.md.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_FRONTEND_ONNX_EXTERNALDATA_H
#define LUTRA_LIB_FRONTEND_ONNX_EXTERNALDATA_H

#include "ImportContext.h"
#include "ModelFile.h"

#include "mlir/Support/LLVM.h"
#include "onnx.pb.h"
#include "llvm/ADT/StringMap.h"

#include <optional>

namespace lutra::frontend {

/// Bytes and what keeps them in memory.
struct SharedBytes {
  llvm::StringRef bytes;
  std::shared_ptr<const void> owner;
};

/// The `external_data` entries of a tensor, checked for form.
struct ExternalLocation {
  /// Relative, '/'-separated, without "." or ".." or empty components.
  std::string path;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
};

/// Opens the files that external tensors name, each once. A relative model path is taken from the working directory
/// of the first load.
class ExternalDataLoader {
public:
  explicit ExternalDataLoader(const ImportContext &import) : import(import) {}

  /// The bytes of `tensor`, which must be exactly `size`. Fails with a diagnostic about `what` ("tensor 'w'").
  mlir::FailureOr<SharedBytes> load(const ::onnx::TensorProto &tensor, uint64_t size, llvm::StringRef what);

private:
  /// The mapped file at `location`, from the cache when another tensor named it.
  llvm::Expected<std::shared_ptr<const MappedFile>> file(llvm::StringRef location);
  llvm::Expected<FileDescriptor> openStrict(llvm::StringRef location);
  llvm::Expected<FileDescriptor> openFollowingLinks(llvm::StringRef location);

  const ImportContext &import;
  llvm::StringMap<std::shared_ptr<const MappedFile>> files;
};

/// Checks the keys and values of `tensor`'s external_data.
llvm::Expected<ExternalLocation> parseExternalLocation(const ::onnx::TensorProto &tensor);

/// How openBeneath asks the kernel.
enum class OpenMethod {
  /// openat2, and component by component where the kernel or a sandbox does not offer it.
  Best,
  /// Component by component, as on a kernel without openat2 (for tests).
  Portable,
};

/// Opens the file at the relative path `location` below the folder `root`, for reading, refusing every symbolic link on
/// the way and at the end. The path must have been through parseExternalLocation.
llvm::Expected<FileDescriptor> openBeneath(int root, llvm::StringRef location, OpenMethod method = OpenMethod::Best);

} // namespace lutra::frontend

#endif // LUTRA_LIB_FRONTEND_ONNX_EXTERNALDATA_H
