//===- WeightNarrowing.h - constants with fewer bits ------------*- C++ -*-===//
//
// Private to lowbit-canonicalize-weights.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_WEIGHTNARROWING_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_WEIGHTNARROWING_H

#include "dialects/lowbit/IR/Weights.h"

namespace lutra::lowbit {

/// Makes a constant with the same values as `op`, which `reader` reads, in as few bits as its codes need. Null when it
/// needs all that it has, or when fewer would not be exact.
WeightOp narrowWeight(mlir::OpBuilder &builder, WeightOp op, const WeightReader &reader);

/// Makes a uniform constant with the same values as the codebook weight `op`, when its tables are multiples of one power of two
/// and the planes that it has otherwise are not as few. Null otherwise, and for other formats.
WeightOp convertCodebook(mlir::OpBuilder &builder, WeightOp op, const WeightReader &reader);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_WEIGHTNARROWING_H
