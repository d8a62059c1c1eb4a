//===- MatrixProduct.h - products of two tensors ----------------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_MATRIXPRODUCT_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_MATRIXPRODUCT_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// The product of the last two dimensions (of which an operand may be transposed), broadcast over the ones before; a
/// vector is a row on the left and a column on the right, and its dimension is dropped from the result. Both are floats,
/// or integers, of one type; sums of integers wrap around.
mlir::FailureOr<mlir::Value> buildMatrixProduct(Node &node, mlir::Value a, mlir::Value b, bool transposeA = false,
                                                bool transposeB = false);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_MATRIXPRODUCT_H
