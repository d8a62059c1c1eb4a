//===- QuantizedElement.h - single numbers of a quantized constant * C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_QUANTIZEDELEMENT_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_QUANTIZEDELEMENT_H

#include "lib/Conversion/ONNXToLowbit/PackedCodes.h"

namespace lutra {

/// Every number that a float of at most 8 bits can be, by its bits: a tensor of f32.
mlir::Value createFloatTable(Node &node, mlir::FloatType type);

/// Reads single elements of what DequantizeLinear makes of a constant, so that a few of many can be had without the
/// rest.
class QuantizedElement {
public:
  /// Nothing when a part of the constant cannot be read.
  static std::optional<QuantizedElement> create(Node &node, const QuantizedConstant &constant);

  /// Emits code for element [at...] as f32: (code - zero) scale. `at` indexes the value, transposed or not.
  mlir::Value extract(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange at) const;

private:
  /// A number of each element, block, index of the axis, or of the tensor, as it is stored.
  struct Numbers {
    PackedCodes codes;
    /// What codes that are floats stand for, or null.
    mlir::Value table;
    mlir::Value extract(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange at) const;
  };

  explicit QuantizedElement(const QuantizedConstant &constant) : constant(constant) {}
  static std::optional<Numbers> read(Node &node, mlir::ElementsAttr elements, bool isUnsigned);

  QuantizedConstant constant;
  std::optional<Numbers> codes, zeros, smallScales;
  /// Scales of 16 and 32 bits.
  mlir::Value scales, globalScale;
};

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_QUANTIZEDELEMENT_H
