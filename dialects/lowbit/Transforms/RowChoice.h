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

/// Numbers of rows: those from `from` on (0: none), and some of those below 63, each a bit of `fewer`.
struct RowSet {
  int64_t from = 0;
  uint64_t fewer = 0;

  /// As "from 6 rows on, and for 2, 3".
  std::string spell() const;
};

/// Puts `products`, which read the same activations and stand in one block, into an `scf.if`: with as many activation rows as are in `rows` they have
/// strategy int8, else lut. Results are written into tensors that are made before. What makes the activations, and is made for these
/// products only, moves into both branches, so that passes fuse it there. Gives back the products of the branches.
llvm::SmallVector<MatmulOp> splitByRows(llvm::ArrayRef<MatmulOp> products, const RowSet &rows);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_ROWCHOICE_H
