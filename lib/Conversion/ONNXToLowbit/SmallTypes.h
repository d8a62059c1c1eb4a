//===- SmallTypes.h - arrays of elements of less than a byte, and 8-bit floats -*- C++ -*-===//
//
// A value whose ONNX element type is an integer of 2 or 4 bits or a float of 4 or 8 bits is a tensor of bytes, one code
// in the low bits of each; the high bits are 0 in what a graph computes and are ignored in what it is given. The Graph
// remembers the type. Operators that move elements move the bytes; Cast, QuantizeLinear and DequantizeLinear know the
// codes; no other operator takes such values.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_SMALLTYPES_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_SMALLTYPES_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// Whether elements of `type` are codes in bytes: integers of 2 and 4 bits, floats of 4 and 8.
bool isSmallType(mlir::Type type);

/// The name that manifests have for the type: "u4", "i2", "e2m1", "e4m3fnuz".
std::string getSmallTypeName(mlir::Type type, bool isUnsigned);

/// The numbers that `value` holds: f32 for small floats, i8 (unsigned as `value` is) for small integers. A constant of
/// a small type is decoded where it is used. Anything else as it is; a constant without data is an error.
mlir::FailureOr<mlir::Value> buildNumbers(Node &node, mlir::Value value);

/// A constant of a small type as bytes that hold a code each; anything else as it is.
mlir::FailureOr<mlir::Value> buildCodes(Node &node, mlir::Value value);

/// What becomes of numbers that the target of a cast has not.
struct SmallRounding {
  /// Whether numbers beyond the largest become the largest, not NaN or infinity.
  bool isSaturated = true;
  /// For e8m0, whose numbers are powers of two.
  enum { Up, Down, Nearest } powers = Up;
};

/// The code, as i8, of an f32 in a float of 4 or 8 bits: the nearest, ties to even.
mlir::Value createSmallFloat(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::FloatType to, SmallRounding rounding);

/// The low bits of an i8 as the code of an integer of 2 or 4 bits.
mlir::Value createSmallInteger(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::IntegerType to);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_SMALLTYPES_H
