//===- Tensors.h - ONNX's tensors as elements attributes --------*- C++ -*-===//
#ifndef LUTRA_LIB_FRONTEND_ONNX_TENSORS_H
#define LUTRA_LIB_FRONTEND_ONNX_TENSORS_H

#include "ExternalData.h"
#include "ImportContext.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "onnx.pb.h"

namespace lutra::frontend {

/// Turns tensors into attributes, without copying the large ones.
class TensorLoader {
public:
  /// `model` keeps every TensorProto given to load, and its raw data, in memory.
  TensorLoader(const ImportContext &import, std::shared_ptr<const void> model)
      : import(import), model(std::move(model)), external(import) {}

  /// The value of `tensor`. `raw` replaces its raw_data field when that was cut out before parsing. `blobName` is a
  /// hint for the resource's name. Fails with a diagnostic about `what` ("tensor 'w'").
  mlir::FailureOr<mlir::ElementsAttr> load(const ::onnx::TensorProto &tensor, std::optional<llvm::StringRef> raw,
                                           llvm::StringRef blobName, llvm::StringRef what);

private:
  /// The `size` bytes of the data, which typed fields hold in `count` values.
  mlir::FailureOr<SharedBytes> findBytes(const ::onnx::TensorProto &tensor, std::optional<llvm::StringRef> raw,
                                         uint64_t count, uint64_t size, llvm::StringRef what);
  mlir::FailureOr<SharedBytes> typedBytes(const ::onnx::TensorProto &tensor, uint64_t count, llvm::StringRef what);

  const ImportContext &import;
  std::shared_ptr<const void> model;
  ExternalDataLoader external;
};

} // namespace lutra::frontend

#endif // LUTRA_LIB_FRONTEND_ONNX_TENSORS_H
