//===- SplitPrecompute.cpp - products to tables and lookups ---------------===//
//
// lowbit-split-precompute: see Passes.td.
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

  LogicalResult initialize(MLIRContext *context) override {
    if (isQuantized(table) || scale == TableScale::Group)
      return success();
    return emitError(UnknownLoc::get(context)) << DEBUG_TYPE ": scale is for quantized tables; take table=i8 or i16";
  }

  void runOnOperation() override {
    SmallVector<MatmulOp> products;
    getOperation()->walk([&](MatmulOp op) { products.push_back(op); });
    llvm::DenseMap<Value, Value> widened;
    for (MatmulOp op : products) {
      if (op.getStrategy() == Strategy::Dense)
        continue;
      if (isPlanesFormat(op.getWeight().getType().getUnpackedFormat())) {
        split(op, widened);
        continue;
      }
      WeightFormatInterface format = op.getWeight().getType().getUnpackedFormat();
      if (!format.getPlanesFormat()) {
        op.emitError() << "the weight has no bit planes to look up, its format is " << format << "; run "
                       << (format.isComposite() ? "lowbit-decompose-weights first"
                                                : "lowbit-canonicalize-weights first, and for what stays without planes "
                                                  "lowbit-select-strategy");
        return signalPassFailure();
      }
      remark::missed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc())) << remark::reason("the weight is not in bit planes")
                                                        << remark::suggest("run lowbit-canonicalize-weights first");
    }
  }

private:
  /// What the product says; else exact integers for integers, and the option for floats.
  TableKindAttr chooseKind(MatmulOp op) {
    if (TableKindAttr kind = op.getTableAttr())
      return kind;
    return op.hasIntegerActivations() ? op.getExactIntegerTable() : getKindAttr(&getContext(), {table, scale});
  }

  /// `widened`: halves that were made f32 before, once for all their readers.
  void split(MatmulOp op, llvm::DenseMap<Value, Value> &widened) {
    OpBuilder builder(&getContext());
    Value activations = op.getActivations();
    auto tensor = cast<RankedTensorType>(activations.getType());
    WeightType weight = op.getWeight().getType();
    TableKindAttr kind = chooseKind(op);
    auto type = TableType::get(&getContext(), tensor.getDimSize(0), weight.getCols(), weight.getGroup(),
                               kind.getElement(), /*symmetric=*/false, kind.getScale(), kind.getWidth());
    if (isa<FloatType>(tensor.getElementType())) {
      builder.setInsertionPointAfterValue(activations);
      Value &wide = widened[activations];
      if (!wide)
        wide = castElements(builder, op.getLoc(), activations, builder.getF32Type());
      activations = wide;
    }
    Block *block = getBlockToMake(activations, op);
    if (block == activations.getParentBlock() || (op.getScales() && block == op.getScales().getParentBlock()))
      setInsertionPointAfter(builder, activations, op.getScales());
    else
      builder.setInsertionPointToStart(block);
    // Behind the tables of the products before, so that they stand in the order of these.
    Block::iterator place = builder.getInsertionPoint();
    while (place != builder.getBlock()->end() && isa<PrecomputeOp>(*place))
      ++place;
    builder.setInsertionPoint(builder.getBlock(), place);
    auto precompute = PrecomputeOp::create(builder, op.getLoc(), type, activations, op.getScales(), op.getActBitsAttr());
    builder.setInsertionPoint(op);
    auto result = cast<RankedTensorType>(op.getType());
    auto lookup = LookupMatmulOp::create(builder, op.getLoc(), result.clone(builder.getF32Type()), precompute,
                                         op.getWeight(), /*tile=*/TileAttr());
    remark::passed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
        << remark::reason("looked up in tables of {0}", kind.getElement()) << remark::metric("cols", weight.getCols())
        << remark::metric("group", weight.getGroup());
    op.replaceAllUsesWith(castElements(builder, op.getLoc(), lookup.getResult(), result.getElementType()));
    op.erase();
  }

  /// After the activations, and after their scales when these come later in the block.
  static void setInsertionPointAfter(OpBuilder &builder, Value activations, Value scales) {
    builder.setInsertionPointAfterValue(activations);
    Operation *maker = scales ? scales.getDefiningOp() : nullptr;
    if (!maker)
      return;
    Operation *codes = activations.getDefiningOp();
    if (!codes || (codes->getBlock() == maker->getBlock() && codes->isBeforeInBlock(maker)))
      builder.setInsertionPointAfter(maker);
  }
};
} // namespace
