//===- Outliers.h - what the outliers of a weight add -----------*- C++ -*-===//
//
// Private to dialects/lowbit/Transforms.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_OUTLIERS_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_OUTLIERS_H

#include "dialects/lowbit/IR/Lowbit.h"

#include "mlir/IR/Builders.h"

namespace lutra::lowbit {

/// The M x N sums over the outliers of `weight`, in f32: o = +0, then o = fma(a[m, k], v, o) by ascending k. Fails
/// with a diagnostic when the places of the outliers are not as the format says.
mlir::FailureOr<mlir::Value> createOutlierSums(mlir::OpBuilder &builder, MatmulOp product, WeightOp weight);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_OUTLIERS_H
