//===- QuantizeProducts.cpp - integer activations for strategy int8 -------===//
//
// lowbit-quantize-products: see ProductPasses.td.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Casts.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/ProductUtils.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

#define DEBUG_TYPE "lowbit-quantize-products"

namespace lutra::lowbit {
#define GEN_PASS_DEF_QUANTIZEPRODUCTS
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

namespace {
/// Bits of the codes that floats become.
constexpr int64_t kCodeBits = 8;

struct QuantizeProducts : lutra::lowbit::impl::QuantizeProductsBase<QuantizeProducts> {
  using QuantizeProductsBase::QuantizeProductsBase;

  void runOnOperation() override {
    SmallVector<MatmulOp> products;
    getOperation()->walk([&](MatmulOp op) {
      if (op.getStrategy() == Strategy::Int8)
        products.push_back(op);
    });
    for (MatmulOp op : products) {
      WeightFormatInterface format = op.getWeight().getType().getUnpackedFormat();
      if (format.isComposite() || (!isPlanesFormat(format) && format.getPlanesFormat())) {
        op.emitError() << "expected a weight in bit planes, but its format is " << format << "; run "
                       << (format.isComposite() ? "lowbit-decompose-weights" : "lowbit-canonicalize-weights") << " first";
        return signalPassFailure();
      }
      if (!isPlanesFormat(format)) {
        // As for every product (docs/spec/numerics.md, "The lookup product").
        remark::missed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
            << remark::reason("the weight has no integer codes in planes, so the product is dense");
        op.setStrategy(Strategy::Dense);
        continue;
      }
      if (!op.hasIntegerActivations())
        op = quantize(op);
      if (!op.getTable())
        op.setTableAttr(op.getExactIntegerTable());
    }
  }

private:
  /// The codes and scales of `activations`, made once for all products that ask for the same groups, in each branch that may be taken.
  QuantizeActivationsOp getCodes(MatmulOp op, Value activations, int64_t group) {
    Block *block = getBlockToMake(activations, op);
    QuantizeActivationsOp &codes = known[{{activations, block}, group}];
    if (codes)
      return codes;
    OpBuilder b(&getContext());
    if (block == activations.getParentBlock())
      b.setInsertionPointAfterValue(activations);
    else
      b.setInsertionPointToStart(block);
    Value wide = castElements(b, op.getLoc(), activations, b.getF32Type());
    auto type = cast<RankedTensorType>(wide.getType());
    int64_t groups = op.getWeight().getType().getNumGroups();
    auto scales = RankedTensorType::get({type.getDimSize(0), groups}, b.getF32Type());
    codes = QuantizeActivationsOp::create(
        b, op.getLoc(), type.clone(b.getI8Type()), scales, wide, b.getI64IntegerAttr(kCodeBits), b.getI64IntegerAttr(group),
        ActivationCodesAttr::get(&getContext(), ActivationCodes::Absmax));
    return codes;
  }

  MatmulOp quantize(MatmulOp op) {
    WeightType weight = op.getWeight().getType();
    // A group beyond K is K: the codes of a row then share a scale.
    QuantizeActivationsOp codes = getCodes(op, op.getActivations(), std::min(weight.getGroup(), weight.getCols()));
    OpBuilder b(op);
    auto type = cast<RankedTensorType>(op.getType());
    auto product = MatmulOp::create(b, op.getLoc(), type.clone(b.getF32Type()), codes.getCodes(), op.getWeight(),
                                    codes.getScales(), op.getPrecision(), op.getStrategyAttr(), TableKindAttr(),
                                    /*act_bits=*/IntegerAttr());
    remark::passed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
        << remark::reason("activations are codes of {0} bits, with a scale for each group of {1}", kCodeBits, weight.getGroup());
    op.replaceAllUsesWith(castElements(b, op.getLoc(), product.getResult(), type.getElementType()));
    op.erase();
    return product;
  }

  llvm::DenseMap<std::pair<std::pair<Value, Block *>, int64_t>, QuantizeActivationsOp> known;
};
} // namespace
