//===- CostModel.h - what a product takes, by how it is computed -*- C++ -*-===//
//
// Private to dialects/lowbit/Transforms. The formula is in ProductPasses.td (lowbit-select-strategy); here are its terms.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COSTMODEL_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COSTMODEL_H

#include "dialects/lowbit/IR/Lowbit.h"

namespace lutra::lowbit {

/// What a machine does in a nanosecond: the options of lowbit-select-strategy. 0: not known.
struct CostRates {
  /// Bytes of weights read.
  double bandwidth = 0;
  /// Planes of four weights that are looked up for an activation row; that are made indices, which a block of rows shares.
  double lookup = 0, index = 0;
  /// Table entries computed.
  double table = 0;
  /// Sums of a group that are scaled and added to an output; outputs that are stored.
  double sum = 0, store = 0;
  /// f32 multiply-adds; numbers of a weight that are made of its codes.
  double fma = 0, number = 0;
  /// Multiply-adds of codes of 8 bits; codes of weights that are read for a block of rows; planes of a weight that are made bytes; activations that are
  /// made codes, and groups of them that are given a scale. int8 0: no such products.
  double int8 = 0, panel = 0, unpack = 0, code = 0, scale = 0;
};

/// Predicted nanoseconds; infinite where a product cannot be computed so.
struct ProductCost {
  double lookup, dense, int8;
};

/// The times of `product` for `rows` activation rows.
ProductCost predictCost(const CostRates &rates, MatmulOp product, int64_t rows);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COSTMODEL_H
