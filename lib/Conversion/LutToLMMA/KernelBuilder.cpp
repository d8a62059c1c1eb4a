//===- KernelBuilder.cpp - the kernel of a lookup product -----------------===//
//
// Output-stationary: for a tile of 64 output rows and a block of activation rows, the f32 outputs stay in registers
// while the groups go by in ascending order, as docs/spec/numerics.md asks. Loads run ahead of the array in a rotation
// of register sets: a set is loaded anew as soon as its step has been computed.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"
#include "KernelTools.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::luttolmma;

namespace {

class KernelBuilder {
public:
  KernelBuilder(ImplicitLocOpBuilder &b, const ProductShape &shape, const KernelOptions &options)
      : b(b), s(shape), options(options) {}
  void build(lmma::KernelOp kernel);

private:
  /// The registers that one step of the array reads.
  struct Step {
    Values tables, scales, sums, alphas;
    Value weights, zeta;

    Values flatten() const;
    Step replace(ValueRange values) const;
  };

  Access access(ArrayRef<Index> indices) { return luttolmma::access(b, indices); }
  Values pipelined(int64_t count, const Values &carried, function_ref<Step(const Index &)> load,
                   function_ref<Values(const Step &, const Values &)> compute);
  void loadTables(Step &step, const Index &group, const Index &table, int64_t count);
  void loadTableScales(Step &step, const Index &group, const Index &table, int64_t count);
  void loadScales(Step &step, const Index &group);
  Values zeros(int64_t count, Type element, bool negative = false);
  Values accumulators(const Step &step);
  Values accumulate(const Step &step, const Values &groupSums, int64_t count);
  Values scale(const Step &step, const Values &outputs, const Values &groupSums);
  void tile(int64_t blockCount, Value column, Value row);

  int64_t accumulatorsPerBlock() const { return s.accumulatorsPerBlock(); }

  ImplicitLocOpBuilder &b;
  const ProductShape &s;
  const KernelOptions &options;
  Value entries, scales, sums, weights, out;
  /// Columns that hold one number: the zeta of every group; for planes with their own alphas -0 and 1, and accumulators
  /// of -0.
  Value constantZeta, negativeZero, one, empty;
  /// Of the tile that is being built.
  int64_t blocks = 0;
  Index column, row;
};

} // namespace

FailureOr<ProductShape> ProductShape::get(lowbit::WeightType type, Type entry, lowbit::TableScale scale,
                                          function_ref<InFlightDiagnostic()> emitError) {
  auto packed = dyn_cast<lowbit::PackedAttr>(type.getFormat());
  if (!packed)
    return emitError() << "the LUT tensor core reads packed weights, but found " << type.getFormat()
                       << "; run lowbit-pack-weights{rows=64 symmetric=true}";
  lowbit::LayoutAttr layout = packed.getLayout();
  if (layout.getRows() != kArrayN || !layout.getSymmetric())
    return emitError() << "the LUT tensor core reads the layout rows = " << kArrayN << ", symmetric = true, but found "
                       << layout << "; run lowbit-pack-weights{rows=64 symmetric=true}";
  ProductShape shape;
  if (auto bipolar = dyn_cast<lowbit::BipolarAttr>(packed.getFormat()))
    shape.constantZeta = bipolar.getZeta();
  else if (isa<lowbit::BCQAttr>(packed.getFormat()))
    shape.perPlane = true;
  else
    return emitError() << "the LUT tensor core reads #lowbit.bipolar and #lowbit.bcq planes, but found "
                       << packed.getFormat() << "; compile this model for the cpu target";
  shape.planes = packed.getFormat().getCodeBits();
  shape.group = packed.getFormat().getGroupSize();
  if (shape.planes < 1 || shape.planes > 8)
    return emitError() << "the LUT tensor core takes weights of 1 to 8 bit planes, but found " << shape.planes;
  shape.rows = type.getRows();
  shape.cols = type.getCols();
  shape.groups = (shape.cols + shape.group - 1) / shape.group;
  shape.tables = (shape.group + 7) / 8 * 2;
  shape.alpha = layout.getAlpha();
  shape.zeta = layout.getZeta();
  shape.entry = entry;
  shape.scale = scale;
  // Accumulators have 32 bits. The sum of one plane fits them (lut.matmul, C5), and that of all planes for i8.
  const int64_t greatest = std::numeric_limits<int32_t>::max() / 32767 / ((int64_t(1) << shape.planes) - 1);
  if (entry.isInteger(16) && !shape.perPlane && scale != lowbit::TableScale::Table && shape.tables > greatest)
    return emitError() << "the LUT tensor core sums i16 entries of " << shape.planes
                       << " planes in 32 bits, for groups of at most " << greatest / 2 * 8
                       << " elements, but found groups of " << shape.group
                       << "; use a scale per table, or smaller groups";
  auto bytes = [](Type stored) { return stored ? kArrayN * int64_t(stored.getIntOrFloatBitWidth()) / 8 : 0; };
  shape.alphaOffset = shape.planes * shape.tables / 2 * kArrayN;
  shape.zetaOffset = shape.alphaOffset + bytes(shape.alpha) * (shape.perPlane ? shape.planes : 1);
  shape.groupBytes = shape.zetaOffset + bytes(shape.zeta);
  if (!shape.zeta && !shape.constantZeta)
    return emitError() << "the layout " << layout << " stores no zeta and the format " << packed.getFormat()
                       << " has no constant one";
  return shape;
}

void KernelOptions::fit(const ProductShape &shape) {
  const int64_t perBlock = shape.accumulatorsPerBlock();
  // The scales of a step's tables, and the sums of its group.
  const int64_t rowsPerBlock = std::min(shape.tables, tablesPerTile) + 1;
  auto fits = [&] {
    const int64_t blocks = blockRows / kArrayM;
    if (shape.isFloat())
      return blocks * (perBlock + 1) + 1 <= f32Tiles;
    if (shape.scalesTables())
      return blocks * perBlock <= i32Tiles && blocks * (perBlock + 1) <= f32Tiles && blocks * rowsPerBlock <= rowTiles;
    return blocks * perBlock <= i32Tiles && blocks + 1 <= f32Tiles;
  };
  while (blockRows > kArrayM && !fits())
    blockRows /= 2;
  const int64_t fixed = shape.perPlane ? 2 : 1;
  const int64_t perStep = (shape.perPlane ? shape.planes : 1) + (shape.zeta ? 1 : 0);
  depth = std::max<int64_t>(1, std::min(depth, (colTiles - fixed) / perStep));
  if (shape.scalesTables())
    depth = std::max<int64_t>(1, std::min(depth, rowTiles / (blockRows / kArrayM * rowsPerBlock)));
}

Values KernelBuilder::Step::flatten() const {
  Values all = tables;
  all.append(scales);
  all.append(sums);
  all.append(alphas);
  for (Value value : {weights, zeta})
    if (value)
      all.push_back(value);
  return all;
}

KernelBuilder::Step KernelBuilder::Step::replace(ValueRange values) const {
  Step step;
  auto take = [&values] {
    Value front = values.front();
    values = values.drop_front();
    return front;
  };
  for (auto [from, to] : {std::pair(&tables, &step.tables), std::pair(&scales, &step.scales),
                          std::pair(&sums, &step.sums), std::pair(&alphas, &step.alphas)})
    for (size_t i = 0; i < from->size(); ++i)
      to->push_back(take());
  step.weights = take();
  if (zeta)
    step.zeta = take();
  return step;
}

/// compute(load(0)), ..., compute(load(count - 1)) with the loads `depth` steps ahead.
Values KernelBuilder::pipelined(int64_t count, const Values &carried, function_ref<Step(const Index &)> load,
                                function_ref<Values(const Step &, const Values &)> compute) {
  // Steps differ in their registers only: the first one says what a list of them means.
  Step first;
  return luttolmma::pipelined(
      b, count, options.depth, carried,
      [&](const Index &index) {
        first = load(index);
        return first.flatten();
      },
      [&](const Index &, ValueRange values, const Values &inner) { return compute(first.replace(values), inner); });
}

/// Tables `table`, ..., `table + count - 1` of a group: activations and codes.
void KernelBuilder::loadTables(Step &step, const Index &group, const Index &table, int64_t count) {
  auto type = lmma::TableType::get(b.getContext(), count, s.entry);
  IntegerAttr pitch = s.pitch == kEntries ? IntegerAttr() : b.getI64IntegerAttr(s.pitch);
  for (int64_t block = 0; block < blocks; ++block) {
    auto [map, counters] = access({row + block * kArrayM, group, table * s.pitch});
    step.tables.push_back(lmma::LoadTableOp::create(b, type, entries, counters, map, pitch));
  }
  const int64_t tileBytes = s.groupBytes * s.groups;
  auto [map, counters] = access({column * tileBytes + group * s.groupBytes + table * (kArrayN / 2)});
  step.weights = lmma::LoadWeightsOp::create(b, lmma::WeightsType::get(b.getContext(), s.planes, count), weights,
                                             counters, map, b.getI64IntegerAttr(s.tables / 2 * kArrayN));
}

/// The scales of tables `table`, ..., `table + count - 1` of a group, those of one table together.
void KernelBuilder::loadTableScales(Step &step, const Index &group, const Index &table, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    for (int64_t block = 0; block < blocks; ++block) {
      auto [map, counters] = access({row + block * kArrayM, group * s.tables + table + i});
      step.scales.push_back(lmma::LoadRowsOp::create(b, lmma::RowsType::get(b.getContext()), scales, counters, map));
    }
}

/// The scales (unless each table has its own), the sums and the columns of a group.
void KernelBuilder::loadScales(Step &step, const Index &group) {
  auto type = lmma::RowsType::get(b.getContext());
  for (auto [buffer, registers] : {std::pair(scales, &step.scales), std::pair(sums, &step.sums)})
    for (int64_t block = 0; block < blocks; ++block) {
      const bool isScale = buffer == scales;
      if (isScale && s.scalesTables())
        continue;
      auto [map, counters] =
          access({row + block * kArrayM, isScale && s.scale == lowbit::TableScale::Row ? Index(0) : group});
      registers->push_back(lmma::LoadRowsOp::create(b, type, buffer, counters, map));
    }
  auto column64 = [&](int64_t offset, Type memory) -> Value {
    auto [map, counters] = access({column * (s.groupBytes * s.groups) + group * s.groupBytes + offset});
    return lmma::LoadColsOp::create(b, lmma::ColsType::get(b.getContext()), weights, counters, map,
                                    TypeAttr::get(memory));
  };
  const int64_t alphaBytes = kArrayN * s.alpha.getIntOrFloatBitWidth() / 8;
  for (int64_t plane = 0; plane < (s.perPlane ? s.planes : 1); ++plane)
    step.alphas.push_back(column64(s.alphaOffset + plane * alphaBytes, s.alpha));
  if (s.zeta)
    step.zeta = column64(s.zetaOffset, s.zeta);
}

Values KernelBuilder::zeros(int64_t count, Type element, bool negative) {
  Values result;
  for (int64_t i = 0; i < count; ++i)
    result.push_back(lmma::ZeroOp::create(b, lmma::AccumulatorType::get(b.getContext(), element), negative));
  return result;
}

/// Where the sums of a group start: those of floats from -0, so that the first entry is taken as it is; those of tables
/// with scales of their own from zeta asum, or from -0 for each plane.
Values KernelBuilder::accumulators(const Step &step) {
  const int64_t count = blocks * accumulatorsPerBlock();
  if (!s.isFloat() && !s.scalesTables())
    return zeros(count, b.getI32Type());
  Values start = zeros(count, b.getF32Type(), /*negative=*/true);
  if (s.scalesTables() && !s.perPlane)
    for (auto [u, asum] : llvm::zip_equal(start, step.sums))
      u = lmma::FmaOuterOp::create(b, u.getType(), u, asum, step.zeta ? step.zeta : constantZeta);
  return start;
}

/// Tables in ascending order; the blocks take turns, so that each accumulator has time to come back.
Values KernelBuilder::accumulate(const Step &step, const Values &sums, int64_t count) {
  Values acc = sums;
  const int64_t perBlock = accumulatorsPerBlock();
  const bool byPlane = s.isFloat() || s.perPlane;
  auto addTable = [&](MutableArrayRef<Value> targets, int64_t table) {
    for (auto [index, target] : llvm::enumerate(targets)) {
      const int64_t block = index / perBlock, plane = index % perBlock;
      target = lmma::MmaOp::create(b, target.getType(), target, step.tables[block], step.weights, table, table,
                                   byPlane ? plane : 0, byPlane ? 1 : s.planes, kArrayM, kArrayN, kGroup, StringAttr());
    }
  };
  for (int64_t table = 0; table < count; ++table) {
    if (!s.scalesTables()) {
      addTable(acc, table);
      continue;
    }
    // fma(ts, f32(sum of the table), what is there).
    Values exact = zeros(acc.size(), b.getI32Type());
    addTable(exact, table);
    for (auto [index, target] : llvm::enumerate(acc))
      target = lmma::FmaRowsOp::create(b, target.getType(), target, exact[index],
                                       step.scales[table * blocks + index / perBlock]);
  }
  return acc;
}

Values KernelBuilder::scale(const Step &step, const Values &outputs, const Values &groupSums) {
  Values results;
  const int64_t perBlock = accumulatorsPerBlock();
  for (int64_t block = 0; block < blocks; ++block) {
    Value y = outputs[block], asum = step.sums[block];
    if (s.scalesTables()) {
      for (int64_t plane = 0; plane < perBlock; ++plane)
        y = lmma::FmaColsOp::create(b, y.getType(), y, groupSums[block * perBlock + plane], step.alphas[plane]);
      if (s.perPlane)
        y = lmma::FmaOuterOp::create(b, y.getType(), y, asum, step.zeta);
      results.push_back(y);
      continue;
    }
    Value ts = step.scales[block];
    ArrayRef<Value> sums = ArrayRef(groupSums).slice(block * perBlock, perBlock);
    auto add = [&](Value acc, Value second, Value alpha, Value zeta) {
      y = lmma::ScaleOp::create(b, y.getType(), y, acc, ts, second, alpha, zeta);
    };
    if (s.perPlane) {
      // fma(alpha_p, ts acc_p, y): -0 ts adds nothing, not even to the sign of a zero. fma(beta, asum, y): as -0 ts + 1
      // asum.
      for (auto [sum, alpha] : llvm::zip_equal(sums, step.alphas))
        add(sum, ts, alpha, negativeZero);
      add(empty, asum, step.zeta, one);
    } else {
      Value acc = sums.front();
      for (auto [index, plane] : llvm::enumerate(sums.drop_front()))
        acc = lmma::ShiftOp::create(b, acc.getType(), acc, plane, index + 1);
      add(acc, asum, step.alphas.front(), step.zeta ? step.zeta : constantZeta);
    }
    results.push_back(y);
  }
  return results;
}

/// The outputs of `blockCount` blocks of activation rows and 64 output rows.
void KernelBuilder::tile(int64_t blockCount, Value columnTile, Value firstRow) {
  blocks = blockCount;
  column = Index(columnTile);
  row = Index(firstRow);
  Values outputs = zeros(blocks, b.getF32Type());
  const int64_t perTile = options.tablesPerTile;
  if (s.tables <= perTile) {
    auto load = [&](const Index &group) {
      Step step;
      loadTables(step, group, 0, s.tables);
      if (s.scalesTables())
        loadTableScales(step, group, 0, s.tables);
      loadScales(step, group);
      return step;
    };
    auto compute = [&](const Step &step, const Values &y) {
      return scale(step, y, accumulate(step, accumulators(step), s.tables));
    };
    outputs = pipelined(s.groups, outputs, load, compute);
  } else {
    auto loop =
        lmma::ForOp::create(b, bound(b, 0), bound(b, s.groups), 1, outputs, [&](OpBuilder &, Value counter, ValueRange y) {
          Index group(counter);
          Step scales;
          loadScales(scales, group);
          auto loadChunk = [&](const Index &table, int64_t count) {
            Step step;
            loadTables(step, group, table, count);
            if (s.scalesTables())
              loadTableScales(step, group, table, count);
            return step;
          };
          auto load = [&](const Index &chunk) { return loadChunk(chunk * perTile, perTile); };
          auto compute = [&](const Step &step, const Values &acc) { return accumulate(step, acc, perTile); };
          Values acc = pipelined(s.tables / perTile, accumulators(scales), load, compute);
          if (int64_t rest = s.tables % perTile)
            acc = accumulate(loadChunk(s.tables - rest, rest), acc, rest);
          return scale(scales, Values(y), acc);
        });
    outputs = Values(loop.getResults());
  }
  for (int64_t block = 0; block < blocks; ++block) {
    auto [map, counters] = access({row + block * kArrayM, column * kArrayN});
    lmma::StoreOp::create(b, outputs[block], out, counters, map);
  }
}

void KernelBuilder::build(lmma::KernelOp kernel) {
  Block &body = kernel.getBody().front();
  b.setInsertionPointToStart(&body);
  entries = body.getArgument(0);
  scales = body.getArgument(1);
  sums = body.getArgument(2);
  weights = body.getArgument(3);
  out = body.getArgument(4);
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
  forRange(b, bound(b, 0), bound(b, (s.rows + kArrayN - 1) / kArrayN), 1, [&](Value columnTile) {
    forRowBlocks(b, options.blockRows, kArrayM,
                 [&](int64_t size, Value firstRow) { tile(size / kArrayM, columnTile, firstRow); });
  });
}

SmallVector<Type> ProductShape::bufferTypes(Builder &b) const {
  Type f32 = b.getF32Type();
  const int64_t dynamic = ShapedType::kDynamic, tiles = (rows + kArrayN - 1) / kArrayN;
  return {MemRefType::get({dynamic, groups, tables * kEntries}, entry), MemRefType::get({dynamic, scalesPerRow()}, f32),
          MemRefType::get({dynamic, groups}, f32), MemRefType::get({tiles * groups * groupBytes}, b.getI8Type()),
          MemRefType::get({dynamic, rows}, f32)};
}

lmma::KernelOp lutra::luttolmma::buildKernel(OpBuilder &builder, Location loc, StringRef name,
                                             const ProductShape &shape, const KernelOptions &options) {
  ImplicitLocOpBuilder b(loc, builder);
  auto kernel = lmma::KernelOp::create(b, name, shape.bufferTypes(b));
  KernelBuilder(b, shape, options).build(kernel);
  return kernel;
}
