//===- Access.h - constraints that all accesses share -----------*- C++ -*-===//
#ifndef LUTRA_DIALECTS_LMMA_IR_ACCESS_H
#define LUTRA_DIALECTS_LMMA_IR_ACCESS_H

#include "dialects/lmma/IR/Lmma.h"

namespace lutra::lmma {

/// Tokens of the machine.
inline constexpr int64_t kTokens = 16;

/// Whether a buffer is in a core's shared memory.
inline bool isShared(mlir::MemRefType type) { return mlir::isa_and_nonnull<SharedAttr>(type.getMemorySpace()); }

/// Checks a buffer's rank and element type (`shape` says which in words), and that indices are linear.
mlir::LogicalResult verifyAccess(mlir::Operation *op, mlir::Value buffer, mlir::AffineMap map, mlir::ValueRange indices,
                                 mlir::Type element, int64_t rank, const char *shape);

} // namespace lutra::lmma

#endif // LUTRA_DIALECTS_LMMA_IR_ACCESS_H
