//===- MultiplyCodes.cpp - lookups in tables of codes to integer products -===//
//
// lut-multiply-codes: see Passes.td.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/Transforms/Remarks.h"
#include "dialects/lut/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"

#define DEBUG_TYPE "lut-multiply-codes"

namespace lutra::lut {
#define GEN_PASS_DEF_MULTIPLYCODES
#include "dialects/lut/Transforms/Passes.h.inc"
} // namespace lutra::lut

using namespace mlir;
using namespace lutra;
using namespace lutra::lut;

/// The precompute of codes whose three results `op` reads, or null.
static PrecomputeOp getTablesOfCodes(MatmulOp op) {
  auto made = op.getEntries().getDefiningOp<PrecomputeOp>();
  if (!made || !made.getActScales() || made.getNumResults() != 3 || op.getEntries() != made.getResult(0) ||
      op.getScales() != made.getResult(1) || op.getSums() != made.getResult(2))
    return {};
  return made;
}

namespace {
struct MultiplyCodes : lutra::lut::impl::MultiplyCodesBase<MultiplyCodes> {
  using MultiplyCodesBase::MultiplyCodesBase;

  void runOnOperation() override {
    SmallVector<MatmulOp> products;
    getOperation()->walk([&](MatmulOp op) { products.push_back(op); });
    llvm::SetVector<Operation *> precomputes;
    for (MatmulOp op : products) {
      PrecomputeOp made = getTablesOfCodes(op);
      // Products of floats are none of this pass's business.
      if (!made || !check(op))
        continue;
      precomputes.insert(made);
      rewrite(op, made);
    }
    for (Operation *op : precomputes)
      if (op->use_empty())
        op->erase();
  }

private:
  static bool check(MatmulOp op) {
    auto missed = [&](const char *reason) {
      remark::missed(op.getLoc(), lowbit::remarkOf(DEBUG_TYPE, op.getLoc())) << remark::reason(reason);
      return false;
    };
    lowbit::WeightType weight = op.getWeightType();
    auto packed = cast<lowbit::PackedAttr>(weight.getFormat());
    if (!getElementTypeOrSelf(op.getEntries()).isInteger(16))
      return missed("entries of i8 are looked up one byte at a time");
    if (!isa<lowbit::BipolarAttr>(packed.getFormat()))
      return missed("each plane has its own alpha, so there is no integer code to multiply");
    if (packed.getLayout().getSymmetric())
      return missed("the weight's indices are for half tables");
    int64_t factor = (int64_t(1) << weight.getBits()) - 1;
    if (factor * 128 > std::numeric_limits<int32_t>::max() / weight.getGroup())
      return missed("the sums of a group may leave 32 bits");
    return true;
  }

  /// The codes of `made` for weights of `factor`, made right behind it when they are not there yet.
  PrepareCodesOp prepare(PrecomputeOp made, int64_t factor) {
    PrepareCodesOp &prepared = known[{made, factor}];
    if (prepared)
      return prepared;
    ImplicitLocOpBuilder b(made.getLoc(), made->getContext());
    b.setInsertionPointAfter(made);
    Value codes = made.getActivations();
    SmallVector<OpFoldResult> sizes{b.getIndexAttr(made.getNumGroups()), tensor::getMixedSize(b, b.getLoc(), codes, 0)};
    SmallVector<OpFoldResult> padded = sizes;
    padded.push_back(b.getIndexAttr(lowbit::kTableWidth * made.getTablesPerGroup()));
    Value outputs[] = {tensor::EmptyOp::create(b, padded, b.getI8Type()), tensor::EmptyOp::create(b, sizes, b.getI32Type()),
                       tensor::EmptyOp::create(b, sizes, b.getF32Type()), tensor::EmptyOp::create(b, sizes, b.getF32Type())};
    prepared = PrepareCodesOp::create(b, ValueRange(outputs).getTypes(), codes, made.getActScales(), outputs[0], outputs[1],
                                      outputs[2], outputs[3], made.getGroup(), factor);
    return prepared;
  }

  void rewrite(MatmulOp op, PrecomputeOp made) {
    PrepareCodesOp codes = prepare(made, (int64_t(1) << op.getWeightType().getBits()) - 1);
    OpBuilder b(op);
    auto product = IntegerMatmulOp::create(b, op.getLoc(), op.getResult().getType(), codes.getResult(0), codes.getResult(1),
                                           codes.getResult(2), codes.getResult(3), op.getWeights(),
                                           op.getEpilogueOperands(), op.getOut(), op.getWeightAttr());
    product.getEpilogue().takeBody(op.getEpilogue());
    remark::passed(op.getLoc(), lowbit::remarkOf(DEBUG_TYPE, op.getLoc()))
        << remark::reason("codes of 8 bits are multiplied with weights of {0}", op.getWeightType().getBits());
    op.replaceAllUsesWith(ArrayRef<Value>{product.getResult()});
    op.erase();
  }

  llvm::DenseMap<std::pair<Operation *, int64_t>, PrepareCodesOp> known;
};
} // namespace
