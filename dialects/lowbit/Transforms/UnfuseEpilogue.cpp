//===- UnfuseEpilogue.cpp - epilogues back to linalg ----------------------===//
//
// lowbit-unfuse-epilogue: see Passes.td.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#define DEBUG_TYPE "lowbit-unfuse-epilogue"

namespace lutra::lowbit {
#define GEN_PASS_DEF_UNFUSEEPILOGUE
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

static void unfuse(LookupMatmulOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op->getContext());
  b.setInsertionPointAfter(op);
  auto type = cast<RankedTensorType>(op.getType());
  Value product = op.getResult();
  SmallVector<OpOperand *> uses = llvm::map_to_vector(product.getUses(), [](OpOperand &use) { return &use; });
  AffineMap whole = b.getMultiDimIdentityMap(2), perChannel = AffineMap::get(2, 0, b.getAffineDimExpr(1));
  SmallVector<Value> inputs{product};
  SmallVector<AffineMap> maps{whole};
  for (Value operand : op.getEpilogueOperands()) {
    inputs.push_back(operand);
    maps.push_back(cast<RankedTensorType>(operand.getType()).getRank() == 1 ? perChannel : whole);
  }
  maps.push_back(whole);
  Value empty = tensor::EmptyOp::create(b, tensor::getMixedSizes(b, b.getLoc(), product), type.getElementType());
  SmallVector<utils::IteratorType> parallel(2, utils::IteratorType::parallel);
  Block &epilogue = op.getEpilogue().front();
  auto generic = linalg::GenericOp::create(
      b, TypeRange(type), inputs, ValueRange(empty), maps, parallel, [&](OpBuilder &nested, Location loc, ValueRange args) {
        IRMapping mapping;
        mapping.map(epilogue.getArguments(), args.drop_back());
        for (Operation &inner : epilogue.without_terminator())
          nested.clone(inner, mapping);
        Value yielded = cast<YieldOp>(epilogue.getTerminator()).getValue();
        linalg::YieldOp::create(nested, loc, mapping.lookupOrDefault(yielded));
      });
  op.getEpilogue().getBlocks().clear();
  op.getEpilogueOperandsMutable().clear();
  for (OpOperand *use : uses)
    use->set(generic.getResult(0));
}

namespace {
struct UnfuseEpilogue : lutra::lowbit::impl::UnfuseEpilogueBase<UnfuseEpilogue> {
  using UnfuseEpilogueBase::UnfuseEpilogueBase;

  void runOnOperation() override {
    getOperation()->walk([](LookupMatmulOp op) {
      if (op.getEpilogue().empty())
        return;
      remark::passed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
          << remark::reason("the epilogue is computed behind the product, over {0} channels",
                            op.getWeight().getType().getRows());
      unfuse(op);
    });
  }
};
} // namespace
