//===- Types.h - ONNX's types as MLIR's -------------------------*- C++ -*-===//
#ifndef LUTRA_LIB_FRONTEND_ONNX_TYPES_H
#define LUTRA_LIB_FRONTEND_ONNX_TYPES_H

#include "ImportContext.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Support/LLVM.h"
#include "onnx.pb.h"

namespace lutra::frontend {

/// The MLIR type of ONNX's element type `dataType` (a TensorProto.DataType), or null when MLIR has none.
mlir::Type convertElementType(mlir::MLIRContext &context, int32_t dataType);

/// The element type as ONNX's documents write it ("FLOAT16"), or its number when the schema has no name for it.
std::string dataTypeName(int32_t dataType);

/// The type of an intermediate value: a ranked tensor when `type` states element type and rank, else `!onnx.value`.
mlir::Type convertValueType(mlir::MLIRContext &context, const ::onnx::TypeProto &type);

/// The type of a graph input or output with the names of its dimensions (a static dimension's name is its number).
struct InterfaceType {
  mlir::RankedTensorType type;
  llvm::SmallVector<std::string> dims;
};

/// The type of the graph's `role` ("input" or "output") `info`, which must be a tensor with a rank. Fails with a
/// diagnostic.
mlir::FailureOr<InterfaceType> convertInterfaceType(const ImportContext &import, const ::onnx::ValueInfoProto &info,
                                                    llvm::StringRef role);

} // namespace lutra::frontend

#endif // LUTRA_LIB_FRONTEND_ONNX_TYPES_H
