//===- RowChoice.cpp - products computed by the number of rows ------------===//
//
// One weight, two ways to multiply with it: both branches of the scf.if read the same value, and so, later, the same packed bytes.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/Transforms/RowChoice.h"
#include "dialects/lowbit/Transforms/ProductUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <functional>

using namespace mlir;
using namespace lutra::lowbit;

bool lutra::lowbit::canJoin(MatmulOp first, MatmulOp later, DominanceInfo &dominance) {
  return moveBefore(later.getWeight(), first, dominance);
}

/// The ops that make `activations` and that nothing but `products` and these ops reads, in the order of their block.
static SmallVector<Operation *> findMakers(Value activations, ArrayRef<MatmulOp> products) {
  llvm::SetVector<Operation *> makers;
  SmallVector<Value> worklist{activations};
  auto isReader = [&](Operation *user) {
    return makers.contains(user) || llvm::any_of(products, [&](MatmulOp product) { return product == user; });
  };
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val().getDefiningOp();
    if (!op || makers.contains(op) || op->getBlock() != products.front()->getBlock() ||
        !isa<linalg::LinalgOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::EmptyOp, tensor::CastOp>(op) ||
        !isMemoryEffectFree(op) || !llvm::all_of(op->getUsers(), isReader))
      continue;
    makers.insert(op);
    llvm::append_range(worklist, op->getOperands());
  }
  SmallVector<Operation *> sorted = makers.takeVector();
  llvm::sort(sorted, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return sorted;
}

/// The number of rows of `value` before any of `makers` has run, or null when only they tell.
static Value findRows(ImplicitLocOpBuilder &b, Value value, ArrayRef<Operation *> makers) {
  // Where a maker's first dimension comes from; a merge of dimensions is their product.
  std::function<Value(Value, unsigned)> sizeOf = [&](Value value, unsigned dim) -> Value {
    auto type = cast<RankedTensorType>(value.getType());
    if (!type.isDynamicDim(dim))
      return arith::ConstantIndexOp::create(b, type.getDimSize(dim));
    Operation *maker = value.getDefiningOp();
    if (!maker || !llvm::is_contained(makers, maker))
      return tensor::DimOp::create(b, value, dim);
    if (auto op = dyn_cast<linalg::LinalgOp>(maker))
      return sizeOf(op.getDpsInits()[cast<OpResult>(value).getResultNumber()], dim);
    if (auto op = dyn_cast<tensor::EmptyOp>(maker))
      return op.getDynamicSizes()[type.getDynamicDimIndex(dim)];
    if (auto op = dyn_cast<tensor::CastOp>(maker))
      return sizeOf(op.getSource(), dim);
    if (auto op = dyn_cast<tensor::CollapseShapeOp>(maker)) {
      Value size;
      for (int64_t from : op.getReassociationIndices()[dim]) {
        Value factor = sizeOf(op.getSrc(), from);
        size = !factor ? Value() : size ? arith::MulIOp::create(b, size, factor).getResult() : factor;
        if (!size)
          return {};
      }
      return size;
    }
    return {};
  };
  return sizeOf(value, 0);
}

std::string RowSet::spell() const {
  std::string text = from ? llvm::formatv("from {0} rows on", from).str() : std::string();
  SmallVector<std::string> numbers;
  for (int64_t first = 0; first < 64; ++first) {
    int64_t last = first;
    while (last < 64 && fewer >> last & 1)
      ++last;
    if (last > first)
      numbers.push_back(llvm::utostr(first) + (last - first > 1 ? " to " + llvm::utostr(last - 1) : ""));
    first = last;
  }
  if (!numbers.empty())
    text += (text.empty() ? "for " : " and for ") + llvm::join(numbers, ", ");
  return text;
}

/// Whether `count` is in `rows`.
static Value isIn(ImplicitLocOpBuilder &b, Value count, const RowSet &rows) {
  Value result;
  if (rows.from)
    result = arith::CmpIOp::create(b, arith::CmpIPredicate::uge, count, arith::ConstantIndexOp::create(b, rows.from));
  if (!rows.fewer)
    return result;
  // Bit 63 is no number's.
  Value place = arith::MinUIOp::create(b, arith::IndexCastOp::create(b, b.getI64Type(), count), arith::ConstantIntOp::create(b, 63, 64));
  Value bits = arith::ShRUIOp::create(b, arith::ConstantIntOp::create(b, static_cast<int64_t>(rows.fewer), 64), place);
  Value isFewer = arith::TruncIOp::create(b, b.getI1Type(), bits);
  return result ? arith::OrIOp::create(b, result, isFewer).getResult() : isFewer;
}

SmallVector<MatmulOp> lutra::lowbit::splitByRows(ArrayRef<MatmulOp> products, const RowSet &rows) {
  MatmulOp first = products.front();
  SmallVector<Location> locations;
  SmallVector<Type> types;
  for (MatmulOp product : products) {
    locations.push_back(product.getLoc());
    types.push_back(product.getType());
  }
  ImplicitLocOpBuilder b(FusedLoc::get(first.getContext(), locations), first);
  SmallVector<Operation *> makers = findMakers(first.getActivations(), products);
  Value count = findRows(b, first.getActivations(), makers);
  if (!count) {
    makers.clear();
    count = tensor::DimOp::create(b, first.getActivations(), 0);
  }
  SmallVector<Value> outputs;
  for (MatmulOp product : products) {
    auto type = cast<RankedTensorType>(product.getType());
    SmallVector<Value> sizes(type.getNumDynamicDims(), count);
    // Not tensor.empty: equal ones become one, and two outputs cannot share it.
    outputs.push_back(bufferization::AllocTensorOp::create(b, type, sizes));
  }
  SmallVector<MatmulOp> made;
  auto emit = [&](Strategy strategy) {
    return [&, strategy](OpBuilder &builder, Location loc) {
      IRMapping map;
      for (Operation *maker : makers)
        builder.clone(*maker, map);
      SmallVector<Value> results;
      for (auto [product, output] : llvm::zip_equal(products, outputs)) {
        MatmulOp original = product;
        auto copy = cast<MatmulOp>(builder.clone(*original.getOperation(), map));
        copy.setStrategy(strategy);
        made.push_back(copy);
        results.push_back(
            bufferization::MaterializeInDestinationOp::create(builder, copy.getLoc(), copy.getType(), copy.getResult(), output)
                .getResult());
      }
      scf::YieldOp::create(builder, loc, results);
    };
  };
  auto choice = scf::IfOp::create(b, isIn(b, count, rows), emit(Strategy::Int8), emit(Strategy::Lut));
  for (auto [product, result] : llvm::zip_equal(products, choice.getResults())) {
    MatmulOp replaced = product;
    replaced.replaceAllUsesWith(Value(result));
    replaced.erase();
  }
  for (Operation *maker : llvm::reverse(makers))
    maker->erase();
  return made;
}
