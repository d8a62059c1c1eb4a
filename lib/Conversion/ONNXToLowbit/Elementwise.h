//===- Elementwise.h - what operators on elements share ---------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_ELEMENTWISE_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_ELEMENTWISE_H

#include "lib/Conversion/ONNXToLowbit/Build.h"

namespace lutra {

/// Builds `body` over `operands`, broadcast, as output 0.
mlir::LogicalResult setElementwise(Node &node, mlir::ValueRange operands, mlir::Type element, Body body,
                                   std::optional<bool> isUnsigned = std::nullopt);

/// 1 / (1 + exp(-x)).
mlir::Value createSigmoid(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// `x` as `to`: truncation towards zero from floats, modulo 2^n between integers, "is not zero" to bool.
mlir::Value createCast(mlir::ImplicitLocOpBuilder &b, mlir::Value x, bool fromUnsigned, mlir::Type to, bool toUnsigned);

/// The builtin type of an ONNX element type number, or null; unsigned types keep their sign.
mlir::Type getElementType(mlir::Builder &builder, int64_t code);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_ELEMENTWISE_H
