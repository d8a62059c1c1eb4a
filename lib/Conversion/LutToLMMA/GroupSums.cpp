//===- GroupSums.cpp - what groups add to the outputs ---------------------===//
//
// The arithmetic of a lookup product, group by group in ascending order, and the loads that feed it. Blocks of activation rows take turns
// within a table, so that each accumulator has time to come back from the array.
//
//===----------------------------------------------------------------------===//

#include "GroupSums.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::luttolmma;

static constexpr Values GroupRegisters::*kParts[] = {
    &GroupRegisters::tables, &GroupRegisters::codes, &GroupRegisters::tableScales, &GroupRegisters::scales,
    &GroupRegisters::sums,   &GroupRegisters::alphas, &GroupRegisters::zetas};

Values GroupRegisters::flatten() const {
  Values all;
  for (auto part : kParts)
    all.append(this->*part);
  return all;
}

GroupRegisters GroupRegisters::refill(ValueRange values) const {
  GroupRegisters set;
  for (auto part : kParts) {
    const size_t count = (this->*part).size();
    set.*part = Values(values.take_front(count));
    values = values.drop_front(count);
  }
  return set;
}

void GroupSums::makeConstants() {
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
}

Values GroupSums::zeros(int64_t count, Type element, bool negative) {
  Values result;
  for (int64_t i = 0; i < count; ++i)
    result.push_back(lmma::ZeroOp::create(b, lmma::AccumulatorType::get(b.getContext(), element), negative));
  return result;
}

void GroupSums::loadTables(GroupRegisters &set, const Operands &from, int64_t blocks, const Index &group,
                           const Index &table, int64_t count) {
  auto type = lmma::TableType::get(b.getContext(), count, s.entry);
  IntegerAttr pitch = s.pitch == kEntries ? IntegerAttr() : b.getI64IntegerAttr(s.pitch);
  for (int64_t block = 0; block < blocks; ++block) {
    auto [map, counters] = access(b, {from.row + block * s.arrayM, group, table * s.pitch});
    set.tables.push_back(lmma::LoadTableOp::create(b, type, from.entries, counters, map, pitch));
  }
  const int64_t planePitch = from.planePitch ? from.planePitch : s.tables / 2 * s.arrayN;
  for (const Index &column : from.columns) {
    auto [map, counters] = access(b, {column + group * s.groupBytes + table * (s.arrayN / 2)});
    set.codes.push_back(lmma::LoadWeightsOp::create(b, lmma::WeightsType::get(b.getContext(), s.planes, count),
                                                    from.weights, counters, map,
                                                    b.getI64IntegerAttr(planePitch)));
  }
  if (!s.scalesTables())
    return;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t block = 0; block < blocks; ++block) {
      auto [map, counters] = access(b, {from.row + block * s.arrayM, group * s.tables + table + i});
      set.tableScales.push_back(
          lmma::LoadRowsOp::create(b, lmma::RowsType::get(b.getContext()), from.scales, counters, map));
    }
}

void GroupSums::loadScales(GroupRegisters &set, const Operands &from, int64_t blocks, const Index &group) {
  auto rows = [&](Values &registers, Value buffer, const Index &place) {
    for (int64_t block = 0; block < blocks; ++block) {
      auto [map, counters] = access(b, {from.row + block * s.arrayM, place});
      registers.push_back(lmma::LoadRowsOp::create(b, lmma::RowsType::get(b.getContext()), buffer, counters, map));
    }
  };
  if (!s.scalesTables())
    rows(set.scales, from.scales, s.hasRowScale() ? Index(0) : group);
  rows(set.sums, from.sums, group);
  for (const Index &column : from.columns) {
    auto columns = [&](int64_t offset, Type memory) -> Value {
      auto [map, counters] = access(b, {column + group * s.groupBytes + offset});
      return lmma::LoadColsOp::create(b, lmma::ColsType::get(b.getContext()), from.weights, counters, map,
                                      TypeAttr::get(memory));
    };
    const int64_t alphaBytes = s.arrayN * s.alpha.getIntOrFloatBitWidth() / 8;
    for (int64_t plane = 0; plane < alphas(); ++plane)
      set.alphas.push_back(columns(s.alphaOffset + plane * alphaBytes, s.alpha));
    if (s.zeta)
      set.zetas.push_back(columns(s.zetaOffset, s.zeta));
  }
}

/// Sums of floats start from -0, so that the first entry is taken as it is; those of tables with scales of their own from zeta asum, or
/// from -0 for each plane.
Values GroupSums::startOf(const GroupRegisters &set, int64_t column) {
  const int64_t count = set.sums.size() * s.accumulatorsPerBlock();
  if (!s.isFloat() && !s.scalesTables())
    return zeros(count, b.getI32Type());
  Values start = zeros(count, b.getF32Type(), /*negative=*/true);
  if (s.scalesTables() && !s.perPlane)
    for (auto [u, asum] : llvm::zip_equal(start, set.sums))
      u = lmma::FmaOuterOp::create(b, u.getType(), u, asum, s.zeta ? set.zetas[column] : constantZeta);
  return start;
}

Values GroupSums::accumulateOf(const GroupRegisters &set, int64_t column, ArrayRef<Value> sums) {
  const int64_t perBlock = s.accumulatorsPerBlock(), blocks = set.tables.size();
  const int64_t count = cast<lmma::TableType>(set.tables.front().getType()).getTables();
  const bool byPlane = s.isFloat() || s.perPlane;
  Values acc(sums);
  auto addTable = [&](MutableArrayRef<Value> targets, int64_t table) {
    for (auto [index, target] : llvm::enumerate(targets))
      target = lmma::MmaOp::create(b, target.getType(), target, set.tables[index / perBlock], set.codes[column], table,
                                   table, byPlane ? index % perBlock : 0, byPlane ? 1 : s.planes, s.arrayM, s.arrayN,
                                   kGroup, StringAttr());
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
                                       set.tableScales[table * blocks + index / perBlock]);
  }
  return acc;
}

Values GroupSums::finishOf(const GroupRegisters &set, int64_t column, ArrayRef<Value> sums, ArrayRef<Value> outputs) {
  const int64_t perBlock = s.accumulatorsPerBlock();
  ArrayRef<Value> alpha = ArrayRef(set.alphas).slice(column * alphas(), alphas());
  Value zeta = s.zeta ? set.zetas[column] : constantZeta;
  Values results;
  for (auto [block, output] : llvm::enumerate(outputs)) {
    Value y = output, asum = set.sums[block];
    ArrayRef<Value> planes = sums.slice(block * perBlock, perBlock);
    auto scale = [&](Value acc, Value second, Value factor, Value correction) {
      y = lmma::ScaleOp::create(b, y.getType(), y, acc, set.scales[block], second, factor, correction);
    };
    if (s.scalesTables()) {
      for (auto [plane, factor] : llvm::zip_equal(planes, alpha))
        y = lmma::FmaColsOp::create(b, y.getType(), y, plane, factor);
      if (s.perPlane)
        y = lmma::FmaOuterOp::create(b, y.getType(), y, asum, zeta);
    } else if (s.perPlane) {
      // fma(alpha_p, ts acc_p, y): -0 ts adds nothing, not even to the sign of a zero. fma(beta, asum, y): as -0 ts + 1 asum.
      for (auto [plane, factor] : llvm::zip_equal(planes, alpha))
        scale(plane, set.scales[block], factor, negativeZero);
      scale(empty, asum, zeta, one);
    } else {
      Value acc = planes.front();
      for (auto [index, plane] : llvm::enumerate(planes.drop_front()))
        acc = lmma::ShiftOp::create(b, acc.getType(), acc, plane, index + 1);
      scale(acc, asum, alpha.front(), zeta);
    }
    results.push_back(y);
  }
  return results;
}

Values GroupSums::start(const GroupRegisters &set, int64_t columns) {
  Values all;
  for (int64_t column = 0; column < columns; ++column)
    all.append(startOf(set, column));
  return all;
}

Values GroupSums::accumulate(const Operands &from, int64_t blocks, const Index &group, int64_t tables, int64_t depth,
                             const Values &sums) {
  GroupRegisters first;
  auto load = [&](const Index &table, int64_t count) {
    first = GroupRegisters();
    loadTables(first, from, blocks, group, table, count);
    return first.flatten();
  };
  const int64_t columns = from.columns.size(), perColumn = sums.size() / columns;
  auto compute = [&](const GroupRegisters &set, const Values &acc) {
    Values all;
    for (int64_t column = 0; column < columns; ++column)
      all.append(accumulateOf(set, column, ArrayRef(acc).slice(column * perColumn, perColumn)));
    return all;
  };
  Values result = sums;
  if (int64_t whole = tables / s.tablesPerTile)
    result = pipelined(
        b, whole, depth, result, [&](const Index &part) { return load(part * s.tablesPerTile, s.tablesPerTile); },
        [&](const Index &, ValueRange values, const Values &acc) { return compute(first.refill(values), acc); });
  if (int64_t rest = tables % s.tablesPerTile) {
    load(tables - rest, rest);
    result = compute(first, result);
  }
  return result;
}

Values GroupSums::finish(const GroupRegisters &set, const Values &sums, const Values &outputs) {
  const int64_t blocks = set.sums.size(), columns = outputs.size() / blocks, perColumn = sums.size() / columns;
  Values all;
  for (int64_t column = 0; column < columns; ++column)
    all.append(finishOf(set, column, ArrayRef(sums).slice(column * perColumn, perColumn),
                        ArrayRef(outputs).slice(column * blocks, blocks)));
  return all;
}

/// A group of more tables than a register holds.
Values GroupSums::addLargeGroup(const Operands &from, int64_t blocks, const Index &group, int64_t depth,
                                const Values &outputs) {
  GroupRegisters scales;
  loadScales(scales, from, blocks, group);
  Values sums = start(scales, from.columns.size());
  return finish(scales, accumulate(from, blocks, group, s.tables, depth, sums), outputs);
}

Values GroupSums::add(const Operands &from, int64_t blocks, int64_t count, int64_t depth, const Values &outputs) {
  if (s.tables > s.tablesPerTile) {
    auto loop = lmma::ForOp::create(b, bound(b, 0), bound(b, count), 1, outputs,
                                    [&](OpBuilder &, Value group, ValueRange carried) {
                                      return addLargeGroup(from, blocks, group, depth, Values(carried));
                                    });
    return Values(loop.getResults());
  }
  // Groups differ in their registers only: the first one says what a list of them means.
  GroupRegisters first;
  auto load = [&](const Index &group) {
    first = GroupRegisters();
    loadTables(first, from, blocks, group, 0, s.tables);
    loadScales(first, from, blocks, group);
    return first.flatten();
  };
  auto compute = [&](const Index &, ValueRange values, const Values &carried) {
    const GroupRegisters set = first.refill(values);
    Values results;
    // One column after the other, so that they share accumulators.
    for (size_t column = 0; column < from.columns.size(); ++column)
      results.append(finishOf(set, column, accumulateOf(set, column, startOf(set, column)),
                              ArrayRef(carried).slice(column * blocks, blocks)));
    return results;
  };
  return pipelined(b, count, depth, outputs, load, compute);
}

ProductBuffers::ProductBuffers(Block &body)
    : entries(body.getArgument(0)), scales(body.getArgument(1)), sums(body.getArgument(2)),
      weights(body.getArgument(3)), out(body.getArguments().back()),
      epilogue(body.getArguments().drop_front(4).drop_back()) {}

void luttolmma::storeOutputs(ImplicitLocOpBuilder &b, const ProductShape &s, const ProductBuffers &buffers,
                             const Values &outputs, int64_t blocks, const Index &row, const Index &column) {
  for (auto [index, output] : llvm::enumerate(outputs)) {
    const Index blockRow = row + int64_t(index) % blocks * s.arrayM, tileColumn = column + int64_t(index) / blocks * s.arrayN;
    Value stored = s.epilogue.apply(b, buffers.epilogue, output, blockRow, tileColumn);
    auto [map, counters] = access(b, {blockRow, tileColumn});
    lmma::StoreOp::create(b, stored, buffers.out, counters, map);
  }
}
