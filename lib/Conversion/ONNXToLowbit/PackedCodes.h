//===- PackedCodes.h - single codes of a packed array -----------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_PACKEDCODES_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_PACKEDCODES_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// Codes of 2, 4 or 8 bits in bytes, row-major without gaps, low bits first.
struct PackedCodes {
  /// A tensor of rank 1 of i8.
  mlir::Value bytes;
  /// Codes along each axis.
  llvm::SmallVector<int64_t> sizes;
  int64_t bits;
  bool isSigned;

  /// The codes of a constant of elements of 2, 4 or 8 bits: its very bytes. Nothing when it has no data.
  static std::optional<PackedCodes> create(Node &node, mlir::ElementsAttr constant, bool isSigned);

  /// Emits code that reads code [at...] as i32, extended by its sign or by zeros.
  mlir::Value extract(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange at) const;
};

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_PACKEDCODES_H
