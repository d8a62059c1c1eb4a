//===- StructuredOps.h - what the structured ops have in common -*- C++ -*-===//
//
// Private to dialects/lut/IR.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LUT_IR_STRUCTUREDOPS_H
#define LUTRA_DIALECTS_LUT_IR_STRUCTUREDOPS_H

#include "dialects/lut/IR/Lut.h"

namespace lutra::lut {

/// `value` has a shape compatible with `shape` and one of the element types `elements`; `constraint` is named where not.
llvm::LogicalResult verifyOperand(mlir::Operation *op, llvm::StringRef name, mlir::Value value, llvm::ArrayRef<int64_t> shape,
                                  llvm::ArrayRef<mlir::Type> elements, llvm::StringRef constraint);

/// Which entries share a scale, from the shapes: one scale, one per group, or one per table (an even number per group). With one
/// group, its scale is the row's.
std::optional<lowbit::TableScale> findScaleKind(mlir::Value entries, mlir::Value scales, int64_t groups, int64_t tables);

/// C2 of the ops that make or read tables: entries, scales and sums of `rows` rows.
llvm::LogicalResult verifyTables(mlir::Operation *op, mlir::Value entries, mlir::Value scales, mlir::Value sums, int64_t rows,
                                 int64_t groups, int64_t tables);

/// All operands are tensors, with a result for each output, or all are buffers, with none (C4).
llvm::LogicalResult verifyStorage(mlir::Operation *op);

/// Reads the input buffers and writes the output buffers; tensors have no effects.
void getStructuredEffects(
    mlir::DestinationStyleOpInterface op,
    llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>> &effects);

} // namespace lutra::lut

#endif // LUTRA_DIALECTS_LUT_IR_STRUCTUREDOPS_H
