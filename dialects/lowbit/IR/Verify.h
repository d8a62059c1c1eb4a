//===- Verify.h - checks that several ops share -----------------*- C++ -*-===//
//
// Private to dialects/lowbit/IR.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_VERIFY_H
#define LUTRA_DIALECTS_LOWBIT_IR_VERIFY_H

#include "dialects/lowbit/IR/Lowbit.h"

namespace lutra::lowbit {

/// Whether two dimensions can be the same at run time.
inline bool compatible(int64_t a, int64_t b) {
  return mlir::ShapedType::isDynamic(a) || mlir::ShapedType::isDynamic(b) || a == b;
}

/// Parses `AxB`; `?` stands for a dynamic A when `allowDynamic`.
mlir::ParseResult parseMatrixShape(mlir::AsmParser &parser, int64_t &rows, int64_t &cols, bool allowDynamic);

/// The result of a product is M x N (C1).
llvm::LogicalResult verifyProduct(mlir::Operation *op, int64_t m, int64_t n, mlir::RankedTensorType result);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_VERIFY_H
