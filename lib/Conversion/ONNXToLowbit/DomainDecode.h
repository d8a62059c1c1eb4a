//===- DomainDecode.h - one element of a stored weight ----------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_DOMAINDECODE_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_DOMAINDECODE_H

#include "lib/Conversion/ONNXToLowbit/DomainWeight.h"

namespace lutra {

/// Emits code that reads single elements of a weight from the components that a node carries, as they are stored: what
/// a lookup of a few rows needs. Values are those of docs/spec/onnx-domain.md: computed in f64, rounded to f32 once.
class ElementDecoder {
public:
  /// For `weight`, whose components are the inputs of `node` from `first` on. Refuses formats of several parts.
  static mlir::FailureOr<ElementDecoder> create(Node &node, const DomainWeight &weight, unsigned first);

  /// Element [row, column], two index values, as f32. The row and the column must be in range.
  mlir::Value decode(mlir::ImplicitLocOpBuilder &b, mlir::Value row, mlir::Value column) const;

private:
  ElementDecoder(lowbit::WeightFormatInterface format) : format(format) {}

  /// Where an element lies: its row, its group, and its place in the group.
  struct Place {
    mlir::Value row, group, inGroup;
  };
  /// The number of `name` that the element shares, as it is stored; `more`: indices behind row and group.
  mlir::Value getShared(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name, const Place &at,
                        llvm::ArrayRef<mlir::Value> more = {}) const;
  /// The same as f64.
  mlir::Value getSharedF64(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name, const Place &at,
                           llvm::ArrayRef<mlir::Value> more = {}) const;
  /// A byte of the codes as i32; its index in the group may be one past the end.
  mlir::Value getByte(mlir::ImplicitLocOpBuilder &b, const Place &at, mlir::Value byte) const;
  /// The code of `bits` bits as i32.
  mlir::Value getCode(mlir::ImplicitLocOpBuilder &b, const Place &at, unsigned bits) const;

  mlir::Value decodeUniform(mlir::ImplicitLocOpBuilder &b, lowbit::UniformAttr uniform, const Place &at) const;
  mlir::Value decodeTernary(mlir::ImplicitLocOpBuilder &b, lowbit::TernaryAttr ternary, const Place &at) const;
  mlir::Value decodeBipolar(mlir::ImplicitLocOpBuilder &b, lowbit::BipolarAttr bipolar, const Place &at) const;
  mlir::Value decodeBCQ(mlir::ImplicitLocOpBuilder &b, lowbit::BCQAttr bcq, const Place &at) const;
  mlir::Value decodeCodebook(mlir::ImplicitLocOpBuilder &b, lowbit::CodebookAttr codebook, const Place &at) const;

  lowbit::WeightFormatInterface format;
  /// The components as tensors.
  llvm::StringMap<mlir::Value> components;
};

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_DOMAINDECODE_H
