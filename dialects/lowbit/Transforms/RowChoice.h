//===- RowChoice.h - products computed by the number of rows ----*- C++ -*-===//
//
// Private to dialects/lowbit/Transforms.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_ROWCHOICE_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_ROWCHOICE_H

#include "dialects/lowbit/IR/Lowbit.h"

namespace mlir {
class DominanceInfo;
} // namespace mlir

namespace lutra::lowbit {

/// Whether `later`, a product behind `first` in its block, can stand where `first` does: its weight is there, or is moved there.
bool canJoin(MatmulOp first, MatmulOp later, mlir::DominanceInfo &dominance);

/// Puts `products`, which read the same activations and stand in one block, into an `scf.if`: with `rows` activation rows or more they have
/// strategy int8, with fewer lut. Results are written into tensors that are made before. What makes the activations, and is made for these
/// products only, moves into both branches, so that passes fuse it there. Gives back the products of the branches.
llvm::SmallVector<MatmulOp> splitByRows(llvm::ArrayRef<MatmulOp> products, int64_t rows);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_ROWCHOICE_H
