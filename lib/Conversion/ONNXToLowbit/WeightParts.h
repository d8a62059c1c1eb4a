//===- WeightParts.h - constants that weights are made of -------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_WEIGHTPARTS_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_WEIGHTPARTS_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// The same bytes under another shape or type.
mlir::ElementsAttr reshapeElements(mlir::ElementsAttr elements, mlir::RankedTensorType type);

/// `bytes` as a constant of `type`: a blob named `name` when there are many.
mlir::ElementsAttr createElements(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes, llvm::StringRef name);

/// The constant that defines an input, in `type`; the input may have `shape` or be flat. Anything else is an error.
mlir::FailureOr<mlir::ElementsAttr> getWeightPart(Node &node, unsigned index, mlir::RankedTensorType type);

/// The bytes of input `index`, whose constant is `elements`; `storage` holds those of a splat.
mlir::FailureOr<llvm::ArrayRef<char>> getPartBytes(Node &node, unsigned index, mlir::ElementsAttr elements,
                                                   llvm::SmallVector<char> &storage);

/// A constant of floats (f16, bf16, f32, or of 8 bits) as f32, exactly; null when it cannot be read.
mlir::ElementsAttr widenElements(mlir::ElementsAttr elements);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_WEIGHTPARTS_H
