//===- Product.h - products with a constant weight --------------*- C++ -*-===//
//
// What MatMulNBits and ai.lutra.MatMul share: everything but the weight.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_PRODUCT_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_PRODUCT_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// Y = A w^T (+ bias) for a weight of `rows` x `cols`: input 0 is A, [..., cols]; `product` makes M x rows from A as a
/// matrix M x cols, where M is the product of the leading dimensions, which the result has again. `bias` is one number
/// for each row, or null.
mlir::FailureOr<mlir::Value> buildProduct(Node &node, int64_t rows, int64_t cols, mlir::Value bias,
                                          llvm::function_ref<mlir::FailureOr<mlir::Value>(mlir::Value flat)> product);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_PRODUCT_H
