//===- KernelTools.h - addresses and pipelines of kernels -------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LUTTOLMMA_KERNELTOOLS_H
#define LUTRA_CONVERSION_LUTTOLMMA_KERNELTOOLS_H

#include "dialects/lmma/IR/Lmma.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lutra::luttolmma {

using Values = llvm::SmallVector<mlir::Value>;

/// A sum of loop counters times constants, and a constant.
struct Index {
  llvm::SmallVector<std::pair<mlir::Value, int64_t>, 3> terms;
  int64_t constant = 0;

  Index(int64_t constant = 0) : constant(constant) {}
  Index(mlir::Value counter) : terms({{counter, 1}}) {}
  Index operator+(const Index &other) const {
    Index sum = *this;
    sum.terms.append(other.terms);
    sum.constant += other.constant;
    return sum;
  }
  Index operator*(int64_t factor) const {
    Index product = *this;
    for (auto &term : product.terms)
      term.second *= factor;
    product.constant *= factor;
    return product;
  }
};

/// Whether the elements of a buffer's last dimension lie behind each other: what the device's accesses need.
bool hasUnitStride(mlir::Value buffer);

/// An affine map and its operands.
using Access = std::pair<mlir::AffineMapAttr, Values>;
/// The map and operands of an access. A counter that occurs twice is one operand.
Access access(mlir::Builder &b, llvm::ArrayRef<Index> indices);

/// A loop bound that is a number, or the launch's rows rounded down.
lmma::BoundAttr bound(mlir::Builder &b, int64_t value);
lmma::BoundAttr rowsDownTo(mlir::Builder &b, int64_t multiple);
/// A loop that carries nothing.
void forRange(mlir::ImplicitLocOpBuilder &b, lmma::BoundAttr lower, lmma::BoundAttr upper, int64_t step,
              llvm::function_ref<void(mlir::Value)> body);
/// Rows in blocks of `largest`, then what is left in halves of them down to `smallest`; the last may reach past M.
void forRowBlocks(mlir::ImplicitLocOpBuilder &b, int64_t largest, int64_t smallest,
                  llvm::function_ref<void(int64_t size, mlir::Value firstRow)> body);
/// compute(0, load(0)), ..., compute(count - 1, load(count - 1)) with the loads `depth` steps ahead: a set of registers is loaded anew
/// as soon as its step has been computed.
Values pipelined(mlir::ImplicitLocOpBuilder &b, int64_t count, int64_t depth, const Values &carried,
                 llvm::function_ref<Values(const Index &)> load,
                 llvm::function_ref<Values(const Index &, mlir::ValueRange, const Values &)> compute);

} // namespace lutra::luttolmma

#endif // LUTRA_CONVERSION_LUTTOLMMA_KERNELTOOLS_H
