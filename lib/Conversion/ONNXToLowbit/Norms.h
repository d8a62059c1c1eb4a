//===- Norms.h - norms that operators contain -------------------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_NORMS_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_NORMS_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// x / sqrt(mean(x^2) + epsilon) scale over the last axis, of f32.
mlir::FailureOr<mlir::Value> buildRmsNorm(Node &node, mlir::Value x, mlir::Value scale, float epsilon);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_NORMS_H
