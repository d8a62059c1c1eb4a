//===- LinalgToLoops.cpp - linalg on buffers to loops that vectorize ------===//
//
// Each operation becomes   parallel dimensions { reductions { innermost } }   where the innermost dimension is the one that
// most operands walk with stride 1, so that LLVM's vectorizer gets a plain contiguous loop:
//   - innermost is a reduction: the accumulators are carried by the loops, loaded and stored once;
//   - innermost is parallel: accumulators live in the output's memory, a piece of a row at a time that stays in the L1 cache.
// Floating-point reductions are marked `reassoc contract`; parallel loops split parallel dimensions only, so that results do
// not depend on the number of threads.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

namespace lutra {
#define GEN_PASS_DEF_LINALGTOLOOPS
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

/// Elements of the contiguous dimension that one parallel iteration takes: of an elementwise operation without another dimension
/// to split, and of one that accumulates in memory (a product: a single row of a decode step is split too).
static constexpr int64_t kChunk = 4096, kAccumulatedChunk = 256;

namespace {
/// Lowers one operation.
class LoopEmitter {
public:
  LoopEmitter(linalg::LinalgOp op, int64_t minParallelWork)
      : op(op), loc(op.getLoc()), minParallelWork(minParallelWork), maps(op.getIndexingMapsArray()) {}

  void emit();

private:
  using Body = llvm::function_ref<void(OpBuilder &)>;

  void chooseOrder();
  int64_t contiguity(unsigned loop);
  bool isStaticOne(unsigned loop) { return getConstantIntValue(ranges[loop].size) == 1; }
  Value upper(OpBuilder &b, unsigned loop) { return getValueOrCreateConstantIndexOp(b, loc, ranges[loop].size); }
  Value constant(OpBuilder &b, int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }

  void emitParallel(OpBuilder &b);
  void emitSerial(OpBuilder &b, ArrayRef<unsigned> loops, Body body);
  /// Everything inside the outer loops; the innermost dimension runs over [lower, upper) when these are given.
  void emitInner(OpBuilder &b, Value innerLower = {}, Value innerUpper = {});
  void emitCarried(OpBuilder &b, ArrayRef<unsigned> loops, SmallVectorImpl<Value> &accumulators);
  /// The operation's region for the current induction variables; `accumulators` are the values of the outputs.
  SmallVector<Value> emitRegion(OpBuilder &b, ValueRange accumulators);
  SmallVector<Value> indices(OpBuilder &b, OpOperand &operand);
  /// Loads, before the innermost loop, the inputs that it does not index.
  void hoistLoads(OpBuilder &b, unsigned innermost);
  SmallVector<Value> loadOutputs(OpBuilder &b, bool onlyUsed);
  void storeOutputs(OpBuilder &b, ValueRange values);
  void allowReassociation(Operation *inner);

  linalg::LinalgOp op;
  Location loc;
  int64_t minParallelWork;
  SmallVector<AffineMap> maps;
  SmallVector<Range> ranges;
  SmallVector<Value> ivs;
  SmallVector<unsigned> outer, reductions;
  std::optional<unsigned> inner;
  DenseMap<OpOperand *, Value> hoisted;
  bool carried = false;
};
} // namespace

int64_t LoopEmitter::contiguity(unsigned loop) {
  int64_t score = 0;
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = maps[operand.getOperandNumber()];
    for (auto [position, expr] : llvm::enumerate(map.getResults())) {
      if (!expr.isFunctionOfDim(loop))
        continue;
      bool isLast = position + 1 == map.getNumResults();
      score += isLast ? (op.isDpsInit(&operand) ? 2 : 1) : -2;
    }
  }
  return score;
}

void LoopEmitter::chooseOrder() {
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  for (unsigned loop = 0; loop < kinds.size(); ++loop)
    if (!isStaticOne(loop) && (!inner || contiguity(loop) >= contiguity(*inner)))
      inner = loop;
  for (unsigned loop = 0; loop < kinds.size(); ++loop) {
    if (isStaticOne(loop) || loop == inner)
      continue;
    (kinds[loop] == utils::IteratorType::parallel ? outer : reductions).push_back(loop);
  }
  if (inner && kinds[*inner] == utils::IteratorType::reduction) {
    carried = true;
    reductions.push_back(*inner);
    inner.reset();
  }
}

void LoopEmitter::emit() {
  OpBuilder b(op);
  ranges = op.createLoopRanges(b, loc);
  ivs.assign(ranges.size(), Value());
  for (unsigned loop = 0; loop < ranges.size(); ++loop)
    if (isStaticOne(loop))
      ivs[loop] = constant(b, 0);
  chooseOrder();

  auto serial = [&](OpBuilder &b) {
    emitSerial(b, outer, [&](OpBuilder &b) { emitInner(b); });
  };
  bool canSplit = !outer.empty() || inner;
  int64_t staticWork = 1;
  bool isDynamic = false;
  for (Range &range : ranges) {
    if (std::optional<int64_t> size = getConstantIntValue(range.size))
      staticWork *= *size;
    else
      isDynamic = true;
  }
  if (!canSplit || (!isDynamic && staticWork < minParallelWork))
    return serial(b);
  if (!isDynamic)
    return emitParallel(b);

  Value work = constant(b, staticWork);
  for (unsigned loop = 0; loop < ranges.size(); ++loop)
    if (!getConstantIntValue(ranges[loop].size))
      work = arith::MulIOp::create(b, loc, work, upper(b, loop));
  Value isWorthIt =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, work, constant(b, minParallelWork));
  auto branch = scf::IfOp::create(b, loc, isWorthIt, /*withElseRegion=*/true);
  OpBuilder thenBuilder = branch.getThenBodyBuilder();
  emitParallel(thenBuilder);
  OpBuilder elseBuilder = branch.getElseBodyBuilder();
  serial(elseBuilder);
}

void LoopEmitter::emitParallel(OpBuilder &b) {
  Value zero = constant(b, 0), one = constant(b, 1);
  SmallVector<Value> lowers(outer.size(), zero), uppers, steps(outer.size(), one);
  for (unsigned loop : outer)
    uppers.push_back(upper(b, loop));
  bool isCut = inner && (outer.empty() || !reductions.empty());
  int64_t chunk = reductions.empty() ? kChunk : kAccumulatedChunk;
  if (isCut) {
    lowers.push_back(zero);
    uppers.push_back(upper(b, *inner));
    steps.push_back(constant(b, chunk));
  }
  Value size = uppers.back();
  scf::ParallelOp::create(b, loc, lowers, uppers, steps, [&](OpBuilder &b, Location, ValueRange parallelIvs) {
    for (auto [loop, iv] : llvm::zip(outer, parallelIvs))
      ivs[loop] = iv;
    if (!isCut)
      return emitInner(b);
    Value begin = parallelIvs.back();
    Value end = arith::AddIOp::create(b, loc, begin, constant(b, chunk));
    emitInner(b, begin, arith::MinUIOp::create(b, loc, end, size));
  });
}

void LoopEmitter::emitSerial(OpBuilder &b, ArrayRef<unsigned> loops, Body body) {
  if (loops.empty())
    return body(b);
  scf::ForOp::create(b, loc, constant(b, 0), upper(b, loops[0]), constant(b, 1), ValueRange(),
                     [&](OpBuilder &b, Location, Value iv, ValueRange) {
                       ivs[loops[0]] = iv;
                       emitSerial(b, loops.drop_front(), body);
                       scf::YieldOp::create(b, loc);
                     });
}

void LoopEmitter::emitInner(OpBuilder &b, Value innerLower, Value innerUpper) {
  if (carried) {
    SmallVector<Value> accumulators = loadOutputs(b, /*onlyUsed=*/false);
    emitCarried(b, reductions, accumulators);
    return storeOutputs(b, accumulators);
  }
  emitSerial(b, reductions, [&](OpBuilder &b) {
    if (!inner)
      return storeOutputs(b, emitRegion(b, loadOutputs(b, /*onlyUsed=*/true)));
    Value from = innerLower ? innerLower : constant(b, 0);
    Value to = innerUpper ? innerUpper : upper(b, *inner);
    hoistLoads(b, *inner);
    scf::ForOp::create(b, loc, from, to, constant(b, 1), ValueRange(), [&](OpBuilder &b, Location, Value iv, ValueRange) {
      ivs[*inner] = iv;
      storeOutputs(b, emitRegion(b, loadOutputs(b, /*onlyUsed=*/true)));
      scf::YieldOp::create(b, loc);
    });
  });
}

void LoopEmitter::emitCarried(OpBuilder &b, ArrayRef<unsigned> loops, SmallVectorImpl<Value> &accumulators) {
  if (loops.empty()) {
    accumulators = emitRegion(b, accumulators);
    return;
  }
  if (loops.size() == 1)
    hoistLoads(b, loops[0]);
  auto loop = scf::ForOp::create(b, loc, constant(b, 0), upper(b, loops[0]), constant(b, 1), accumulators,
                                 [&](OpBuilder &b, Location, Value iv, ValueRange carriedValues) {
                                   ivs[loops[0]] = iv;
                                   SmallVector<Value> values(carriedValues);
                                   emitCarried(b, loops.drop_front(), values);
                                   scf::YieldOp::create(b, loc, values);
                                 });
  accumulators.assign(loop.result_begin(), loop.result_end());
}

void LoopEmitter::hoistLoads(OpBuilder &b, unsigned innermost) {
  hoisted.clear();
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = maps[input->getOperandNumber()];
    if (isa<MemRefType>(input->get().getType()) && !map.isFunctionOfDim(innermost) &&
        !op.getMatchingBlockArgument(input).use_empty())
      hoisted[input] = memref::LoadOp::create(b, loc, input->get(), indices(b, *input));
  }
}

SmallVector<Value> LoopEmitter::indices(OpBuilder &b, OpOperand &operand) {
  SmallVector<Value> result;
  SmallVector<OpFoldResult> dims(ivs.begin(), ivs.end());
  for (AffineExpr expr : maps[operand.getOperandNumber()].getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      result.push_back(ivs[dim.getPosition()]);
    else
      result.push_back(getValueOrCreateConstantIndexOp(
          b, loc, affine::makeComposedFoldedAffineApply(b, loc, AffineMap::get(ivs.size(), 0, expr), dims)));
  }
  return result;
}

SmallVector<Value> LoopEmitter::loadOutputs(OpBuilder &b, bool onlyUsed) {
  SmallVector<Value> values;
  for (OpOperand &init : op.getDpsInitsMutable()) {
    bool isUsed = op.payloadUsesValueFromOperand(&init);
    values.push_back(onlyUsed && !isUsed ? Value()
                                         : memref::LoadOp::create(b, loc, init.get(), indices(b, init)).getResult());
  }
  return values;
}

void LoopEmitter::storeOutputs(OpBuilder &b, ValueRange values) {
  for (auto [init, value] : llvm::zip_equal(op.getDpsInitsMutable(), values))
    memref::StoreOp::create(b, loc, value, init.get(), indices(b, init));
}

SmallVector<Value> LoopEmitter::emitRegion(OpBuilder &b, ValueRange accumulators) {
  IRMapping map;
  Block *body = op.getBlock();
  for (OpOperand *input : op.getDpsInputOperands()) {
    BlockArgument arg = op.getMatchingBlockArgument(input);
    if (arg.use_empty())
      continue;
    if (Value loaded = hoisted.lookup(input)) {
      map.map(arg, loaded);
      continue;
    }
    map.map(arg, isa<MemRefType>(input->get().getType())
                     ? memref::LoadOp::create(b, loc, input->get(), indices(b, *input)).getResult()
                     : input->get());
  }
  for (auto [arg, value] : llvm::zip_equal(op.getRegionOutputArgs(), accumulators))
    if (value)
      map.map(arg, value);
  for (Operation &inside : body->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inside)) {
      map.map(index.getResult(), ivs[index.getDim()]);
      continue;
    }
    Operation *copy = b.clone(inside, map);
    // An operation's own region may ask for the indices too.
    copy->walk([&](linalg::IndexOp index) {
      index.getResult().replaceAllUsesWith(ivs[index.getDim()]);
      index.erase();
    });
    allowReassociation(copy);
  }
  SmallVector<Value> results;
  for (Value yielded : body->getTerminator()->getOperands())
    results.push_back(map.lookupOrDefault(yielded));
  return results;
}

void LoopEmitter::allowReassociation(Operation *inside) {
  if (reductions.empty() || !isa<arith::AddFOp, arith::MulFOp>(inside))
    return;
  auto flags = cast<arith::ArithFastMathInterface>(inside).getFastMathFlagsAttr().getValue();
  flags = flags | arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;
  inside->setAttr("fastmath", arith::FastMathFlagsAttr::get(inside->getContext(), flags));
}

namespace {
struct LinalgToLoops : lutra::impl::LinalgToLoopsBase<LinalgToLoops> {
  using LinalgToLoopsBase::LinalgToLoopsBase;

  void runOnOperation() override {
    SmallVector<memref::CopyOp> copies;
    getOperation().walk([&](memref::CopyOp copy) {
      auto isContiguous = [](Value value) { return cast<MemRefType>(value.getType()).getLayout().isIdentity(); };
      // Contiguous memory stays a memcpy.
      if (!isContiguous(copy.getSource()) || !isContiguous(copy.getTarget()))
        copies.push_back(copy);
    });
    for (memref::CopyOp copy : copies) {
      OpBuilder b(copy);
      linalg::makeMemRefCopyOp(b, copy.getLoc(), copy.getSource(), copy.getTarget());
      copy.erase();
    }

    SmallVector<linalg::LinalgOp> ops;
    WalkResult walked = getOperation().walk([&](linalg::LinalgOp op) {
      if (!op.hasPureBufferSemantics()) {
        op.emitError("expected buffers: run one-shot-bufferize before lutra-linalg-to-loops");
        return WalkResult::interrupt();
      }
      ops.push_back(op);
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();
    for (linalg::LinalgOp op : ops) {
      LoopEmitter(op, minParallelWork).emit();
      op.erase();
    }
    // Arithmetic on what was loaded before the innermost loop follows it out.
    getOperation().walk([](scf::ForOp loop) { moveLoopInvariantCode(loop); });
  }
};
} // namespace
