//===- QuantizeActivations.h - activations to codes, by linalg --*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LOWBITTOLUT_QUANTIZEACTIVATIONS_H
#define LUTRA_CONVERSION_LOWBITTOLUT_QUANTIZEACTIVATIONS_H

#include "dialects/lowbit/IR/Lowbit.h"

namespace lutra {

/// Replaces the op by lut.quantize (absmax), or by a reduction over each group and element-wise ops, with the arithmetic of docs/spec/numerics.md, "Integer
/// activations". An error when K is not static.
llvm::LogicalResult decomposeQuantizeActivations(lowbit::QuantizeActivationsOp op);

} // namespace lutra

#endif // LUTRA_CONVERSION_LOWBITTOLUT_QUANTIZEACTIVATIONS_H
