//===- Casts.h - element-wise casts of activations --------------*- C++ -*-===//
//
// Private to dialects/lowbit/Transforms and the conversions.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_CASTS_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_CASTS_H

#include "mlir/IR/Builders.h"

namespace lutra::lowbit {

/// `matrix` with elements of the float type `element`: widened exactly, or rounded once, by a row-wise linalg op that can be fused
/// into what makes or reads it. The same value when the type is the same.
mlir::Value castElements(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value matrix, mlir::Type element);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_CASTS_H
