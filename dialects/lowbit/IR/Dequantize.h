//===- Dequantize.h - the values of a weight --------------------*- C++ -*-===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_DEQUANTIZE_H
#define LUTRA_DIALECTS_LOWBIT_IR_DEQUANTIZE_H

#include "dialects/lowbit/IR/Lowbit.h"

namespace lutra::lowbit {

/// Writes the result of `op`, row-major, to `out`, which must have as many places as its type; fails with a diagnostic
/// when the weight is not a constant.
llvm::LogicalResult dequantizeWeight(DequantizeOp op, llvm::MutableArrayRef<float> out);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_DEQUANTIZE_H
