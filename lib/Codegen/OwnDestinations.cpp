//===- OwnDestinations.cpp - one use for each initial tensor --------------===//
//
// Empty-tensor elimination lets a chain of operations that ends in an output write into the output's buffer from its
// first tensor on. When two chains begin with the same fill, the buffer of one output would carry the other's result
// too, and one-shot bufferization does not see that storing the first destroys the second. Here each chain gets a
// beginning of its own.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace lutra {
#define GEN_PASS_DEF_OWNDESTINATIONS
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

namespace {
struct OwnDestinations : lutra::impl::OwnDestinationsBase<OwnDestinations> {
  void runOnOperation() override {
    getOperation().walk([](DestinationStyleOpInterface op) {
      for (OpOperand &init : op.getDpsInitsMutable())
        makeOwn(init);
    });
  }

  /// Clones the fill that `use` takes, with the empty tensor under it, unless this is its only use. A use in another
  /// block stays: the branches of a choice share one buffer, which none of them allocates.
  static void makeOwn(OpOperand &use) {
    auto fill = use.get().getDefiningOp<linalg::FillOp>();
    if (!fill || use.get().hasOneUse() || use.getOwner()->getBlock() != fill->getBlock())
      return;
    OpBuilder builder(use.getOwner());
    auto own = cast<linalg::FillOp>(builder.clone(*fill));
    use.set(own.getResult(0));
    OpOperand &under = own.getDpsInitsMutable()[0];
    if (auto empty = under.get().getDefiningOp<tensor::EmptyOp>()) {
      builder.setInsertionPoint(own);
      under.set(builder.clone(*empty)->getResult(0));
    }
  }
};
} // namespace
