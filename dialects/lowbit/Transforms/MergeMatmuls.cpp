//===- MergeMatmuls.cpp - one product for many of the same activations ----===//
//
// lowbit-merge-matmuls: see Passes.td. A row of a weight is multiplied on its own (docs/spec/numerics.md), so the product of the rows of
// several weights, one after the other, is the products, side by side.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/ConcatRows.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/ProductUtils.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/MapVector.h"

#define DEBUG_TYPE "lowbit-merge-matmuls"

namespace lutra::lowbit {
#define GEN_PASS_DEF_MERGEMATMULS
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

namespace {
struct MergeMatmuls : lutra::lowbit::impl::MergeMatmulsBase<MergeMatmuls> {
  using MergeMatmulsBase::MergeMatmulsBase;

  void runOnOperation() override {
    llvm::MapVector<std::pair<Value, Block *>, SmallVector<MatmulOp>> byActivations;
    getOperation()->walk([&](MatmulOp op) { byActivations[{op.getActivations(), op->getBlock()}].push_back(op); });
    for (auto &[key, products] : byActivations)
      if (products.size() > 1)
        mergeProducts(products);
  }

private:
  void mergeProducts(ArrayRef<MatmulOp> products);
  bool merge(ArrayRef<MatmulOp> products);
};
} // namespace

static void missed(MatmulOp op, const std::string &reason) {
  remark::missed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc())) << remark::reason("{0}", reason);
}

static std::string text(Attribute attribute) {
  std::string result;
  llvm::raw_string_ostream(result) << attribute;
  return result;
}

/// Why two products of the same activations cannot be one, or nothing.
static std::string findDifference(MatmulOp a, MatmulOp b) {
  WeightFormatInterface formatA = a.getWeight().getType().getFormat(), formatB = b.getWeight().getType().getFormat();
  if (!getConcatFormat({formatA, formatB}))
    return "the weights have different formats: " + text(formatA) + " and " + text(formatB);
  if (a->getAttrDictionary() != b->getAttrDictionary())
    return "the products have different attributes: " + text(a->getAttrDictionary()) + " and " +
           text(b->getAttrDictionary());
  for (auto [mine, other] : llvm::zip_equal(a->getOpOperands(), b->getOpOperands()))
    if (mine.get() != other.get() && mine.getOperandNumber() != a.getWeightMutable().getOperandNumber())
      return "the products have different operands beside the weight";
  auto rowsA = cast<RankedTensorType>(a.getType()).getDimSize(0), rowsB = cast<RankedTensorType>(b.getType()).getDimSize(0);
  return rowsA == rowsB ? "" : "the results state different numbers of rows";
}

bool MergeMatmuls::merge(ArrayRef<MatmulOp> products) {
  MatmulOp first = products.front();
  auto &dominance = getAnalysis<DominanceInfo>();
  SmallVector<MatmulOp> merged;
  SmallVector<Value> weights;
  SmallVector<WeightFormatInterface> formats;
  SmallVector<Location> locations;
  int64_t channels = 0;
  for (MatmulOp op : products) {
    if (!moveBefore(op.getWeight(), first, dominance)) {
      missed(op, "its weight is not a constant, and not there where the first product of these activations is");
      continue;
    }
    merged.push_back(op);
    weights.push_back(op.getWeight());
    formats.push_back(op.getWeight().getType().getFormat());
    locations.push_back(op.getLoc());
    channels += op.getWeight().getType().getRows();
  }
  if (merged.size() < 2)
    return false;

  ImplicitLocOpBuilder b(FusedLoc::get(&getContext(), locations), first);
  WeightType type = first.getWeight().getType();
  Value weight = ConcatRowsOp::create(b, WeightType::get(&getContext(), channels, type.getCols(), getConcatFormat(formats)), weights);
  // Everything but weight and type as in each of them.
  auto product = cast<MatmulOp>(b.clone(*first));
  product->setLoc(b.getLoc());
  product.getWeightMutable().assign(weight);
  int64_t rows = cast<RankedTensorType>(first.getType()).getDimSize(0);
  product.getResult().setType(RankedTensorType::get({rows, channels}, first.getType().getElementType()));
  OpFoldResult size = tensor::getMixedSize(b, b.getLoc(), product.getResult(), 0);
  int64_t channel = 0;
  for (MatmulOp op : merged) {
    auto result = cast<RankedTensorType>(op.getType());
    b.setLoc(op.getLoc());
    SmallVector<OpFoldResult> offsets{b.getIndexAttr(0), b.getIndexAttr(channel)},
        sizes{size, b.getIndexAttr(result.getDimSize(1))}, strides(2, b.getIndexAttr(1));
    Value slice = tensor::ExtractSliceOp::create(b, result, product.getResult(), offsets, sizes, strides);
    op.replaceAllUsesWith(slice);
    channel += result.getDimSize(1);
  }
  remark::passed(product.getLoc(), remarkOf(DEBUG_TYPE, product.getLoc()))
      << remark::reason("{0} products of the same activations become one of {1} channels", merged.size(), channels)
      << remark::metric("products", merged.size()) << remark::metric("channels", channels);
  for (MatmulOp op : merged)
    op.erase();
  return true;
}

void MergeMatmuls::mergeProducts(ArrayRef<MatmulOp> products) {
  // Sets of products that could be one; an op that is in none so far says why not.
  SmallVector<SmallVector<MatmulOp>> sets;
  for (MatmulOp op : products) {
    auto *set = llvm::find_if(sets, [&](ArrayRef<MatmulOp> set) { return findDifference(set.front(), op).empty(); });
    if (set != sets.end()) {
      set->push_back(op);
      continue;
    }
    if (!sets.empty())
      missed(op, findDifference(sets.front().front(), op));
    sets.push_back({op});
  }
  for (ArrayRef<MatmulOp> set : sets) {
    if (set.size() < 2)
      continue;
    if (llvm::any_of(set, [&](MatmulOp op) { return op.getWeight().getType().getRows() <= mostRows; }))
      merge(set);
    else
      missed(set.front(), "each of the products of these activations is of more than " + std::to_string(mostRows) + " channels");
  }
}
