//===- ShareLoops.cpp - each thread finds its own part of a loop ----------===//
//
// OpenMP's run-time library deals out iterations by a call in each thread and loop, which costs as much as a small loop of a decoder's step.
// The static schedule is a few lines of arithmetic on the thread's number, and they are emitted here: of n threads, thread t takes
// `count / n` iterations, and one more where t < count mod n, in order. A thread's iterations are neighbours, as libomp's are.
//
// Entering a region and leaving it takes the library a tenth of a microsecond even where there is one thread, and a microsecond where there are two: one
// thread, or one iteration, runs a loop without a region. A loop of calls is there twice for that; another's iterations become a function. Calls that do a
// range of work (lutra/Support/RangeCalls.h) become one for all neighbouring iterations of a thread, and loops of such calls that may run at the same time
// are dealt out together, as one range in one region. What is of value to one thread only (the same header) is left to it.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "lib/Codegen/Captured.h"
#include "lutra/Support/RangeCalls.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
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
    SmallVector<scf::IfOp> choices;
    getOperation().walk([&](scf::IfOp choice) {
      if (choice->removeAttr(lutra::kAloneAttr))
        choices.push_back(choice);
    });
    if (loops.empty() && choices.empty())
      return;
    for (StringRef name : {kThreadNumber, kThreadCount, kMaxThreads})
      if (failed(declare(name)))
        return signalPassFailure();
    for (scf::IfOp choice : choices) {
      ImplicitLocOpBuilder b(choice.getLoc(), choice);
      Value one = arith::ConstantIndexOp::create(b, 1);
      Value isAlone = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, ask(b, kMaxThreads), one);
      choice.getConditionMutable().assign(arith::AndIOp::create(b, choice.getCondition(), isAlone));
    }
    SymbolTable symbols(getOperation());
    for (size_t first = 0, count; first < loops.size(); first += count) {
      count = 1;
      while (first + count < loops.size() && runsWith(loops[first + count - 1], loops[first + count]))
        ++count;
      share(ArrayRef(loops).slice(first, count), symbols);
    }
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

  /// Whether `next` may run at the same time as `loop`, which says so: loops of range calls alone, and nothing but scalar code between them.
  static bool runsWith(scf::ParallelOp loop, scf::ParallelOp next) {
    func::CallOp call = getRangeCall(loop);
    if (!call || !call->hasAttr(lutra::kWithNextAttr) || !isShort(loop) || !isShort(next) || !getRangeCall(next) || loop->getBlock() != next->getBlock())
      return false;
    Operation *between = loop->getNextNode();
    while (between && between != next && isMemoryEffectFree(between))
      between = between->getNextNode();
    return between == next;
  }

  /// Makes the iterations of `loop` a function of the first, the one behind the last, and what they use; `arguments` are the latter.
  static func::FuncOp outline(scf::ParallelOp loop, const Range &range, SymbolTable &symbols, SmallVectorImpl<Value> &arguments) {
    llvm::SetVector<Value> used(loop->operand_begin(), loop->operand_end());
    used.insert(range.counts.begin(), range.counts.end());
    getUsedValuesDefinedAbove(loop.getRegion(), used);
    lutra::Captured captured(used);
    arguments = captured.inputs;
    ImplicitLocOpBuilder b(loop.getLoc(), loop.getContext());
    SmallVector<Type> types(2, b.getIndexType());
    llvm::append_range(types, ValueRange(arguments).getTypes());
    std::string name = (loop->getParentOfType<func::FuncOp>().getSymName() + "_part").str();
    auto function = func::FuncOp::create(b, name, b.getFunctionType(types, {}));
    function.setPrivate();
    symbols.insert(function);
    Block *body = function.addEntryBlock();
    b.setInsertionPointToStart(body);
    IRMapping map;
    map.map(arguments, body->getArguments().drop_front(2));
    for (Operation *constant : captured.constants)
      b.clone(*constant, map);
    auto inside = cast<scf::ParallelOp>(b.clone(*loop, map));
    Range insideRange;
    for (Value count : range.counts)
      insideRange.counts.push_back(map.lookup(count));
    b.setInsertionPoint(inside);
    emitIterations(b, inside, insideRange, body->getArgument(0), body->getArgument(1));
    inside.erase();
    b.setInsertionPointToEnd(body);
    func::ReturnOp::create(b);
    return function;
  }

  /// Emits what a thread does of `loops`, whose iterations are numbered one loop after the other: those from `first` to `last`.
  static void emitParts(ImplicitLocOpBuilder &b, ArrayRef<scf::ParallelOp> loops, ArrayRef<Range> ranges, Value first, Value last) {
    Value begin = arith::ConstantIndexOp::create(b, 0);
    for (auto [loop, range] : llvm::zip_equal(loops, ranges)) {
      Value end = arith::AddIOp::create(b, begin, range.total);
      Value from = arith::MaxUIOp::create(b, first, begin), to = arith::MinUIOp::create(b, last, end);
      Value hasAny = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, from, to);
      auto branch = scf::IfOp::create(b, TypeRange(), hasAny, /*withElseRegion=*/false);
      {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(branch.thenBlock());
        emitIterations(b, loop, range, arith::SubIOp::create(b, from, begin), arith::SubIOp::create(b, to, begin));
      }
      begin = end;
    }
  }

  /// Shares `loops`, of which there are several only where they may run at the same time.
  static void share(ArrayRef<scf::ParallelOp> loops, SymbolTable &symbols) {
    scf::ParallelOp last = loops.back();
    ImplicitLocOpBuilder b(last.getLoc(), last);
    SmallVector<Range> ranges;
    Value total;
    for (scf::ParallelOp loop : loops) {
      ranges.push_back(countIterations(b, loop));
      total = total ? arith::AddIOp::create(b, total, ranges.back().total).getResult() : ranges.back().total;
    }
    SmallVector<Value> arguments;
    func::FuncOp function = isShort(last) ? func::FuncOp() : outline(last, ranges.back(), symbols, arguments);
    // Each loop from its first iteration to its last, or all of them as one range.
    auto emitPart = [&](Value from, Value to) {
      if (!function)
        return loops.size() == 1 ? emitIterations(b, last, ranges.back(), from, to) : emitParts(b, loops, ranges, from, to);
      SmallVector<Value> operands{from, to};
      operands.append(arguments);
      func::CallOp::create(b, function, operands);
    };
    Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1);
    Value isAlone = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, ask(b, kMaxThreads), one);
    Value isSingle = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, total, one);
    auto branch = scf::IfOp::create(b, TypeRange(), arith::OrIOp::create(b, isAlone, isSingle), /*withElseRegion=*/true);
    b.setInsertionPointToStart(branch.thenBlock());
    if (loops.size() == 1)
      emitPart(zero, total);
    else
      for (auto [loop, range] : llvm::zip_equal(loops, ranges))
        emitIterations(b, loop, range, zero, range.total);
    b.setInsertionPointToStart(branch.elseBlock());
    auto region = omp::ParallelOp::create(b);
    b.createBlock(&region.getRegion());
    auto [from, to] = getPart(b, total);
    emitPart(from, to);
    omp::TerminatorOp::create(b);
    for (scf::ParallelOp loop : loops)
      loop.erase();
  }
};
} // namespace
