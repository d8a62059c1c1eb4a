//===- FuseEpilogue.cpp - products apply what follows them ----------------===//
//
// lowbit-fuse-epilogue: see Passes.td. Two steps by turns until neither does anything: generics behind a reshape of a product become
// generics over its rows, and the generic that alone reads a product becomes its epilogue (a product that has one gets a longer one).
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#define DEBUG_TYPE "lowbit-fuse-epilogue"

namespace lutra::lowbit {
#define GEN_PASS_DEF_FUSEEPILOGUE
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

/// A tensor with a row for each row of the product that is there before it, or null: the table comes from elsewhere.
static Value findRows(LookupMatmulOp op) {
  if (auto precompute = op.getTable().getDefiningOp<PrecomputeOp>())
    return precompute.getActivations();
  auto assembled = op.getTable().getDefiningOp<AssembleTableOp>();
  return assembled ? assembled.getEntries() : Value();
}

/// Whether `user` only asks for the product's number of rows, and another tensor can answer.
static bool asksForRows(LookupMatmulOp op, Operation *user) {
  auto dim = dyn_cast<tensor::DimOp>(user);
  return dim && dim.getConstantIndex() == 0 && findRows(op);
}

/// The op that alone reads the product's result, or null and a reason.
static Operation *findOnlyReader(LookupMatmulOp op, std::string &reason) {
  llvm::SmallPtrSet<Operation *, 4> readers;
  for (Operation *user : op->getUsers())
    if (!asksForRows(op, user))
      readers.insert(user);
  if (readers.size() != 1) {
    reason = readers.empty() ? "" : (Twine(readers.size()) + " operations read the product").str();
    return nullptr;
  }
  return *readers.begin();
}

/// Why `generic` cannot be an epilogue of `op`, its reader; nothing when it can.
static std::string findObstacle(LookupMatmulOp op, linalg::GenericOp generic) {
  if (generic->getBlock() != op->getBlock())
    return "the reader is in another block";
  if (!generic.hasPureTensorSemantics() || generic.getNumLoops() != 2 || generic->getNumResults() != 1 ||
      generic.getNumParallelLoops() != 2)
    return generic.getNumParallelLoops() != generic.getNumLoops() ? "the reader is a reduction"
                                                                 : "the reader is not element-wise over rows and channels";
  MLIRContext *context = op.getContext();
  AffineMap whole = AffineMap::getMultiDimIdentityMap(2, context);
  AffineMap perChannel = AffineMap::get(2, 0, getAffineDimExpr(1, context));
  OpOperand *init = generic.getDpsInitOperand(0);
  if (generic.getMatchingIndexingMap(init) != whole || generic.payloadUsesValueFromOperand(init))
    return "the reader is not element-wise over rows and channels";
  if (generic->getResult(0).getType() != op.getType())
    return "the reader makes other elements than the product";
  for (OpOperand *input : generic.getDpsInputOperands()) {
    AffineMap map = generic.getMatchingIndexingMap(input);
    auto type = dyn_cast<RankedTensorType>(input->get().getType());
    bool isProduct = input->get() == op.getResult();
    if (!type || !type.getElementType().isF32() || (map != whole && (isProduct || map != perChannel)) ||
        (map == perChannel && type.getDimSize(0) != op.getWeight().getType().getRows()))
      return "an input of the reader is neither one f32 per channel nor a matrix of them";
  }
  for (Operation &inner : generic.getBody()->without_terminator()) {
    if (!isEpilogueOp(&inner))
      return ("'" + inner.getName().getStringRef() + "' is not element-wise").str();
    for (Value operand : inner.getOperands())
      if (operand.getParentBlock() != generic.getBody() && !matchPattern(operand, m_Constant()))
        return "the reader uses a scalar from outside that is not a constant";
  }
  Value yielded = generic.getBody()->getTerminator()->getOperand(0);
  return yielded.getParentBlock() == generic.getBody() ? "" : "the reader does not use the product";
}

/// A new product in the generic's place that ends in the generic's body.
static LookupMatmulOp fuse(LookupMatmulOp op, linalg::GenericOp generic, RewriterBase &rewriter) {
  rewriter.setInsertionPoint(generic);
  Location loc = rewriter.getFusedLoc({op.getLoc(), generic.getLoc()});
  SmallVector<Value> operands(op.getEpilogueOperands());
  for (OpOperand *input : generic.getDpsInputOperands())
    if (input->get() != op.getResult() && !llvm::is_contained(operands, input->get()))
      operands.push_back(input->get());
  auto fused = LookupMatmulOp::create(rewriter, loc, op.getType(), op.getTable(), op.getWeight(), operands, op.getTileAttr());
  Block *block = rewriter.createBlock(&fused.getEpilogue());
  Value value = block->addArgument(rewriter.getF32Type(), loc);
  for (Value operand : operands)
    block->addArgument(rewriter.getF32Type(), operand.getLoc());
  auto argumentOf = [&](Value operand) { return block->getArgument(1 + (llvm::find(operands, operand) - operands.begin())); };

  IRMapping mapping;
  if (!op.getEpilogue().empty()) {
    Block &before = op.getEpilogue().front();
    mapping.map(before.getArgument(0), value);
    for (auto [operand, argument] : llvm::zip_equal(op.getEpilogueOperands(), before.getArguments().drop_front()))
      mapping.map(argument, argumentOf(operand));
    for (Operation &inner : before.without_terminator())
      rewriter.clone(inner, mapping);
    value = mapping.lookupOrDefault(cast<YieldOp>(before.getTerminator()).getValue());
  }
  for (OpOperand *input : generic.getDpsInputOperands())
    mapping.map(generic.getMatchingBlockArgument(input), input->get() == op.getResult() ? value : argumentOf(input->get()));
  for (Operation &inner : generic.getBody()->without_terminator())
    rewriter.clone(inner, mapping);
  YieldOp::create(rewriter, loc, mapping.lookup(generic.getBody()->getTerminator()->getOperand(0)));
  // The new product comes after whoever asks for the number of rows.
  for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
    if (asksForRows(op, user)) {
      rewriter.setInsertionPoint(user);
      rewriter.replaceOpWithNewOp<tensor::DimOp>(user, findRows(op), cast<tensor::DimOp>(user).getIndex());
    }
  Operation *init = generic.getDpsInits()[0].getDefiningOp();
  rewriter.replaceOp(generic, fused.getResult());
  rewriter.eraseOp(op);
  if (init && isOpTriviallyDead(init))
    rewriter.eraseOp(init);
  return fused;
}

namespace {
struct FuseEpilogue : lutra::lowbit::impl::FuseEpilogueBase<FuseEpilogue> {
  using FuseEpilogueBase::FuseEpilogueBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (bool changed = true; changed;) {
      if (failed(moveReshapesDown()))
        return signalPassFailure();
      changed = false;
      SmallVector<LookupMatmulOp> products;
      getOperation()->walk([&](LookupMatmulOp op) { products.push_back(op); });
      for (LookupMatmulOp op : products) {
        std::string reason;
        auto reader = dyn_cast_or_null<linalg::GenericOp>(findOnlyReader(op, reason));
        if (!reader || !findObstacle(op, reader).empty())
          continue;
        fuse(op, reader, rewriter);
        changed = true;
      }
    }
    getOperation()->walk([](LookupMatmulOp op) { report(op); });
  }

private:
  /// A generic that reads a product whose rows are split in batch and sequence becomes one that reads the rows; its result is split.
  LogicalResult moveReshapesDown();
  static void report(LookupMatmulOp op);
};
} // namespace

LogicalResult FuseEpilogue::moveReshapesDown() {
  auto splitsProduct = [](Value value) {
    auto expand = value.getDefiningOp<tensor::ExpandShapeOp>();
    return expand && expand.getSrc().getDefiningOp<LookupMatmulOp>() && expand.getSrc().hasOneUse();
  };
  bool any = false;
  getOperation()->walk([&](linalg::GenericOp op) { any |= llvm::any_of(op.getInputs(), splitsProduct); });
  if (!any)
    return success();
  RewritePatternSet patterns(&getContext());
  linalg::populateFoldReshapeOpsByCollapsingPatterns(patterns, [&](OpOperand *operand) {
    auto generic = dyn_cast<linalg::GenericOp>(operand->getOwner());
    return generic && !generic.hasIndexSemantics() && splitsProduct(operand->get());
  });
  tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, &getContext());
  tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, &getContext());
  tensor::EmptyOp::getCanonicalizationPatterns(patterns, &getContext());
  tensor::DimOp::getCanonicalizationPatterns(patterns, &getContext());
  tensor::populateFoldTensorEmptyPatterns(patterns);
  return applyPatternsGreedily(getOperation(), std::move(patterns));
}

void FuseEpilogue::report(LookupMatmulOp op) {
  if (!op.getEpilogue().empty()) {
    int64_t operations = llvm::count_if(op.getEpilogue().front().without_terminator(), [](Operation &inner) {
      return !inner.hasTrait<OpTrait::ConstantLike>();
    });
    remark::passed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
        << remark::reason("the product applies {0} operations to its outputs before it stores them", operations)
        << remark::metric("operations", operations) << remark::metric("operands", op.getEpilogueOperands().size());
    return;
  }
  std::string reason;
  Operation *reader = findOnlyReader(op, reason);
  if (auto generic = dyn_cast_or_null<linalg::GenericOp>(reader))
    reason = findObstacle(op, generic);
  else if (reader)
    reason = ("'" + reader->getName().getStringRef() + "' reads the product, not an element-wise linalg.generic").str();
  if (!reason.empty())
    remark::missed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc())) << remark::reason("{0}", reason);
}
