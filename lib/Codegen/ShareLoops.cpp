//===- ShareLoops.cpp - each thread finds its own part of a loop ----------===//
//
// OpenMP's run-time library deals out iterations by a call in each thread and loop, which costs as much as a small loop of a decoder's step.
// The static schedule is a few lines of arithmetic on the thread's number, and they are emitted here: of n threads, thread t takes
// `count / n` iterations, and one more where t < count mod n, in order. A thread's iterations are neighbours, as libomp's are.
//
// Entering a region and leaving it takes the library a tenth of a microsecond even where there is one thread: a loop of calls, whose code may be
// there twice, asks for the number of threads first, and one thread runs it as it is. Calls that do a range of work (lutra/Support/RangeCalls.h) become one
// for all neighbouring iterations of a thread.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"
#include "lutra/Support/RangeCalls.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace lutra {
#define GEN_PASS_DEF_SHARELOOPS
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

namespace {
/// Functions of OpenMP's run-time library.
constexpr llvm::StringLiteral kThreadNumber = "omp_get_thread_num", kThreadCount = "omp_get_num_threads",
                              kMaxThreads = "omp_get_max_threads";
/// Operations of an iteration that are little code.
constexpr int64_t kShortBody = 40;

/// The iterations of a loop nest as one range: the trip count of each dimension, and of all.
struct Range {
  SmallVector<Value> counts;
  Value total;
};

struct ShareLoops : lutra::impl::ShareLoopsBase<ShareLoops> {
  void runOnOperation() override {
    SmallVector<scf::ParallelOp> loops;
    // A loop inside another's iterations is the work of one thread; upstream's conversion makes it a region of one thread.
    getOperation().walk<WalkOrder::PreOrder>([&](scf::ParallelOp loop) {
      if (loop.getInitVals().empty())
        loops.push_back(loop);
      return WalkResult::skip();
    });
    if (loops.empty())
      return;
    for (StringRef name : {kThreadNumber, kThreadCount})
      if (failed(declare(name)))
        return signalPassFailure();
    if (llvm::any_of(loops, isShort) && failed(declare(kMaxThreads)))
      return signalPassFailure();
    for (scf::ParallelOp loop : loops)
      share(loop);
  }

private:
  /// Declares the library's function `name`.
  LogicalResult declare(StringRef name) {
    OpBuilder builder = OpBuilder::atBlockBegin(getOperation().getBody());
    FunctionType type = builder.getFunctionType({}, builder.getI32Type());
    if (Operation *known = SymbolTable::lookupSymbolIn(getOperation(), name)) {
      auto function = dyn_cast<func::FuncOp>(known);
      if (function && function.isDeclaration() && function.getFunctionType() == type)
        return success();
      return known->emitError() << "'" << name << "' is a function of the OpenMP library, declared as " << type
                                << "; rename this symbol";
    }
    func::FuncOp::create(builder, getOperation().getLoc(), name, type).setPrivate();
    return success();
  }

  /// The trip counts of `loop`, computed before it.
  static Range countIterations(ImplicitLocOpBuilder &b, scf::ParallelOp loop) {
    Range range;
    Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1);
    for (auto [lower, upper, step] : llvm::zip_equal(loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
      Value span = arith::SubIOp::create(b, upper, lower);
      Value count = arith::DivSIOp::create(b, arith::AddIOp::create(b, span, arith::SubIOp::create(b, step, one)), step);
      count = arith::MaxSIOp::create(b, count, zero);
      range.counts.push_back(count);
      range.total = range.total ? arith::MulIOp::create(b, range.total, count).getResult() : count;
    }
    return range;
  }

  /// Whether an iteration is a call and what finds its arguments: little code to have twice.
  static bool isShort(scf::ParallelOp loop) {
    auto ops = loop.getBody()->without_terminator();
    return std::distance(ops.begin(), ops.end()) <= kShortBody && llvm::any_of(ops, llvm::IsaPred<func::CallOp>) &&
           llvm::all_of(ops, [](Operation &op) { return op.getNumRegions() == 0; });
  }

  /// The answer of the library's function `name`.
  static Value ask(ImplicitLocOpBuilder &b, StringRef name) {
    Value answer = func::CallOp::create(b, name, TypeRange(b.getI32Type()), ValueRange()).getResult(0);
    return arith::IndexCastOp::create(b, b.getIndexType(), answer);
  }

  /// The calling thread's first iteration, and the one behind its last.
  static std::pair<Value, Value> getPart(ImplicitLocOpBuilder &b, Value total) {
    Value thread = ask(b, kThreadNumber), threads = ask(b, kThreadCount);
    Value share = arith::DivUIOp::create(b, total, threads), rest = arith::RemUIOp::create(b, total, threads);
    Value first = arith::AddIOp::create(b, arith::MulIOp::create(b, thread, share), arith::MinUIOp::create(b, thread, rest));
    Value isLonger = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, thread, rest);
    Value extra = arith::IndexCastUIOp::create(b, b.getIndexType(), isLonger);
    return {first, arith::AddIOp::create(b, arith::AddIOp::create(b, first, share), extra)};
  }

  /// The indices of `loop` in iteration `number` of all; the last dimension runs fastest.
  static SmallVector<Value> getIndices(ImplicitLocOpBuilder &b, scf::ParallelOp loop, const Range &range, Value number) {
    SmallVector<Value> indices(range.counts.size());
    for (int64_t dim = indices.size() - 1; dim >= 0; --dim) {
      Value place = number;
      if (dim > 0) {
        place = arith::RemUIOp::create(b, number, range.counts[dim]);
        number = arith::DivUIOp::create(b, number, range.counts[dim]);
      }
      Value offset = arith::MulIOp::create(b, place, loop.getStep()[dim]);
      indices[dim] = arith::AddIOp::create(b, loop.getLowerBound()[dim], offset);
    }
    return indices;
  }

  /// The call of `loop` that does a range of work, when an iteration is nothing else. Null: there is none.
  static func::CallOp getRangeCall(scf::ParallelOp loop) {
    func::CallOp found;
    for (Operation &op : loop.getBody()->without_terminator()) {
      if (isMemoryEffectFree(&op))
        continue;
      auto call = dyn_cast<func::CallOp>(op);
      if (found || !call || !call->hasAttrOfType<IntegerAttr>(lutra::kRangeAttr))
        return {};
      found = call;
    }
    return found;
  }

  /// Makes one call for the iterations from `first` to `last`, whose outer indices are equal: from the begin of the first one's range to the end of the
  /// last one's.
  static void emitRangeCall(ImplicitLocOpBuilder &b, scf::ParallelOp loop, func::CallOp call, const Range &range, Value first, Value last) {
    auto getOperands = [&](Value number) {
      IRMapping mapping;
      mapping.map(loop.getInductionVars(), getIndices(b, loop, range, number));
      for (Operation &op : loop.getBody()->without_terminator())
        if (&op != call)
          b.clone(op, mapping);
      return llvm::map_to_vector(call.getOperands(), [&](Value operand) { return mapping.lookupOrDefault(operand); });
    };
    SmallVector<Value> operands = getOperands(first);
    Value end = arith::SubIOp::create(b, last, arith::ConstantIndexOp::create(b, 1));
    int64_t begin = call->getAttrOfType<IntegerAttr>(lutra::kRangeAttr).getInt();
    operands[begin + 1] = getOperands(end)[begin + 1];
    func::CallOp::create(b, call.getCallee(), call.getResultTypes(), operands);
  }

  /// The same for any iterations: a call for each value of the outer indices.
  static void emitRangeCalls(ImplicitLocOpBuilder &b, scf::ParallelOp loop, func::CallOp call, const Range &range, Value first, Value last) {
    if (range.counts.size() == 1)
      return emitRangeCall(b, loop, call, range, first, last);
    Value one = arith::ConstantIndexOp::create(b, 1), inner = arith::MaxUIOp::create(b, range.counts.back(), one);
    Value outerFirst = arith::DivUIOp::create(b, first, inner), outerLast = arith::CeilDivUIOp::create(b, last, inner);
    auto outer = scf::ForOp::create(b, outerFirst, outerLast, one);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(outer.getBody());
    Value begin = arith::MulIOp::create(b, outer.getInductionVar(), inner), end = arith::AddIOp::create(b, begin, inner);
    emitRangeCall(b, loop, call, range, arith::MaxUIOp::create(b, begin, first), arith::MinUIOp::create(b, end, last));
  }

  /// Emits the iterations from `first` to `last`.
  static void emitIterations(ImplicitLocOpBuilder &b, scf::ParallelOp loop, const Range &range, Value first, Value last) {
    if (func::CallOp call = getRangeCall(loop))
      return emitRangeCalls(b, loop, call, range, first, last);
    // What an iteration takes of the stack, the thread takes once: a loop would take it again and again.
    IRMapping mapping;
    llvm::SmallPtrSet<Operation *, 4> hoisted;
    for (auto taken : loop.getBody()->getOps<memref::AllocaOp>())
      if (llvm::all_of(taken->getOperands(), [&](Value size) { return loop.isDefinedOutsideOfLoop(size); })) {
        b.clone(*taken, mapping);
        hoisted.insert(taken);
      }
    auto own = scf::ForOp::create(b, first, last, arith::ConstantIndexOp::create(b, 1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(own.getBody());
    mapping.map(loop.getInductionVars(), getIndices(b, loop, range, own.getInductionVar()));
    for (Operation &op : loop.getBody()->without_terminator())
      if (!hoisted.contains(&op))
        b.clone(op, mapping);
  }

  static void share(scf::ParallelOp loop) {
    ImplicitLocOpBuilder b(loop.getLoc(), loop);
    Range range = countIterations(b, loop);
    if (isShort(loop)) {
      Value one = arith::ConstantIndexOp::create(b, 1);
      Value isAlone = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, ask(b, kMaxThreads), one);
      Value isSingle = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, range.total, one);
      auto branch = scf::IfOp::create(b, TypeRange(), arith::OrIOp::create(b, isAlone, isSingle), /*withElseRegion=*/true);
      b.setInsertionPointToStart(branch.thenBlock());
      emitIterations(b, loop, range, arith::ConstantIndexOp::create(b, 0), range.total);
      b.setInsertionPointToStart(branch.elseBlock());
    }
    auto region = omp::ParallelOp::create(b);
    b.createBlock(&region.getRegion());
    auto [first, last] = getPart(b, range.total);
    emitIterations(b, loop, range, first, last);
    omp::TerminatorOp::create(b);
    loop.erase();
  }
};
} // namespace
