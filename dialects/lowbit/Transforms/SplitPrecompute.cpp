//===- SplitPrecompute.cpp - products to tables and lookups ---------------===//
//
// lowbit-split-precompute: see Passes.td.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"

#define DEBUG_TYPE "lowbit-split-precompute"

namespace lutra::lowbit {
#define GEN_PASS_DEF_SPLITPRECOMPUTE
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

namespace {
struct SplitPrecompute : lutra::lowbit::impl::SplitPrecomputeBase<SplitPrecompute> {
  using SplitPrecomputeBase::SplitPrecomputeBase;

  void runOnOperation() override {
    Type element =
        table == TableElement::I8 ? Type(IntegerType::get(&getContext(), 8)) : Type(Float32Type::get(&getContext()));
    // Per activation value and group length, the products that read it.
    llvm::MapVector<std::pair<Value, int64_t>, SmallVector<MatmulOp>> shared;
    getOperation()->walk([&](MatmulOp op) {
      WeightType weight = op.getWeight().getType();
      if (!isPlanesFormat(weight.getUnpackedFormat())) {
        remark::missed(op.getLoc(), remark::RemarkOpts::name(DEBUG_TYPE).category(DEBUG_TYPE))
            << remark::reason("the weight is not in bit planes")
            << remark::suggest("run lowbit-canonicalize-weights first");
        return;
      }
      shared[{op.getActivations(), weight.getGroup()}].push_back(op);
    });
    for (auto &[key, products] : shared)
      split(key.first, key.second, element, products);
  }

private:
  void split(Value activations, int64_t group, Type element, ArrayRef<MatmulOp> products) {
    OpBuilder builder(&getContext());
    MatmulOp first = products.front();
    builder.setInsertionPointAfterValue(activations);
    auto tensor = cast<RankedTensorType>(activations.getType());
    int64_t cols = first.getWeight().getType().getCols();
    auto type = TableType::get(&getContext(), tensor.getDimSize(0), cols, group, element, /*symmetric=*/false);
    // Precomputes of the same table that are there already.
    SmallVector<PrecomputeOp> existing;
    for (Operation *user : activations.getUsers())
      if (auto precompute = dyn_cast<PrecomputeOp>(user); precompute && precompute.getType() == type)
        existing.push_back(precompute);
    auto precompute = PrecomputeOp::create(builder, first.getLoc(), type, activations);
    for (PrecomputeOp other : existing) {
      other.replaceAllUsesWith(precompute.getResult());
      other.erase();
    }
    remark::passed(first.getLoc(), remark::RemarkOpts::name(DEBUG_TYPE).category(DEBUG_TYPE))
        << remark::reason("{0} products share a table", products.size() + existing.size())
        << remark::metric("cols", cols) << remark::metric("group", group);
    for (MatmulOp product : products) {
      builder.setInsertionPoint(product);
      auto lookup =
          LookupMatmulOp::create(builder, product.getLoc(), product.getType(), precompute, product.getWeight(),
                                 /*tile=*/TileAttr());
      product.replaceAllUsesWith(lookup.getResult());
      product.erase();
    }
  }
};
} // namespace
