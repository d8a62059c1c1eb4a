//===- FusePrecompute.cpp - tables where their activations are made -------===//
//
// lowbit-fuse-precompute: see Passes.td. Reshapes first, so that rows of activations are rows of the loops that make
// them; then, precompute by precompute, the set of ops to fuse, and upstream's tile-and-fuse along the rows.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Remarks.h"
#include "dialects/lut/IR/Lut.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#define DEBUG_TYPE "lowbit-fuse-precompute"

namespace lutra::lowbit {
#define GEN_PASS_DEF_FUSEPRECOMPUTE
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra;
using namespace lutra::lowbit;

/// Whether `op` computes whole rows on its own: loop 0 is parallel and is dimension 0 of each result, and dimension 0 of
/// whatever an input has of it.
static bool isRowWise(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics() || op.getNumLoops() == 0 || !linalg::isParallelIterator(op.getIteratorTypesArray()[0]))
    return false;
  auto generic = dyn_cast<linalg::GenericOp>(*op);
  if (generic && generic.hasIndexSemantics())
    return false;
  for (OpOperand &output : op.getDpsInitsMutable()) {
    AffineMap map = op.getMatchingIndexingMap(&output);
    if (map.getNumResults() == 0 || map.getResult(0) != getAffineDimExpr(0, op.getContext()))
      return false;
  }
  for (AffineMap map : op.getIndexingMapsArray())
    for (unsigned dim = 1; dim < map.getNumResults(); ++dim)
      if (map.getResult(dim).isFunctionOfDim(0))
        return false;
  return true;
}

namespace {
/// The ops that are computed in the loop of one precompute.
struct FusionSet {
  llvm::SetVector<Operation *> ops;
  /// Results that others read too.
  llvm::DenseSet<Value> escaping;
};

struct FusePrecompute : lutra::lowbit::impl::FusePrecomputeBase<FusePrecompute> {
  using FusePrecomputeBase::FusePrecomputeBase;

  void runOnOperation() override {
    SmallVector<PrecomputeOp> precomputes;
    bool merges = false;
    getOperation()->walk([&](PrecomputeOp op) { merges |= isMergeOfRows(op.getActivations()); });
    if (merges && failed(moveReshapesUp()))
      return signalPassFailure();
    getOperation()->walk([&](PrecomputeOp op) { precomputes.push_back(op); });
    bool fused = false;
    for (PrecomputeOp op : precomputes) {
      FailureOr<bool> result = fuse(op);
      if (failed(result))
        return signalPassFailure();
      fused |= *result;
    }
    if (fused && failed(cleanUp()))
      signalPassFailure();
  }

private:
  /// Whether `value` is a row-wise op's result with its leading dimensions merged.
  static bool isMergeOfRows(Value value) {
    auto collapse = value.getDefiningOp<tensor::CollapseShapeOp>();
    return collapse && collapse.getSrc().getDefiningOp<linalg::GenericOp>();
  }

  /// Moves the ops that read escaping results behind the precompute, where the loop will stand; false if one cannot move.
  static bool moveReadersAfter(PrecomputeOp op, const FusionSet &set);
  LogicalResult moveReshapesUp();
  LogicalResult cleanUp();
  FusionSet collect(PrecomputeOp precompute);
  FailureOr<bool> fuse(PrecomputeOp op);
};
} // namespace

/// Merged dimensions are merged in the loops that make them, and so on upwards: `[batch, sequence, K]` loops become
/// `[rows, K]` loops.
LogicalResult FusePrecompute::moveReshapesUp() {
  RewritePatternSet patterns(&getContext());
  auto control = [](OpOperand *operand) {
    // Either end of the reshape: a generic that asks for its indices would need them computed back.
    for (Operation *op : {operand->get().getDefiningOp(), operand->getOwner()})
      if (auto generic = dyn_cast_or_null<linalg::GenericOp>(op); generic && generic.hasIndexSemantics())
        return false;
    return true;
  };
  linalg::populateFoldReshapeOpsByCollapsingPatterns(patterns, control);
  tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, &getContext());
  tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, &getContext());
  tensor::EmptyOp::getCanonicalizationPatterns(patterns, &getContext());
  tensor::DimOp::getCanonicalizationPatterns(patterns, &getContext());
  linalg::FillOp::getCanonicalizationPatterns(patterns, &getContext());
  tensor::populateFoldTensorEmptyPatterns(patterns);
  return applyPatternsGreedily(getOperation(), std::move(patterns));
}

/// Whether `a` and `b` compute the same from the same inputs, and neither reads what its outputs held before.
static bool areTwins(linalg::GenericOp a, linalg::GenericOp b) {
  auto readsOutputs = [](linalg::GenericOp op) {
    return llvm::any_of(op.getDpsInitsMutable(), [&](OpOperand &output) { return op.payloadUsesValueFromOperand(&output); });
  };
  return a.getInputs() == b.getInputs() && a.getResultTypes() == b.getResultTypes() &&
         a->getAttrDictionary() == b->getAttrDictionary() && !readsOutputs(a) && !readsOutputs(b) &&
         OperationEquivalence::isRegionEquivalentTo(&a.getRegion(), &b.getRegion(),
                                                    OperationEquivalence::IgnoreLocations);
}

/// An op with two readers in a loop was fused for each of them. One remains, which writes where a result of the loop lies if either
/// did.
static void shareTwins(Block &block) {
  SmallVector<linalg::GenericOp> kept;
  for (auto op : llvm::make_early_inc_range(block.getOps<linalg::GenericOp>())) {
    auto *twin = llvm::find_if(kept, [&](linalg::GenericOp other) { return areTwins(other, op); });
    if (twin == kept.end()) {
      kept.push_back(op);
      continue;
    }
    for (auto [first, second] : llvm::zip_equal(twin->getDpsInitsMutable(), op.getDpsInitsMutable())) {
      auto slice = second.get().getDefiningOp<tensor::ExtractSliceOp>();
      if (!slice || !first.get().getDefiningOp<tensor::EmptyOp>() || slice->getBlock() != &block)
        continue;
      // The slice's operands are the loop's: they are there from its start.
      if (llvm::any_of(slice->getOperands(), [&](Value operand) {
            return operand.getDefiningOp() && operand.getDefiningOp()->getBlock() == &block;
          }))
        continue;
      slice->moveBefore(&block, block.begin());
      first.set(slice);
    }
    op->replaceAllUsesWith(twin->getResults());
    op->erase();
  }
}

/// Slices of fresh tensors become smaller fresh tensors, and what was computed twice in a loop is computed once.
LogicalResult FusePrecompute::cleanUp() {
  RewritePatternSet patterns(&getContext());
  tensor::populateFoldTensorEmptyPatterns(patterns);
  tensor::populateMergeConsecutiveInsertExtractSlicePatterns(patterns);
  tensor::ExtractSliceOp::getCanonicalizationPatterns(patterns, &getContext());
  tensor::DimOp::getCanonicalizationPatterns(patterns, &getContext());
  scf::ForallOp::getCanonicalizationPatterns(patterns, &getContext());
  affine::AffineMinOp::getCanonicalizationPatterns(patterns, &getContext());
  affine::AffineApplyOp::getCanonicalizationPatterns(patterns, &getContext());
  linalg::FillOp::getCanonicalizationPatterns(patterns, &getContext());
  if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
    return failure();
  IRRewriter rewriter(&getContext());
  DominanceInfo dominance(getOperation());
  eliminateCommonSubExpressions(rewriter, dominance, getOperation());
  getOperation()->walk([](scf::ForallOp loop) { shareTwins(*loop.getBody()); });
  return success();
}

/// The row-wise ops, backwards from the activations, that nothing outside of the set must run in between.
FusionSet FusePrecompute::collect(PrecomputeOp precompute) {
  FusionSet set;
  SmallVector<Value> worklist{precompute.getActivations()};
  while (!worklist.empty()) {
    auto op = worklist.pop_back_val().getDefiningOp<linalg::LinalgOp>();
    if (!op || op->getBlock() != precompute->getBlock() || !isRowWise(op) || !set.ops.insert(op))
      continue;
    llvm::append_range(worklist, op->getOperands());
  }
  // Results that others read come from the loop: these readers must come after it.
  for (Operation *op : set.ops)
    for (Value result : op->getResults())
      for (Operation *user : result.getUsers())
        if (user != precompute && !set.ops.contains(user))
          set.escaping.insert(result);
  return set;
}

bool FusePrecompute::moveReadersAfter(PrecomputeOp op, const FusionSet &set) {
  Block *block = op->getBlock();
  // In block order, so that a reader of a reader is found, and moved, after it.
  llvm::SetVector<Operation *> readers;
  auto reads = [&](Operation *user) {
    WalkResult result = user->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (set.escaping.contains(operand) || readers.contains(operand.getDefiningOp()))
          return WalkResult::interrupt();
      return WalkResult::advance();
    });
    return result.wasInterrupted();
  };
  for (Operation &candidate : llvm::make_range(block->begin(), op->getIterator()))
    if (!set.ops.contains(&candidate) && reads(&candidate)) {
      if (!isMemoryEffectFree(&candidate))
        return false;
      readers.insert(&candidate);
    }
  for (Operation *fused : set.ops)
    for (Value operand : fused->getOperands())
      if (readers.contains(operand.getDefiningOp()))
        return false;
  Operation *last = op;
  for (Operation *reader : readers) {
    reader->moveAfter(last);
    last = reader;
  }
  return true;
}

/// Whether a product of the table reads codes that are stored otherwise than in planes: it multiplies them, and no table is ever made.
static bool isMultiplied(PrecomputeOp op) {
  return llvm::any_of(op->getUsers(), [](Operation *user) {
    auto product = dyn_cast<LookupMatmulOp>(user);
    auto packed = product ? dyn_cast<PackedAttr>(product.getWeight().getType().getFormat()) : PackedAttr();
    return packed && (packed.getLayout().getTriples() || packed.getLayout().getCodebook());
  });
}

FailureOr<bool> FusePrecompute::fuse(PrecomputeOp op) {
  auto missed = [&](const char *reason) {
    remark::missed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc())) << remark::reason(reason);
    return false;
  };
  if (isMultiplied(op))
    return missed("codes are multiplied, not looked up: there are no tables to make");
  FusionSet set = collect(op);
  // A fill alone is no computation to be near to.
  if (llvm::none_of(set.ops, [](Operation *fused) { return isa<linalg::GenericOp>(fused); }))
    return missed("the activations do not come from a row-wise linalg op");
  if (cast<RankedTensorType>(op.getActivations().getType()).isDynamicDim(1))
    return missed("K of the activations is not static");
  if (cast<RankedTensorType>(op.getActivations().getType()).getElementType().getIntOrFloatBitWidth() == 16)
    return missed("the activations are halves, which lut.precompute does not read; lowbit-split-precompute widens them");
  if (!moveReadersAfter(op, set))
    return missed("another op between the activations' producers needs what they make and cannot move");

  IRRewriter rewriter(op);
  ImplicitLocOpBuilder b(op.getLoc(), op);
  TableType table = op.getType();
  int64_t groups = table.getNumGroups();
  OpFoldResult rows = tensor::getMixedSize(b, b.getLoc(), op.getActivations(), 0);
  auto empty = [&](ArrayRef<int64_t> others, Type element) -> Value {
    SmallVector<OpFoldResult> sizes{rows};
    for (int64_t size : others)
      sizes.push_back(b.getIndexAttr(size));
    return tensor::EmptyOp::create(b, sizes, element);
  };
  Value entries = empty({groups, table.getTablesPerGroup() * 16}, table.getElement());
  Value scales = empty({table.getScalesPerRow()}, b.getF32Type()), sums = empty({groups}, b.getF32Type());
  auto precompute = lut::PrecomputeOp::create(b, TypeRange{entries.getType(), scales.getType(), sums.getType()},
                                              op.getActivations(), op.getScales(), entries, scales, sums, table);

  scf::SCFTileAndFuseOptions options;
  options.tilingOptions.setTileSizes({b.getIndexAttr(1)}).setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  llvm::DenseSet<Value> yielded;
  options.setFusionControlFn([&](tensor::ExtractSliceOp, OpResult producer,
                                 bool) -> std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> {
    if (!set.ops.contains(producer.getOwner()))
      return std::nullopt;
    bool yields = set.escaping.contains(producer) && yielded.insert(producer).second;
    return scf::SCFTileAndFuseOptions::ControlFnResult{yields};
  });
  rewriter.setInsertionPoint(precompute);
  FailureOr<scf::SCFTileAndFuseResult> tiled = scf::tileConsumerAndFuseProducersUsingSCF(
      rewriter, cast<TilingInterface>(precompute.getOperation()), options);
  if (failed(tiled))
    return op.emitOpError("could not be tiled by rows");
  for (auto [from, to] : tiled->replacements)
    rewriter.replaceAllUsesWith(from, to);
  b.setInsertionPoint(op);
  auto assembled = AssembleTableOp::create(b, table, tiled->replacements.lookup(precompute.getResult(0)),
                                           tiled->replacements.lookup(precompute.getResult(1)),
                                           tiled->replacements.lookup(precompute.getResult(2)));
  rewriter.replaceOp(op, assembled.getResult());
  rewriter.eraseOp(precompute);
  // The untiled producers have no readers left, those of others first.
  for (Operation *fused : set.ops)
    if (isOpTriviallyDead(fused))
      rewriter.eraseOp(fused);
  remark::passed(assembled.getLoc(), remarkOf(DEBUG_TYPE, assembled.getLoc()))
      << remark::reason("{0} ops are computed row by row with their tables", set.ops.size())
      << remark::metric("ops", set.ops.size());
  return true;
}
