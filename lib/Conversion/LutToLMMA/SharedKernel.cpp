//===- SharedKernel.cpp - a lookup product through shared memory ----------===//
//
// A block computes `rows` activation rows by `columns` x 64 output rows; its outputs stay in registers while the groups go by
// in ascending order, as docs/spec/numerics.md asks. Shared memory holds two stages of `groups` groups: while the array
// works on one, asynchronous copies fill the other. Invariant: token 0 is the first stage's, token 1 the second's.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"
#include "KernelTools.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::luttolmma;

namespace {

class SharedKernelBuilder {
public:
  SharedKernelBuilder(ImplicitLocOpBuilder &b, const ProductShape &shape, const SharedTile &cut)
      : b(b), s(shape), cut(cut), stageGroups(cut.groups) {}
  void build(lmma::KernelOp kernel);

private:
  struct Stage {
    Value entries, scales, sums, weights;
  };

  Value shared(ArrayRef<int64_t> shape, Type element) {
    auto space = lmma::SharedAttr::get(b.getContext());
    return lmma::SharedOp::create(b, MemRefType::get(shape, element, MemRefLayoutAttrInterface(), space));
  }
  Stage makeStage();
  void copy(Value from, ArrayRef<Index> fromIndices, Value to, ArrayRef<Index> toIndices, ArrayRef<int64_t> sizes,
            int64_t token);
  void copyStage(const Stage &stage, const Index &number, int64_t token);
  Values load(const Stage &stage, const Index &group);
  Values compute(ValueRange set, const Values &outputs);
  Values computeStage(const Stage &stage, int64_t count, const Values &outputs);
  Values accumulate(ValueRange tables, Value weights, ValueRange tableScales, Values sums);
  void tile(int64_t size, Value firstRow);
  Values zeros(int64_t count, Type element, bool negative = false) {
    Values result;
    for (int64_t i = 0; i < count; ++i)
      result.push_back(lmma::ZeroOp::create(b, lmma::AccumulatorType::get(b.getContext(), element), negative));
    return result;
  }
  int64_t alphas() const { return s.perPlane ? s.planes : 1; }
  /// Scales of tables, or of a group or row.
  int64_t scalesPerGroup() const { return s.scalesTables() ? s.tables : 1; }

  ImplicitLocOpBuilder &b;
  const ProductShape &s;
  const SharedTile &cut;
  int64_t stageGroups;
  Value entries, scales, sums, weights, out, column;
  Value constantZeta, negativeZero, one, empty;
  Stage stages[2];
  /// Of the rows that are built.
  int64_t size = 0, blocks = 0;
  Index row;
};

} // namespace

SharedKernelBuilder::Stage SharedKernelBuilder::makeStage() {
  const int64_t rowScales = s.scale == lowbit::TableScale::Row ? 1 : stageGroups * scalesPerGroup();
  return {shared({cut.rows, stageGroups, s.tables * s.pitch}, s.entry), shared({cut.rows, rowScales}, b.getF32Type()),
          shared({cut.rows, stageGroups}, b.getF32Type()),
          shared({cut.columns * stageGroups * s.groupBytes}, b.getI8Type())};
}

void SharedKernelBuilder::copy(Value from, ArrayRef<Index> fromIndices, Value to, ArrayRef<Index> toIndices,
                               ArrayRef<int64_t> sizes, int64_t token) {
  auto [fromMap, fromCounters] = access(b, fromIndices);
  auto [toMap, toCounters] = access(b, toIndices);
  lmma::CopyOp::create(b, from, fromCounters, fromMap, to, toCounters, toMap, b.getDenseI64ArrayAttr(sizes),
                       b.getI64IntegerAttr(token));
}

/// Starts the copies of the stage with the number `number`; what is past the last group arrives as zeros.
void SharedKernelBuilder::copyStage(const Stage &stage, const Index &number, int64_t token) {
  const Index group = number * stageGroups;
  copy(entries, {row, group, 0}, stage.entries, {0, 0, 0}, {size, stageGroups, s.tables * s.pitch}, token);
  if (s.scale == lowbit::TableScale::Row && !s.isFloat())
    copy(scales, {row, 0}, stage.scales, {0, 0}, {size, 1}, token);
  else
    copy(scales, {row, group * scalesPerGroup()}, stage.scales, {0, 0}, {size, stageGroups * scalesPerGroup()}, token);
  copy(sums, {row, group}, stage.sums, {0, 0}, {size, stageGroups}, token);
  const int64_t tileBytes = s.groupBytes * s.groups, run = stageGroups * s.groupBytes;
  for (int64_t c = 0; c < cut.columns; ++c)
    copy(weights, {Index(column) * (cut.columns * tileBytes) + group * s.groupBytes + c * tileBytes}, stage.weights,
         {c * run}, {run}, token);
}

/// The registers of one group: tables, scales and sums of each two rows; codes, alphas and zetas of each column.
Values SharedKernelBuilder::load(const Stage &stage, const Index &group) {
  Values set;
  MLIRContext *context = b.getContext();
  auto tableType = lmma::TableType::get(context, s.tables, s.entry);
  IntegerAttr pitch = s.pitch == kEntries ? IntegerAttr() : b.getI64IntegerAttr(s.pitch);
  for (int64_t block = 0; block < blocks; ++block) {
    auto [map, counters] = access(b, {block * kArrayM, group, 0});
    set.push_back(lmma::LoadTableOp::create(b, tableType, stage.entries, counters, map, pitch));
  }
  auto rows = [&](Value buffer, const Index &column) {
    for (int64_t block = 0; block < blocks; ++block) {
      auto [map, counters] = access(b, {block * kArrayM, column});
      set.push_back(lmma::LoadRowsOp::create(b, lmma::RowsType::get(context), buffer, counters, map));
    }
  };
  for (int64_t scale = 0; scale < scalesPerGroup(); ++scale)
    rows(stage.scales, s.scale == lowbit::TableScale::Row && !s.isFloat() ? Index(0) : group * scalesPerGroup() + scale);
  rows(stage.sums, group);
  for (int64_t c = 0; c < cut.columns; ++c) {
    const Index first = group * s.groupBytes + c * stageGroups * s.groupBytes;
    auto [map, counters] = access(b, {first});
    set.push_back(lmma::LoadWeightsOp::create(b, lmma::WeightsType::get(context, s.planes, s.tables), stage.weights,
                                              counters, map, b.getI64IntegerAttr(s.tables / 2 * kArrayN)));
    auto columns = [&](int64_t offset, Type memory) {
      auto [columnMap, columnCounters] = access(b, {first + offset});
      set.push_back(lmma::LoadColsOp::create(b, lmma::ColsType::get(context), stage.weights, columnCounters, columnMap,
                                             TypeAttr::get(memory)));
    };
    for (int64_t plane = 0; plane < alphas(); ++plane)
      columns(s.alphaOffset + plane * kArrayN * s.alpha.getIntOrFloatBitWidth() / 8, s.alpha);
    if (s.zeta)
      columns(s.zetaOffset, s.zeta);
  }
  return set;
}

/// Tables in ascending order, into the sums of each two rows; these take turns, so that each has time to come back.
Values SharedKernelBuilder::accumulate(ValueRange tables, Value codes, ValueRange tableScales, Values sumsOf) {
  const int64_t perBlock = s.accumulatorsPerBlock();
  const bool byPlane = s.isFloat() || s.perPlane;
  auto addTable = [&](Values &targets, int64_t table) {
    for (auto [index, target] : llvm::enumerate(targets))
      target = lmma::MmaOp::create(b, target.getType(), target, tables[index / perBlock], codes, table, table,
                                   byPlane ? index % perBlock : 0, byPlane ? 1 : s.planes, kArrayM, kArrayN, kGroup,
                                   StringAttr());
  };
  for (int64_t table = 0; table < s.tables; ++table) {
    if (!s.scalesTables()) {
      addTable(sumsOf, table);
      continue;
    }
    Values exact = zeros(sumsOf.size(), b.getI32Type());
    addTable(exact, table);
    for (auto [index, target] : llvm::enumerate(sumsOf))
      target = lmma::FmaRowsOp::create(b, target.getType(), target, exact[index],
                                       tableScales[table * blocks + index / perBlock]);
  }
  return sumsOf;
}

/// One group into the outputs: docs/spec/numerics.md, "The lookup product".
Values SharedKernelBuilder::compute(ValueRange set, const Values &outputs) {
  auto take = [&set](int64_t count) {
    ValueRange front = set.take_front(count);
    set = set.drop_front(count);
    return front;
  };
  ValueRange tables = take(blocks), scaleRows = take(blocks * scalesPerGroup()), sumRows = take(blocks);
  const int64_t perBlock = s.accumulatorsPerBlock();
  Values results = outputs;
  for (int64_t c = 0; c < cut.columns; ++c) {
    Value codes = take(1).front();
    ValueRange alpha = take(alphas());
    Value zeta = s.zeta ? take(1).front() : constantZeta;
    Values start;
    if (!s.isFloat() && !s.scalesTables()) {
      start = zeros(blocks * perBlock, b.getI32Type());
    } else {
      start = zeros(blocks * perBlock, b.getF32Type(), /*negative=*/true);
      if (s.scalesTables() && !s.perPlane)
        for (auto [u, asum] : llvm::zip_equal(start, sumRows))
          u = lmma::FmaOuterOp::create(b, u.getType(), u, asum, zeta);
    }
    Values group = accumulate(tables, codes, scaleRows, start);
    for (int64_t block = 0; block < blocks; ++block) {
      Value &y = results[c * blocks + block];
      Value asum = sumRows[block], ts = scaleRows[block];
      ArrayRef<Value> planes = ArrayRef(group).slice(block * perBlock, perBlock);
      auto scale = [&](Value acc, Value second, Value factor, Value correction) {
        y = lmma::ScaleOp::create(b, y.getType(), y, acc, ts, second, factor, correction);
      };
      if (s.scalesTables()) {
        for (auto [plane, factor] : llvm::zip_equal(planes, alpha))
          y = lmma::FmaColsOp::create(b, y.getType(), y, plane, factor);
        if (s.perPlane)
          y = lmma::FmaOuterOp::create(b, y.getType(), y, asum, zeta);
      } else if (s.perPlane) {
        // -0 ts adds nothing, not even to the sign of a zero; fma(beta, asum, y) as -0 ts + 1 asum.
        for (auto [plane, factor] : llvm::zip_equal(planes, alpha))
          scale(plane, ts, factor, negativeZero);
        scale(empty, asum, zeta, one);
      } else {
        Value acc = planes.front();
        for (auto [index, plane] : llvm::enumerate(planes.drop_front()))
          acc = lmma::ShiftOp::create(b, acc.getType(), acc, plane, index + 1);
        scale(acc, asum, alpha.front(), zeta);
      }
    }
  }
  return results;
}

Values SharedKernelBuilder::computeStage(const Stage &stage, int64_t count, const Values &outputs) {
  return pipelined(
      b, count, /*depth=*/1, outputs, [&](const Index &group) { return load(stage, group); },
      [&](const Index &, ValueRange set, const Values &inner) { return compute(set, inner); });
}

/// The outputs of `rows` rows: copies of the next stage are on their way while one is computed.
void SharedKernelBuilder::tile(int64_t rows, Value firstRow) {
  size = rows;
  blocks = rows / kArrayM;
  row = Index(firstRow);
  Values outputs = zeros(blocks * cut.columns, b.getF32Type());
  const int64_t count = (s.groups + stageGroups - 1) / stageGroups, rest = s.groups - (count - 1) * stageGroups;
  auto wait = [&](int64_t token) { lmma::WaitOp::create(b, b.getI64IntegerAttr(token)); };
  copyStage(stages[0], 0, 0);
  // Two stages each time, of which the second copies the first one of the next time.
  const int64_t pairs = (count - 1) / 2;
  if (pairs > 0) {
    auto loop = lmma::ForOp::create(b, bound(b, 0), bound(b, 2 * pairs), 2, outputs,
                                    [&](OpBuilder &, Value counter, ValueRange carried) {
                                      copyStage(stages[1], Index(counter) + 1, 1);
                                      wait(0);
                                      Values inner = computeStage(stages[0], stageGroups, Values(carried));
                                      copyStage(stages[0], Index(counter) + 2, 0);
                                      wait(1);
                                      return computeStage(stages[1], stageGroups, inner);
                                    });
    outputs = Values(loop.getResults());
  }
  if (count % 2 == 0) {
    copyStage(stages[1], count - 1, 1);
    wait(0);
    outputs = computeStage(stages[0], stageGroups, outputs);
    wait(1);
    outputs = computeStage(stages[1], rest, outputs);
  } else {
    wait(0);
    outputs = computeStage(stages[0], rest, outputs);
  }
  for (int64_t c = 0; c < cut.columns; ++c)
    for (int64_t block = 0; block < blocks; ++block) {
      auto [map, counters] =
          access(b, {row + block * kArrayM, Index(column) * (cut.columns * kArrayN) + c * kArrayN});
      lmma::StoreOp::create(b, outputs[c * blocks + block], out, counters, map);
    }
}

void SharedKernelBuilder::build(lmma::KernelOp kernel) {
  Block &body = kernel.getBody().front();
  b.setInsertionPointToStart(&body);
  entries = body.getArgument(0);
  scales = body.getArgument(1);
  sums = body.getArgument(2);
  weights = body.getArgument(3);
  out = body.getArgument(4);
  column = lmma::BlockColumnOp::create(b, b.getIndexType());
  stages[0] = makeStage();
  if (s.groups > stageGroups)
    stages[1] = makeStage();
  auto columns = [&](FloatAttr value) -> Value {
    return lmma::SetColsOp::create(b, lmma::ColsType::get(b.getContext()), value);
  };
  if (s.constantZeta)
    constantZeta = columns(s.constantZeta);
  if (s.perPlane) {
    negativeZero = columns(b.getF32FloatAttr(-0.0f));
    one = columns(b.getF32FloatAttr(1.0f));
    empty = zeros(1, b.getF32Type(), /*negative=*/true).front();
  }
  forRowBlocks(b, cut.rows, kArrayM, [&](int64_t rows, Value firstRow) { tile(rows, firstRow); });
}

lmma::KernelOp luttolmma::buildSharedKernel(OpBuilder &builder, Location loc, StringRef name, const ProductShape &shape,
                                            const SharedTile &tile) {
  ImplicitLocOpBuilder b(loc, builder);
  auto kernel = lmma::KernelOp::create(b, name, shape.bufferTypes(b));
  const int64_t columns = (shape.rows + kArrayN - 1) / kArrayN / tile.columns;
  kernel.setGrid(ArrayRef<int64_t>{columns, tile.rows, tile.swizzle});
  SharedKernelBuilder(b, shape, tile).build(kernel);
  return kernel;
}
