//===- AllocateRegisters.cpp - lmma-allocate-registers --------------------===//
//
// Positions number the operations of a kernel in program order, a loop having a first and a last one. Values that must
// share a register (an accumulator and what overwrites it, all that a loop carries in one place) form a class; a class
// occupies its register from its first definition to its last use. Invariant: a value used in a loop that it is
// defined outside of lives until that loop ends.
//
//===----------------------------------------------------------------------===//

#include "dialects/lmma/Transforms/Passes.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/TypeSwitch.h"

#include <deque>

namespace lutra::lmma {
#define GEN_PASS_DEF_LMMAALLOCATEREGISTERS
#include "dialects/lmma/Transforms/Passes.h.inc"
} // namespace lutra::lmma

using namespace mlir;
using namespace lutra::lmma;

std::optional<int64_t> lutra::lmma::getRegister(Value value) {
  Operation *owner = value.getDefiningOp();
  unsigned index = 0;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    owner = argument.getOwner()->getParentOp();
    index = argument.getArgNumber();
  } else {
    index = cast<OpResult>(value).getResultNumber() + (isa<ForOp>(owner) ? 1 : 0);
  }
  auto registers = owner->getAttrOfType<DenseI64ArrayAttr>(LmmaDialect::kRegistersAttr);
  if (!registers || index >= static_cast<unsigned>(registers.size()))
    return std::nullopt;
  return registers[index];
}

namespace {

enum File { Table, Weight, I32, F32, Rows, Cols, Acts, Sums, NumFiles };
constexpr const char *kFileNames[] = {"table (t)", "weight (w)", "i32 accumulator (a)", "f32 accumulator (f)",
                                      "row (s)",   "column (c)", "activation (x)",   "sum (d)"};

/// Whether a value lives in a register tile. Others are counters, which are numbered by their depth, and buffers.
bool isTile(Value value) { return isa<LmmaDialect>(value.getType().getDialect()); }

/// The depth of the outermost loop: a grid's column has the first register.
int64_t firstDepth(KernelOp kernel) { return kernel.getGrid() ? 1 : 0; }

File fileOf(Type type) {
  return llvm::TypeSwitch<Type, File>(type)
      .Case([](TableType) { return Table; })
      .Case([](WeightsType) { return Weight; })
      .Case([](AccumulatorType acc) { return acc.getElement().isF32() ? F32 : I32; })
      .Case([](RowsType) { return Rows; })
      .Case([](ActsType) { return Acts; })
      .Case([](SumsType) { return Sums; })
      .Default(Cols);
}

struct LiveRange {
  int64_t first, last;
};

/// The operand whose register the only result takes over, if any.
Value tiedOperand(Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([](MmaOp mma) { return mma.getAccumulator(); })
      .Case([](ShiftOp shift) { return shift.getAccumulator(); })
      .Case([](ScaleOp scale) { return scale.getOutput(); })
      .Case<AsumOp, AmaxOp, SquaresOp>([](auto reduce) { return reduce.getStart(); })
      .Case<FmaRowsOp, FmaColsOp, FmaOuterOp>([](auto fma) { return fma.getAccumulator(); })
      .Default(Value());
}

class Allocator {
public:
  Allocator(KernelOp kernel, std::array<unsigned, NumFiles> sizes, unsigned loopRegisters)
      : kernel(kernel), sizes(sizes), loopRegisters(loopRegisters) {}
  LogicalResult run();

private:
  void number(Block &block);
  void define(Value value, int64_t at) {
    values.push_back(value);
    ranges[value] = {at, at};
    classes.insert(value.getAsOpaquePointer());
  }
  void unite(Value one, Value other) { classes.unionSets(one.getAsOpaquePointer(), other.getAsOpaquePointer()); }
  void extendToUses();
  LogicalResult checkOverwrites();
  LogicalResult assign();
  void annotate();

  KernelOp kernel;
  std::array<unsigned, NumFiles> sizes;
  unsigned loopRegisters;
  int64_t next = 0;
  SmallVector<Value> values;
  llvm::DenseMap<Value, LiveRange> ranges;
  llvm::DenseMap<Operation *, int64_t> positions, loopEnds;
  llvm::EquivalenceClasses<void *> classes;
  llvm::DenseMap<void *, int64_t> registers;
};

} // namespace

void Allocator::number(Block &block) {
  for (Operation &op : block) {
    positions[&op] = next++;
    auto loop = dyn_cast<ForOp>(op);
    if (!loop) {
      for (Value result : op.getResults())
        if (isTile(result))
          define(result, positions[&op]);
      if (Value tied = tiedOperand(&op))
        unite(op.getResult(0), tied);
      continue;
    }
    for (Value argument : loop.getCarried())
      define(argument, positions[&op]);
    number(loop.getBody().front());
    loopEnds[&op] = next++;
    for (Value result : loop.getResults())
      define(result, loopEnds[&op]);
    for (auto [init, argument, yielded, result] :
         llvm::zip_equal(loop.getInits(), loop.getCarried(), loop.getYield().getValues(), loop.getResults())) {
      unite(init, argument);
      unite(argument, yielded);
      unite(argument, result);
    }
  }
}

void Allocator::extendToUses() {
  for (Value value : values) {
    LiveRange &range = ranges[value];
    for (Operation *user : value.getUsers()) {
      int64_t at = isa<YieldOp>(user) ? loopEnds[user->getParentOp()] : positions[user];
      // Climb to the loops that do not hold the definition.
      for (Operation *inner = user; inner->getBlock() != value.getParentBlock(); inner = inner->getParentOp())
        at = std::max(at, loopEnds.lookup(inner->getParentOp()));
      range.last = std::max(range.last, at);
    }
  }
}

LogicalResult Allocator::checkOverwrites() {
  for (Value value : values) {
    LiveRange range = ranges[value];
    for (auto member = classes.findLeader(value.getAsOpaquePointer()); member != classes.member_end(); ++member) {
      Value other = Value::getFromOpaquePointer(*member);
      int64_t at = ranges[other].first;
      if (other == value || at < range.first || at >= range.last)
        continue;
      Operation *overwriter = other.getDefiningOp() ? other.getDefiningOp() : other.getParentBlock()->getParentOp();
      InFlightDiagnostic diagnostic =
          overwriter->emitOpError("overwrites the register of a value that is needed later; "
                                  "accumulate into a tile of its own (lmma.zero)");
      diagnostic.attachNote(value.getLoc()) << "the value is defined here";
      return diagnostic;
    }
  }
  return success();
}

LogicalResult Allocator::assign() {
  struct Class {
    void *leader;
    LiveRange range;
    File file;
    unsigned order;
  };
  SmallVector<Class> all;
  llvm::DenseMap<void *, unsigned> indices;
  for (Value value : values) {
    void *leader = *classes.findLeader(value.getAsOpaquePointer());
    LiveRange range = ranges[value];
    auto [entry, isNew] = indices.try_emplace(leader, all.size());
    if (isNew)
      all.push_back({leader, range, fileOf(value.getType()), static_cast<unsigned>(all.size())});
    LiveRange &whole = all[entry->second].range;
    whole = {std::min(whole.first, range.first), std::max(whole.last, range.last)};
  }
  llvm::sort(all, [](const Class &a, const Class &b) {
    return std::pair(a.range.first, a.order) < std::pair(b.range.first, b.order);
  });

  std::array<std::deque<int64_t>, NumFiles> free;
  for (unsigned file = 0; file < NumFiles; ++file)
    for (unsigned index = 0; index < sizes[file]; ++index)
      free[file].push_back(index);
  SmallVector<Class> active;
  for (const Class &current : all) {
    llvm::sort(active, [](const Class &a, const Class &b) {
      return std::pair(a.range.last, a.order) < std::pair(b.range.last, b.order);
    });
    llvm::erase_if(active, [&](const Class &old) {
      if (old.range.last >= current.range.first)
        return false;
      free[old.file].push_back(registers[old.leader]);
      return true;
    });
    if (free[current.file].empty())
      return kernel.emitOpError() << "needs more than the " << sizes[current.file] << " " << kFileNames[current.file]
                                  << " registers of the machine; make its tile smaller";
    registers[current.leader] = free[current.file].front();
    free[current.file].pop_front();
    active.push_back(current);
  }
  return success();
}

void Allocator::annotate() {
  auto registerOf = [&](Value value) { return registers[*classes.findLeader(value.getAsOpaquePointer())]; };
  kernel.getBody().walk([&](Operation *op) {
    SmallVector<int64_t> numbers;
    if (isa<BlockColumnOp>(op)) {
      op->setAttr(LmmaDialect::kRegistersAttr, DenseI64ArrayAttr::get(op->getContext(), {0}));
      return;
    }
    if (isa<ForOp>(op)) {
      int64_t depth = firstDepth(kernel);
      for (Operation *parent = op->getParentOp(); isa<ForOp>(parent); parent = parent->getParentOp())
        ++depth;
      numbers.push_back(depth);
    }
    for (Value result : op->getResults())
      if (isTile(result))
        numbers.push_back(registerOf(result));
    if (!numbers.empty())
      op->setAttr(LmmaDialect::kRegistersAttr, DenseI64ArrayAttr::get(op->getContext(), numbers));
  });
}

LogicalResult Allocator::run() {
  number(kernel.getBody().front());
  extendToUses();
  if (failed(checkOverwrites()) || failed(assign()))
    return failure();
  WalkResult depths = kernel.getBody().walk([&](ForOp loop) {
    unsigned depth = 1 + firstDepth(kernel);
    for (Operation *parent = loop->getParentOp(); isa<ForOp>(parent); parent = parent->getParentOp())
      ++depth;
    if (depth <= loopRegisters)
      return WalkResult::advance();
    loop.emitOpError() << "is nested " << depth << " deep, but the machine has " << loopRegisters << " loop registers";
    return WalkResult::interrupt();
  });
  if (depths.wasInterrupted())
    return failure();
  annotate();
  return success();
}

namespace {
struct AllocateRegisters : lutra::lmma::impl::LmmaAllocateRegistersBase<AllocateRegisters> {
  using LmmaAllocateRegistersBase::LmmaAllocateRegistersBase;
  void runOnOperation() override {
    Allocator allocator(getOperation(), {tableTiles, weightTiles, i32Tiles, f32Tiles, rowTiles, colTiles, actTiles, sumTiles},
                        loopRegisters);
    if (failed(allocator.run()))
      signalPassFailure();
  }
};
} // namespace
