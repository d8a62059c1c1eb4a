//===- ProductUtils.h - activations of a product as numbers -----*- C++ -*-===//
//
// Private to dialects/lowbit/Transforms.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PRODUCTUTILS_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PRODUCTUTILS_H

#include "dialects/lowbit/IR/Lowbit.h"

#include "mlir/IR/Builders.h"

namespace mlir {
class DominanceInfo;
} // namespace mlir

namespace lutra::lowbit {

/// The indexing maps with these results, as in `{{m, k}, {k, n}, {m, n}}`.
inline llvm::SmallVector<mlir::AffineMap> makeMaps(mlir::MLIRContext *context,
                                                   llvm::ArrayRef<llvm::SmallVector<mlir::AffineExpr, 4>> results) {
  return mlir::AffineMap::inferFromExprList(results, context);
}

/// M of a product: static, or the size of its activations.
mlir::OpFoldResult getProductRows(mlir::OpBuilder &builder, MatmulOp product);

/// The activations of `product` as f32: themselves; halves converted exactly; codes times their scales, rounded once.
mlir::Value createFloatActivations(mlir::OpBuilder &builder, MatmulOp product);

/// +0 everywhere: the M x N outputs of `product` before anything is added, in f32.
mlir::Value createZeroOutputs(mlir::OpBuilder &builder, MatmulOp product);

/// `value` (M x N, f32) as the result of `product`: rounded once where that is a narrower float.
mlir::Value createProductResult(mlir::OpBuilder &builder, MatmulOp product, mlir::Value value);

/// Moves what makes `value` before `place`, if it does not stand there yet; false when something in it cannot move.
bool moveBefore(mlir::Value value, mlir::Operation *place, mlir::DominanceInfo &dominance);

/// The block in which what `op` alone needs of `value` is made: that of `value`, but never outside of a branch that holds `op`, which may not be
/// taken.
mlir::Block *getBlockToMake(mlir::Value value, mlir::Operation *op);

/// Whether codes of 8 bits times those of a weight of `type` are exact in 32 bits, and one integer for all of its planes.
bool canMultiplyCodes(WeightType type);
/// Whether a machine that multiplies codes (lut-multiply-codes) makes a product of codes of `lookup`.
bool multipliesCodes(LookupMatmulOp lookup);

/// Whether a machine that multiplies codes (lut-multiply-codes) looks no plane of `weight` up: it has one alpha for all planes, its lookups are in i16
/// tables of integer activations, and sums of its groups fit 32 bits.
bool isReadAsCodes(mlir::Value weight);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PRODUCTUTILS_H
