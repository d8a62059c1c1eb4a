//===- Positions.h - places that indices stand for --------------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_POSITIONS_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_POSITIONS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lutra {

/// Whether -count <= x < count.
mlir::Value createInRange(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value count);

/// The position in 0..count-1 that index `x` stands for: negative ones count from the end, others are clamped.
mlir::Value createPosition(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value count);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_POSITIONS_H
