//===- ByteSums.cpp - exact sums of quantized table entries ---------------===//
//
// A vector of 64 code bytes is looked up in the two tables of a pair; neighbouring lanes are the planes of one output
// row, and lut.accumulate adds them, weighted, into wider lanes.
//
// Range of the accumulators. An entry is at most 127 in magnitude. A 16-bit lane adds w * 127 per lookup, w the sum of
// the weights it adds: it holds floor(32767 / (127 w)) lookups, after which it is added to a 32-bit total ("chunk"
// below). A 32-bit lane adds at most (2^planes - 1) * 127 per table, and constraint C5 of lut.matmul keeps the group's
// sum in range.
//
// Order of the bytes. The runs of planes share accumulators where a group fits one chunk. Longer groups (a scale per channel) take a run after the
// other instead, each with chunks of its own: to jump between runs at every chunk costs a fifth of the memory's bandwidth.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

namespace {
/// One accumulator: `lanes16` 16-bit lanes for rows of the tile, or 32-bit lanes that are themselves part of a total.
struct Slot {
  unsigned cell;
  /// What the lanes are added to at the end: `output`, and 16-row part `part` of it (two parts for a narrow slot).
  unsigned output;
  int64_t part;
  enum Kind { Total, Quads16, Narrow16 } kind;
  /// Quads16: the weights of the two 16-bit lanes of a row. Narrow16: the shift of the lane.
  SmallVector<int32_t, 2> finish;
};

/// One lut.accumulate for each looked-up vector of a run.
struct Add {
  unsigned slot;
  SmallVector<int32_t, 4> weights;
};

/// Emits the sums of a block. The plan (slots and adds) is made once; code follows it pair after pair.
class ByteSumsEmitter {
public:
  ByteSumsEmitter(ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count)
      : b(b), block(block), layout(block.layout), begin(begin), parts(count / kLanes),
        outputs(layout.perPlane ? layout.planes : 1) {}

  GroupSums emit();

private:
  using AddLists = SmallVector<SmallVector<Add, 4>, 4>;

  void plan(unsigned firstRun, unsigned lastRun);
  void planRun(unsigned cell, unsigned index, const PlaneRun &run, unsigned base);
  unsigned getSlot(const Slot &slot);
  int64_t getChunkPairs() const;
  SmallVector<Value> emitRuns(SmallVector<Value> totals);
  SmallVector<Value> emitChunk(Value firstPair, int64_t count, ArrayRef<Value> totals);
  SmallVector<Value> emitPair(unsigned index, Value pair, ArrayRef<Value> accumulators);
  unsigned totalIndex(unsigned cell, unsigned output, int64_t part) const {
    return (cell * outputs + output) * parts + part;
  }
  /// The weight of `plane` in `output`: a power of two, or one for the plane that is the output.
  int32_t weightOf(unsigned plane, unsigned output, unsigned base) const {
    return layout.perPlane ? plane == output : 1 << (plane - base);
  }

  ImplicitLocOpBuilder &b;
  const GroupBlock &block;
  const GroupLayout &layout;
  int64_t begin, parts;
  unsigned outputs;
  /// The runs that the plan is for: [first, last).
  unsigned firstRun = 0, lastRun = 0;
  SmallVector<Slot> slots;
  /// [cell][run][vector of the tile's rows] -> the accumulations of a looked-up vector.
  llvm::DenseMap<std::tuple<unsigned, unsigned, int64_t>, SmallVector<Add, 4>> adds;
  /// The largest sum of weights that a 16-bit lane adds per lookup; 0 when there are none.
  int64_t largestWeight = 0;
};
} // namespace

unsigned ByteSumsEmitter::getSlot(const Slot &slot) {
  for (auto [index, known] : llvm::enumerate(slots))
    if (known.cell == slot.cell && known.output == slot.output && known.part == slot.part && known.kind == slot.kind &&
        known.finish == slot.finish)
      return index;
  slots.push_back(slot);
  return slots.size() - 1;
}

void ByteSumsEmitter::plan(unsigned first, unsigned last) {
  firstRun = first;
  lastRun = last;
  slots.clear();
  adds.clear();
  largestWeight = 0;
  ArrayRef<PlaneRun> runs = ArrayRef(layout.runs).slice(first, last - first);
  // Narrow runs share 16-bit lanes, whose weights count from the first of their planes.
  unsigned base = 0;
  for (const PlaneRun &run : llvm::reverse(runs))
    if (run.width < 4)
      base = run.first;
  for (unsigned cell = 0; cell < block.getCells(); ++cell)
    for (auto [index, run] : llvm::enumerate(runs))
      planRun(cell, first + index, run, base);
}

void ByteSumsEmitter::planRun(unsigned cell, unsigned index, const PlaneRun &run, unsigned base) {
  auto add = [&](int64_t vector, const Slot &slot, ArrayRef<int32_t> weights) {
    if (llvm::any_of(weights, [](int32_t weight) { return weight != 0; }))
      adds[{cell, index, vector}].push_back({getSlot(slot), llvm::to_vector<4>(weights)});
  };
  unsigned first = run.first;
  if (run.width == 4 && block.options.accumulatorBits == 32) {
    for (int64_t part = 0; part < parts; ++part)
      for (unsigned output = 0; output < outputs; ++output) {
        SmallVector<int32_t, 4> weights;
        for (unsigned plane = first; plane < first + 4; ++plane)
          weights.push_back(weightOf(plane, output, 0));
        add(part, {cell, output, part, Slot::Total, {}}, weights);
      }
    return;
  }
  if (run.width == 4) {
    // A 16-bit lane adds planes 0 and 1, or 2 and 3; the two lanes meet in a total.
    largestWeight = std::max<int64_t>(largestWeight, layout.perPlane ? 1 : 3);
    for (int64_t part = 0; part < parts; ++part) {
      if (!layout.perPlane) {
        add(part, {cell, 0, part, Slot::Quads16, {1 << first, 4 << first}}, {1, 2});
        continue;
      }
      for (unsigned plane = 0; plane < 4; ++plane)
        add(part, {cell, first + plane, part, Slot::Quads16, {plane < 2, plane >= 2}},
            {plane % 2 == 0, plane % 2 == 1});
    }
    return;
  }
  // Narrow runs: a 16-bit lane is a row, and the runs of 2 and 1 planes that are planned together share it.
  const unsigned end = run.first + run.width;
  largestWeight = std::max<int64_t>(largestWeight, layout.perPlane ? 1 : (int64_t(1) << (end - base)) - 1);
  for (unsigned output = 0; output < outputs; ++output) {
    int32_t shift = layout.perPlane ? 0 : base;
    if (run.width == 2) {
      for (int64_t part = 0; part < parts; part += 2)
        add(part / 2, {cell, output, part, Slot::Narrow16, {shift}},
            {weightOf(first, output, base), weightOf(first + 1, output, base)});
      continue;
    }
    // One plane: neighbours are row r and row r + 32.
    add(0, {cell, output, 0, Slot::Narrow16, {shift}}, {weightOf(first, output, base), 0});
    add(0, {cell, output, 2, Slot::Narrow16, {shift}}, {0, weightOf(first, output, base)});
  }
}

/// Pairs of tables after which 16-bit lanes must be emptied.
int64_t ByteSumsEmitter::getChunkPairs() const {
  if (largestWeight == 0)
    return layout.pairs;
  return std::min<int64_t>(layout.pairs, 32767 / (127 * largestWeight) / 2);
}

/// Looks the codes of the run `index` up in the tables of `pair`.
SmallVector<Value> ByteSumsEmitter::emitPair(unsigned index, Value pair, ArrayRef<Value> accumulators) {
  SmallVector<Value> result(accumulators);
  auto tableType = VectorType::get({16}, b.getI8Type());
  SmallVector<std::array<Value, 2>> tables;
  for (Value row : block.rows) {
    std::array<Value, 2> both;
    for (int64_t half : {0, 1}) {
      Value place = affine(b, {}, 32, pair, 16 * half);
      both[half] = vector::LoadOp::create(b, tableType, block.buffers.entries, ValueRange{row, block.group, place});
    }
    tables.push_back(both);
  }
  const PlaneRun &run = layout.runs[index];
  int64_t rowsPerVector = kVectorBytes / run.width;
  unsigned tiles = block.offsets.size();
  for (int64_t vector = 0; vector < parts * kLanes / rowsPerVector; ++vector)
    for (auto [tile, tileOffset] : llvm::enumerate(block.offsets)) {
      int64_t place = run.offset + begin * run.width + vector * kVectorBytes;
      Value offset = affine(b, tileOffset, run.width * kTileRows, pair, place);
      block.prefetch(b, offset);
      Value low = loadBytes(b, block.buffers.weights, offset, b.getI8Type(), kVectorBytes);
      Value high = arith::ShRUIOp::create(b, low, splatInt(b, kVectorBytes, 8, 4));
      for (unsigned row = 0; row < block.rows.size(); ++row)
        for (int64_t half : {0, 1}) {
          Value entries = lut::LookupOp::create(b, low.getType(), tables[row][half], half == 0 ? low : high);
          for (const Add &add : adds[{unsigned(row * tiles + tile), index, vector}])
            result[add.slot] = lut::AccumulateOp::create(b, result[add.slot].getType(), entries, result[add.slot],
                                                         b.getDenseI32ArrayAttr(add.weights));
        }
    }
  return result;
}

SmallVector<Value> ByteSumsEmitter::emitChunk(Value firstPair, int64_t count, ArrayRef<Value> totals) {
  SmallVector<Value> accumulators;
  for (const Slot &slot : slots)
    accumulators.push_back(slot.kind == Slot::Total ? totals[totalIndex(slot.cell, slot.output, slot.part)]
                                                    : splatInt(b, 2 * kLanes, 16, 0));
  // A run after the other, as they lie in memory.
  for (unsigned index = firstRun; index < lastRun; ++index)
    accumulators = forEachPair(b, firstPair, count, getUnrolledPairs(layout.runs[index].width * parts, block.getCells()), accumulators,
                               [&](Value pair, ArrayRef<Value> values) { return emitPair(index, pair, values); });
  SmallVector<Value> result(totals);
  for (auto [slot, value] : llvm::zip_equal(slots, accumulators)) {
    Value &total = result[totalIndex(slot.cell, slot.output, slot.part)];
    if (slot.kind == Slot::Total) {
      total = value;
    } else if (slot.kind == Slot::Quads16) {
      total = lut::AccumulateOp::create(b, total.getType(), value, total, b.getDenseI32ArrayAttr(slot.finish));
    } else {
      for (int64_t half : {0, 1}) {
        Value lanes = vector::ExtractStridedSliceOp::create(b, value, ArrayRef<int64_t>{half * kLanes},
                                                            ArrayRef<int64_t>{kLanes}, ArrayRef<int64_t>{1});
        Value wide = arith::ExtSIOp::create(b, total.getType(), lanes);
        if (slot.finish[0] != 0)
          wide = arith::ShLIOp::create(b, wide, splatInt(b, kLanes, 32, slot.finish[0]));
        Value &sum = result[totalIndex(slot.cell, slot.output, slot.part + half)];
        sum = arith::AddIOp::create(b, sum, wide);
      }
    }
  }
  return result;
}

/// Adds the planned runs of the whole group to `totals`.
SmallVector<Value> ByteSumsEmitter::emitRuns(SmallVector<Value> totals) {
  int64_t chunk = getChunkPairs(), whole = layout.pairs / chunk, rest = layout.pairs % chunk;
  if (whole == 1) {
    totals = emitChunk(constantIndex(b, 0), chunk, totals);
  } else {
    auto loop = scf::ForOp::create(
        b, constantIndex(b, 0), constantIndex(b, whole * chunk), constantIndex(b, chunk), totals,
        [&](OpBuilder &, Location loc, Value pair, ValueRange values) {
          SmallVector<Value> next = emitChunk(pair, chunk, llvm::to_vector(values));
          scf::YieldOp::create(b, next);
        });
    totals = SmallVector<Value>(loop.getResults());
  }
  if (rest != 0)
    totals = emitChunk(constantIndex(b, whole * chunk), rest, totals);
  return totals;
}

GroupSums ByteSumsEmitter::emit() {
  SmallVector<Value> totals(block.getCells() * outputs * parts, splatInt(b, kLanes, 32, 0));
  const unsigned runs = layout.runs.size();
  plan(0, runs);
  if (getChunkPairs() >= layout.pairs) {
    totals = emitRuns(totals);
  } else {
    for (unsigned run = 0; run < runs; ++run) {
      plan(run, run + 1);
      totals = emitRuns(totals);
    }
  }
  GroupSums sums(block.getCells());
  auto floats = VectorType::get({kLanes}, b.getF32Type());
  for (unsigned cell = 0; cell < block.getCells(); ++cell)
    for (unsigned output = 0; output < outputs; ++output) {
      sums[cell].emplace_back();
      for (int64_t part = 0; part < parts; ++part)
        sums[cell].back().push_back(arith::SIToFPOp::create(b, floats, totals[totalIndex(cell, output, part)]));
    }
  return sums;
}

GroupSums lutloops::emitByteSums(ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count) {
  if (block.layout.quads)
    return emitRowQuadSums(b, block, begin, count);
  if (canSumQuads(block))
    return emitQuadSums(b, block);
  return ByteSumsEmitter(b, block, begin, count).emit();
}
