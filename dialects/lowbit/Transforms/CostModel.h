//===- CostModel.h - what a product takes, by how it is computed -*- C++ -*-===//
//
// Private to dialects/lowbit/Transforms. The formula is in ProductPasses.td (lowbit-select-strategy), its terms are in CostRates.def.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COSTMODEL_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COSTMODEL_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/CostRates.h"

namespace lutra::lowbit {

/// Predicted nanoseconds; infinite where a product cannot be computed so.
struct ProductCost {
  double lookup, dense, int8;
};

/// The times of `product` for `rows` activation rows; `isShared`: of one weight for lookups and int8 products, which then lies as both read it.
ProductCost predictCost(const CostRates &rates, MatmulOp product, int64_t rows, bool isShared = false);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COSTMODEL_H
