//===- Composite.h - the parts of weights that are made of weights -*- C++ -*-===//
//
// Names of the components of nested, mixed and outlier weights, and the constants of their parts. A part shares the
// elements of the whole: nothing is copied.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_COMPOSITE_H
#define LUTRA_DIALECTS_LOWBIT_IR_COMPOSITE_H

#include "dialects/lowbit/IR/Lowbit.h"

namespace lutra::lowbit {

/// The components whose names begin with `prefix`, without it: those of one part of a composite weight.
mlir::DictionaryAttr getPartComponents(mlir::DictionaryAttr components, llvm::StringRef prefix);

/// The prefix of the components of part `index` of a mixed weight: "0.", "1.", ...
std::string getMixedPrefix(size_t index);

/// The name of the table of a nested codebook at `bits` bits: "table3", ...
std::string getNestedTableName(unsigned bits);

/// The prefix of the components of an outlier weight's body.
inline constexpr llvm::StringLiteral kBodyPrefix = "body.";

/// Makes the constants of the parts of a mixed weight, in their order.
llvm::SmallVector<WeightOp> createMixedParts(mlir::OpBuilder &builder, WeightOp mixed);

/// Makes the constant of the body of an outlier weight.
WeightOp createOutlierBody(mlir::OpBuilder &builder, WeightOp outliers);

/// Makes the constant of the n-bit body of a nested weight.
WeightOp createNestedBody(mlir::OpBuilder &builder, WeightOp nested);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_COMPOSITE_H
