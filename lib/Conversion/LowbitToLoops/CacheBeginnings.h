//===- CacheBeginnings.h - where keys and values begin ----------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LOWBITTOLOOPS_CACHEBEGINNINGS_H
#define LUTRA_CONVERSION_LOWBITTOLOOPS_CACHEBEGINNINGS_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/Builders.h"

namespace lutra {

/// Emits, at `builder`, loops that read the first `bytes` of each head's keys and of its values, those that a window leaves, where there is one token. `arguments`
/// are values for op's operands, in op's order.
void readCacheBeginnings(lowbit::AttentionOp op, mlir::ValueRange arguments, int64_t bytes, mlir::OpBuilder &builder);

} // namespace lutra

#endif // LUTRA_CONVERSION_LOWBITTOLOOPS_CACHEBEGINNINGS_H
