//===- QuantizedWeight.h - quantized constants as weights -------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_QUANTIZEDWEIGHT_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_QUANTIZEDWEIGHT_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// The codes of a constant, one byte each (two's complement where they are signed): 2, 4 and 8 bits are read. Nothing
/// when the constant has no data.
std::optional<llvm::SmallVector<char>> unpackCodes(mlir::ElementsAttr codes, bool isUnsigned);

/// N x K codes of `bits` bits, a byte each, as the `codes` component of a uniform weight: groups begin at a byte.
mlir::ElementsAttr packCodes(mlir::Builder &builder, llvm::ArrayRef<char> codes, int64_t rows, int64_t cols,
                             int64_t bits, int64_t group);

/// Input 0 times a constant K x N matrix (N x K when `isTransposed`) as a lookup product. A null value when no weight
/// format states the constant exactly: then the caller multiplies what DequantizeLinear made.
mlir::FailureOr<mlir::Value> buildQuantizedProduct(Node &node, const QuantizedConstant &constant, bool isTransposed);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_QUANTIZEDWEIGHT_H
