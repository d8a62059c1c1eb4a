//===- TablesKernel.cpp - tables computed on the device -------------------===//
//
// lut.precompute as a kernel: two rows at a time, the groups in ascending order, activations loaded ahead. What a group needs
// is in registers where it has few tables; a longer group is read once for its scale and once more for its tables. Rows that are normalized
// (lut.norm_precompute) are read once before, for the sum of their squares.
// Invariant: every number is that of docs/spec/numerics.md, "Tables", in its order.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"
#include "KernelTools.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::luttolmma;

namespace {

/// Tables of the activations in one register, rows of a block, and chunks of a group that are kept in registers.
constexpr int64_t kTablesPerTile = 16, kBlockRows = 16, kMostChunks = 4;
/// Registers of activations that are loaded ahead.
constexpr int64_t kRegistersAhead = 4;

class TablesKernelBuilder {
public:
  TablesKernelBuilder(ImplicitLocOpBuilder &b, const TablesShape &shape) : b(b), s(shape) {}
  void build(lmma::KernelOp kernel);

private:
  /// `tables` tables of a group from `first` on, whose activations are `acts`.
  struct Chunk {
    Value acts;
    Index first;
    int64_t tables;
  };
  using ChunkBody = function_ref<Values(const Chunk &, const Values &)>;
  /// Calls a body for each chunk of a group in turn, with what it carries.
  using Chunks = function_ref<Values(const Values &, ChunkBody)>;

  Values loadActs(const Index &group, const Index &chunk, int64_t count);
  Value load(Value buffer, ArrayRef<Index> at, int64_t count);
  Value prepare(ValueRange loaded);
  void findNorm();
  void forGroups(const Values &carried, Values &results,
                 function_ref<Values(const Index &, Chunks, const Values &)> body);
  Value rows(float value) {
    return lmma::SetRowsOp::create(b, lmma::RowsType::get(b.getContext()), b.getF32FloatAttr(value));
  }
  Value loadRows(Value buffer, const Index &column);
  void storeRows(Value value, Value buffer, const Index &column);
  void storeTables(Value acts, Value inverse, const Index &group, const Index &first, int64_t tables, int64_t within);
  Value sumOf(const Chunk &chunk, Value start);
  Value greatestOf(const Chunk &chunk, Value start, int64_t tables, int64_t first);
  std::pair<Value, Value> scaleOf(Value amax);
  void rowPair();
  void group(const Index &g, Chunks chunks, Value rowInverse);

  bool isQuantized() const { return !s.codes && !isa<FloatType>(s.entry); }
  bool hasRowScale() const { return s.scalesPerRow == 1 && s.groups != 1; }
  int64_t chunkCount() const { return (s.tables + kTablesPerTile - 1) / kTablesPerTile; }
  /// Registers that the activations of a chunk are loaded into: with the norm's weight two.
  int64_t registersPerChunk() const { return s.epsilon ? 2 : 1; }
  int64_t countOf(int64_t chunk) const {
    return std::min(kTablesPerTile * kGroup, s.group - chunk * kTablesPerTile * kGroup);
  }

  ImplicitLocOpBuilder &b;
  const TablesShape &s;
  Value activations, codeScales, weight, entries, scales, sums;
  Index row;
  /// What the rows are multiplied by, of a norm.
  Value norm;
};

} // namespace

Value TablesKernelBuilder::load(Value buffer, ArrayRef<Index> at, int64_t count) {
  auto [map, counters] = access(b, at);
  return lmma::LoadActsOp::create(b, lmma::ActsType::get(b.getContext()), buffer, counters, map, b.getI64IntegerAttr(count));
}

/// The activations of a chunk, and what a norm multiplies them by.
Values TablesKernelBuilder::loadActs(const Index &group, const Index &chunk, int64_t count) {
  const Index column = group * s.group + chunk * (kTablesPerTile * kGroup);
  Values loaded{load(activations, {row, column}, count)};
  if (s.epsilon)
    loaded.push_back(load(weight, {column}, count));
  return loaded;
}

/// What tables are made of, from what was loaded.
Value TablesKernelBuilder::prepare(ValueRange loaded) {
  if (!s.epsilon)
    return loaded[0];
  Value scaled = lmma::ScaleActsOp::create(b, loaded[0].getType(), loaded[0], norm);
  return lmma::MulActsOp::create(b, scaled.getType(), scaled, loaded[1]);
}

/// Sets `norm`, from the squares of whole rows in ascending order.
void TablesKernelBuilder::findNorm() {
  constexpr int64_t kWidth = kTablesPerTile * kGroup;
  Type type = lmma::SumsType::get(b.getContext());
  auto add = [&](Value acts, int64_t count, Value start) -> Value {
    return lmma::SquaresOp::create(b, type, acts, count, start);
  };
  const int64_t whole = s.cols / kWidth, rest = s.cols % kWidth;
  Value sum;
  if (whole > 0) {
    // The first chunk starts the sum, so that no register has to be cleared.
    sum = add(load(activations, {row, 0}, kWidth), kWidth, Value());
    if (whole > 1)
      sum = pipelined(
          b, whole - 1, kRegistersAhead, {sum},
          [&](const Index &chunk) { return Values{load(activations, {row, (chunk + 1) * kWidth}, kWidth)}; },
          [&](const Index &, ValueRange acts, const Values &carried) { return Values{add(acts[0], kWidth, carried[0])}; })[0];
  }
  if (rest > 0)
    sum = add(load(activations, {row, whole * kWidth}, rest), rest, sum);
  norm = lmma::NormOp::create(b, lmma::RowsType::get(b.getContext()), sum, b.getI64IntegerAttr(s.cols), s.epsilon);
}

/// The groups in ascending order.
void TablesKernelBuilder::forGroups(const Values &carried, Values &results,
                                    function_ref<Values(const Index &, Chunks, const Values &)> body) {
  const int64_t count = chunkCount(), perChunk = registersPerChunk();
  if (count * perChunk * perChunk <= kMostChunks) {
    auto load = [&](const Index &g) {
      Values acts;
      for (int64_t chunk = 0; chunk < count; ++chunk)
        acts.append(loadActs(g, chunk, countOf(chunk)));
      return acts;
    };
    auto compute = [&](const Index &g, ValueRange acts, const Values &inner) {
      Values prepared;
      for (; !acts.empty(); acts = acts.drop_front(perChunk))
        prepared.push_back(prepare(acts.take_front(perChunk)));
      auto chunks = [&](const Values &start, ChunkBody each) {
        Values values = start;
        for (int64_t chunk = 0; chunk < count; ++chunk) {
          const int64_t first = chunk * kTablesPerTile;
          values = each({prepared[chunk], first, std::min(kTablesPerTile, s.tables - first)}, values);
        }
        return values;
      };
      return body(g, chunks, inner);
    };
    results = pipelined(b, s.groups, kRegistersAhead / (count * perChunk), carried, load, compute);
    return;
  }
  auto loop = lmma::ForOp::create(
      b, bound(b, 0), bound(b, s.groups), 1, carried, [&](OpBuilder &, Value counter, ValueRange inner) {
        Index g(counter);
        const int64_t whole = s.group / (kTablesPerTile * kGroup), rest = s.tables - whole * kTablesPerTile;
        auto chunks = [&](const Values &start, ChunkBody each) {
          auto body = lmma::ForOp::create(b, bound(b, 0), bound(b, whole), 1, start,
                                          [&](OpBuilder &, Value chunk, ValueRange values) {
                                            Value acts = prepare(loadActs(g, chunk, kTablesPerTile * kGroup));
                                            return each({acts, Index(chunk) * kTablesPerTile, kTablesPerTile},
                                                        Values(values));
                                          });
          Values values(body.getResults());
          if (rest > 0)
            values = each({prepare(loadActs(g, whole, countOf(whole))), whole * kTablesPerTile, rest}, values);
          return values;
        };
        return body(g, chunks, Values(inner));
      });
  results = Values(loop.getResults());
}

Value TablesKernelBuilder::loadRows(Value buffer, const Index &column) {
  auto [map, counters] = access(b, {row, column});
  return lmma::LoadRowsOp::create(b, lmma::RowsType::get(b.getContext()), buffer, counters, map);
}

void TablesKernelBuilder::storeRows(Value value, Value buffer, const Index &column) {
  auto [map, counters] = access(b, {row, column});
  lmma::StoreRowsOp::create(b, value, buffer, counters, map);
}

/// Tables `within`, ... of a register, which are tables `first`, ... of the group.
void TablesKernelBuilder::storeTables(Value acts, Value inverse, const Index &group, const Index &first, int64_t tables,
                                      int64_t within) {
  auto type = lmma::TableType::get(b.getContext(), tables, s.entry);
  Value made = inverse ? lmma::QuantizeOp::create(b, type, acts, inverse, within).getResult()
                       : lmma::PrecomputeOp::create(b, type, acts, within).getResult();
  auto [map, counters] = access(b, {row, group, first * s.pitch});
  lmma::StoreTableOp::create(b, made, entries, counters, map, b.getI64IntegerAttr(s.pitch));
}

Value TablesKernelBuilder::sumOf(const Chunk &chunk, Value start) {
  return lmma::AsumOp::create(b, lmma::RowsType::get(b.getContext()), chunk.acts, start, chunk.tables, 0);
}

Value TablesKernelBuilder::greatestOf(const Chunk &chunk, Value start, int64_t tables, int64_t first) {
  return lmma::AmaxOp::create(b, lmma::RowsType::get(b.getContext()), chunk.acts, start, tables, first);
}

std::pair<Value, Value> TablesKernelBuilder::scaleOf(Value amax) {
  Type type = lmma::RowsType::get(b.getContext());
  auto scale = lmma::TableScaleOp::create(b, type, type, amax, TypeAttr::get(s.entry));
  return {scale.getScale(), scale.getInverse()};
}

/// The tables, scales and sum of one group. `rowInverse` is what entries are multiplied by where a row shares its scale.
void TablesKernelBuilder::group(const Index &g, Chunks chunks, Value rowInverse) {
  Value inverse = rowInverse;
  if (isQuantized() && s.scale != lowbit::TableScale::Table && !inverse) {
    Values amax = chunks({rows(0.0f)}, [&](const Chunk &chunk, const Values &values) {
      return Values{greatestOf(chunk, values.front(), chunk.tables, 0)};
    });
    auto [scale, factor] = scaleOf(amax.front());
    storeRows(scale, scales, g);
    inverse = factor;
  }
  // -0 and the first table's sum are that sum.
  Values sum = chunks({rows(-0.0f)}, [&](const Chunk &chunk, const Values &values) {
    if (isQuantized() && s.scale == lowbit::TableScale::Table) {
      for (int64_t table = 0; table < chunk.tables; ++table) {
        auto [scale, factor] = scaleOf(greatestOf(chunk, Value(), 1, table));
        storeRows(scale, scales, g * s.tables + chunk.first + table);
        storeTables(chunk.acts, factor, g, chunk.first + table, 1, table);
      }
    } else {
      storeTables(chunk.acts, inverse, g, chunk.first, chunk.tables, 0);
    }
    return Values{sumOf(chunk, values.front())};
  });
  Value total = sum.front();
  if (s.codes) {
    Value scale = loadRows(codeScales, hasRowScale() ? Index(0) : g);
    if (!hasRowScale())
      storeRows(scale, scales, g);
    total = lmma::MulRowsOp::create(b, total.getType(), scale, total);
  } else if (isa<FloatType>(s.entry)) {
    storeRows(rows(1.0f), scales, g);
  }
  storeRows(total, sums, g);
}

void TablesKernelBuilder::rowPair() {
  Value inverse;
  Values none;
  if (s.epsilon)
    findNorm();
  if (isQuantized() && s.scale == lowbit::TableScale::Row && hasRowScale()) {
    Values amax;
    forGroups({rows(0.0f)}, amax, [&](const Index &, Chunks chunks, const Values &carried) {
      return chunks(carried, [&](const Chunk &chunk, const Values &values) {
        return Values{greatestOf(chunk, values.front(), chunk.tables, 0)};
      });
    });
    auto [scale, factor] = scaleOf(amax.front());
    storeRows(scale, scales, 0);
    inverse = factor;
  }
  if (s.codes && hasRowScale())
    storeRows(loadRows(codeScales, 0), scales, 0);
  forGroups({}, none, [&](const Index &g, Chunks chunks, const Values &) {
    group(g, chunks, inverse);
    return Values();
  });
}

void TablesKernelBuilder::build(lmma::KernelOp kernel) {
  Block &body = kernel.getBody().front();
  b.setInsertionPointToStart(&body);
  unsigned next = 0;
  activations = body.getArgument(next++);
  if (s.codes)
    codeScales = body.getArgument(next++);
  if (s.epsilon)
    weight = body.getArgument(next++);
  entries = body.getArgument(next++);
  scales = body.getArgument(next++);
  sums = body.getArgument(next++);
  forRange(b, bound(b, 0), rowsDownTo(b, 1), s.arrayM, [&](Value first) {
    row = Index(first);
    rowPair();
  });
}

lmma::KernelOp luttolmma::buildTablesKernel(OpBuilder &builder, Location loc, StringRef name, const TablesShape &shape) {
  ImplicitLocOpBuilder b(loc, builder);
  const int64_t dynamic = ShapedType::kDynamic;
  Type f32 = b.getF32Type();
  SmallVector<Type> buffers = {MemRefType::get({dynamic, shape.cols}, shape.activation)};
  SmallVector<StringRef> names = {"activations"};
  if (shape.codes) {
    buffers.push_back(MemRefType::get({dynamic, shape.scalesPerRow}, f32));
    names.push_back("code_scales");
  }
  if (shape.epsilon) {
    buffers.push_back(MemRefType::get({shape.cols}, f32));
    names.push_back("norm");
  }
  buffers.append({MemRefType::get({dynamic, shape.groups, shape.tables * kEntries}, shape.entry),
                  MemRefType::get({dynamic, shape.scalesPerRow}, f32), MemRefType::get({dynamic, shape.groups}, f32)});
  names.append({"entries", "scales", "sums"});
  auto kernel = lmma::KernelOp::create(b, name, buffers);
  kernel.setGrid(ArrayRef<int64_t>{1, std::max<int64_t>(1, kBlockRows / shape.arrayM) * shape.arrayM, 1});
  kernel->setAttr(lmma::LmmaDialect::kBufferNamesAttr, b.getStrArrayAttr(names));
  TablesKernelBuilder(b, shape).build(kernel);
  return kernel;
}
