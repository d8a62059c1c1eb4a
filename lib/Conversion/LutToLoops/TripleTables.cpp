//===- TripleTables.cpp - the loops that make tables of three activations -===//
//
// docs/spec/numerics.md, "Tables of three". Table t of a group of T tables is of columns t, T + t and 2T + t, so that neighbouring tables read neighbouring
// columns, and the columns that a short group lacks are those of its last tables: segments of tables with three, two, one or no columns, each known when
// this is compiled.
//
// The largest entry of a table is (|a0| + |a1|) + |a2|: rounding is the same for either sign and never puts a smaller sum above a greater one. The entries
// themselves are three vectors of signs times activations. Where an activation is not finite that makes a NaN of what has no such term, but then the
// largest is not finite either, and entries are zeros.
//
// Sixteen neighbouring tables are made side by side, a lane each. What is left of a group are tables one by one.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/LookupTriples.h"
#include "lib/Conversion/LutToLoops/TableBlock.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

/// Tables that are made side by side, and entries of one.
static constexpr int64_t kBlockTables = 16, kTableEntries = 16;
/// Times that a group is gone through: for the largest entry, and for the entries.
static constexpr int64_t kPasses = 2;

namespace {
/// Tables [first, last) of a group that have `columns` of their three columns.
struct Segment {
  int64_t first, last, columns;
};

class TripleTablesEmitter {
public:
  TripleTablesEmitter(ImplicitLocOpBuilder &b, ValueRange args, int64_t group, int64_t rest, lowbit::TableScale scale, const Ahead &ahead)
      : b(b), activations(args[0]), entries(args[1]), scales(args[2]), sums(args[3]), group(group), rest(rest),
        tables(lowbit::getTablesPerGroup(group, lowbit::kTripleWidth)), scale(scale), ahead(ahead) {
    Value cols = memref::DimOp::create(b, activations, constantIndex(b, 1));
    wholeGroups = arith::DivUIOp::create(b, cols, constantIndex(b, group));
    for (int64_t place = 0; place < lowbit::kTripleWidth; ++place) {
      SmallVector<float, 16> weights;
      for (int64_t entry = 0; entry < 16; ++entry)
        weights.push_back(entry < lowbit::kTripleEntries ? float(lowbit::getTripleWeight(entry, place)) : 0.0f);
      weightsOf[place] = arith::ConstantOp::create(b, DenseElementsAttr::get(VectorType::get({16}, b.getF32Type()), ArrayRef<float>(weights)));
    }
  }

  /// Emits all groups of `row`.
  void emitRow(Value row);

private:
  SmallVector<Value> forGroups(ArrayRef<Value> accumulators, function_ref<SmallVector<Value>(Value, int64_t, ArrayRef<Value>)> body);
  SmallVector<Segment> segmentsOf(int64_t length) const;
  Value emitLargest(Value row, Value index, int64_t length, Value largest);
  Value quantize(Value largest, Value &factor, Value &isFinite);
  void emitEntries(Value row, Value index, int64_t length, Value factor, Value isFinite);
  Value loadLanes(Value row, Value column, int64_t valid);
  void emitBlock(Value row, Value index, Value first, ArrayRef<int64_t> valid, int64_t count, Value factor, Value isFinite);
  Value constant(float value) { return arith::ConstantOp::create(b, b.getF32FloatAttr(value)); }

  ImplicitLocOpBuilder &b;
  Value activations, entries, scales, sums, wholeGroups;
  int64_t group, rest, tables;
  lowbit::TableScale scale;
  Ahead ahead;
  /// The weight of each place in each entry.
  Value weightsOf[lowbit::kTripleWidth];
};
} // namespace

/// Runs `body(group, columns, accumulators)` over the groups of a row: those that are whole, then a short last one.
SmallVector<Value> TripleTablesEmitter::forGroups(ArrayRef<Value> accumulators, function_ref<SmallVector<Value>(Value, int64_t, ArrayRef<Value>)> body) {
  auto loop = scf::ForOp::create(b, constantIndex(b, 0), wholeGroups, constantIndex(b, 1), accumulators,
                                 [&](OpBuilder &, Location, Value index, ValueRange values) {
                                   scf::YieldOp::create(b, body(index, group, llvm::to_vector(values)));
                                 });
  SmallVector<Value> result(loop.getResults());
  return rest == 0 ? result : body(wholeGroups, rest, result);
}

SmallVector<Segment> TripleTablesEmitter::segmentsOf(int64_t length) const {
  SmallVector<Segment> segments;
  int64_t first = 0;
  for (int64_t columns = lowbit::kTripleWidth; columns >= 0; --columns) {
    int64_t last = columns == 0 ? tables : std::clamp<int64_t>(length - (columns - 1) * tables, 0, tables);
    if (last > first)
      segments.push_back({first, last, columns});
    first = std::max(first, last);
  }
  return segments;
}

/// `largest`, 16 magnitudes as bits, with the largest entries of a group of `length` activations. Of non-negative floats the order of the bits is that of
/// the values, then infinity, then NaNs.
Value TripleTablesEmitter::emitLargest(Value row, Value index, int64_t length, Value largest) {
  Value begin = affine(b, {}, group, index, 0);
  // Once for both times that a group is gone through.
  ahead.ask(b, affine(b, {}, kPasses * group, index, 0), kPasses * length);
  for (const Segment &segment : segmentsOf(length)) {
    if (segment.columns == 0)
      continue;
    int64_t first = segment.first;
    for (int64_t width = 16; width > 0; width /= 2) {
      const int64_t count = (segment.last - first) / width;
      auto floats = VectorType::get({width}, b.getF32Type()), ints = VectorType::get({width}, b.getI32Type());
      auto larger = [&](Value block, ArrayRef<Value> values) {
        Value sum;
        for (int64_t place = 0; place < segment.columns; ++place) {
          Value column = affine(b, begin, width, block, first + place * tables);
          Value magnitude = math::AbsFOp::create(b, vector::LoadOp::create(b, floats, activations, ValueRange{row, column}).getResult());
          sum = sum ? arith::AddFOp::create(b, sum, magnitude).getResult() : magnitude;
        }
        Value bits = arith::AndIOp::create(b, arith::BitcastOp::create(b, ints, sum).getResult(), splatInt(b, width, 32, 0x7fffffff));
        if (width < 16)
          bits = vector::InsertStridedSliceOp::create(b, bits, splatInt(b, 16, 32, 0), ArrayRef<int64_t>{0}, ArrayRef<int64_t>{1});
        return SmallVector<Value>{arith::MaxUIOp::create(b, values[0], bits)};
      };
      largest = forEachPair(b, constantIndex(b, 0), count, /*unrolled=*/4, {largest}, larger)[0];
      first += count * width;
    }
  }
  return largest;
}

/// The scale that 16 magnitudes make, the factor that makes entries of sums, and whether that is finite.
Value TripleTablesEmitter::quantize(Value magnitudes, Value &factor, Value &isFinite) {
  Value bits = vector::ReductionOp::create(b, vector::CombiningKind::MAXUI, magnitudes);
  Value largest = arith::BitcastOp::create(b, b.getF32Type(), bits);
  isFinite = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, bits, arith::ConstantOp::create(b, b.getI32IntegerAttr(0x7f800000)));
  Value isSmall = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, largest, constant(0x1p-100f));
  Value zero = constant(0.0f);
  factor = arith::SelectOp::create(b, isSmall, zero, arith::DivFOp::create(b, constant(127.0f), largest));
  Value made = arith::SelectOp::create(b, isSmall, zero, arith::MulFOp::create(b, largest, constant(0x1.020408p-7f)));
  return arith::SelectOp::create(b, isFinite, made, constant(std::numeric_limits<float>::quiet_NaN()));
}

/// Columns from `column` on, of which `valid` exist and the others are 0: that of the block's table 4 i + l in lane 4 l + i.
Value TripleTablesEmitter::loadLanes(Value row, Value column, int64_t valid) {
  auto floats = VectorType::get({kBlockTables}, b.getF32Type());
  Value loaded;
  if (valid == kBlockTables) {
    loaded = vector::LoadOp::create(b, floats, activations, ValueRange{row, column});
  } else {
    Value mask = vector::ConstantMaskOp::create(b, VectorType::get({kBlockTables}, b.getI1Type()), ArrayRef<int64_t>{valid});
    loaded = vector::MaskedLoadOp::create(b, floats, activations, ValueRange{row, column}, mask, splatFloat(b, kBlockTables, 0.0f));
  }
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < kBlockTables; ++lane)
    order.push_back(lane % 4 * 4 + lane / 4);
  return vector::ShuffleOp::create(b, loaded, loaded, order);
}

/// The first `count` tables of a block that begins with table `first` of the group; `valid[place]` of them have that place.
void TripleTablesEmitter::emitBlock(Value row, Value index, Value first, ArrayRef<int64_t> valid, int64_t count, Value factor, Value isFinite) {
  auto floats = VectorType::get({kBlockTables}, b.getF32Type()), ints = VectorType::get({kBlockTables}, b.getI32Type());
  Value begin = affine(b, first, group, index, 0), zeros = splatInt(b, kBlockTables, 32, 0);
  SmallVector<Value> lanes;
  for (int64_t place = 0; place < lowbit::kTripleWidth; ++place)
    if (valid[place] > 0)
      lanes.push_back(loadLanes(row, affine(b, begin, 0, {}, place * tables), valid[place]));
  // Rounding is the same for either sign: a sum whose first term is negative is minus another.
  Value factors[] = {vector::BroadcastOp::create(b, floats, factor), {}};
  factors[1] = arith::NegFOp::create(b, factors[0]);
  auto makeEntry = [&](int64_t entry) -> Value {
    Value sum;
    int sign = 0;
    for (auto [place, lane] : llvm::enumerate(lanes)) {
      const int weight = entry < lowbit::kTripleEntries ? lowbit::getTripleWeight(entry, place) : 0;
      if (weight == 0)
        continue;
      if (!sum) {
        sum = lane;
        sign = weight;
      } else if (weight == sign) {
        sum = arith::AddFOp::create(b, sum, lane);
      } else {
        sum = arith::SubFOp::create(b, sum, lane);
      }
    }
    if (!sum)
      return zeros;
    // 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits; |sum * factor| is at most 127 (1 + 2^-22).
    Value scaled = arith::MulFOp::create(b, sum, factors[sign < 0]);
    return arith::BitcastOp::create(b, ints, arith::AddFOp::create(b, scaled, splatFloat(b, kBlockTables, 0x1.8p23f)).getResult());
  };
  SmallVector<Value, 4> words;
  for (int64_t word = 0; word < 4; ++word) {
    SmallVector<Value, 4> integers;
    for (int64_t byte = 0; byte < 4; ++byte)
      integers.push_back(makeEntry(4 * word + byte));
    words.push_back(arith::SelectOp::create(b, isFinite, packBytes(b, integers), zeros));
  }
  for (auto [part, tablesOfPart] : llvm::enumerate(transposeFours(b, words))) {
    const int64_t left = std::min<int64_t>(count - 4 * int64_t(part), 4);
    if (left <= 0)
      break;
    auto bytes = VectorType::get({kVectorBytes}, b.getI8Type());
    Value stored = vector::BitCastOp::create(b, bytes, tablesOfPart);
    if (left < 4)
      stored = vector::ExtractStridedSliceOp::create(b, stored, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{left * kTableEntries}, ArrayRef<int64_t>{1});
    vector::StoreOp::create(b, stored, entries, ValueRange{row, index, affine(b, {}, kTableEntries, first, part * kVectorBytes)});
  }
}

void TripleTablesEmitter::emitEntries(Value row, Value index, int64_t length, Value factor, Value isFinite) {
  // Blocks whose tables have all their columns, and one more if it is worth it.
  const int64_t blocks = std::clamp<int64_t>(length - (lowbit::kTripleWidth - 1) * tables, 0, tables) / kBlockTables;
  forEachPair(b, constantIndex(b, 0), blocks, /*unrolled=*/1, {}, [&](Value block, ArrayRef<Value>) {
    emitBlock(row, index, affine(b, {}, kBlockTables, block, 0), {kBlockTables, kBlockTables, kBlockTables}, kBlockTables, factor, isFinite);
    return SmallVector<Value>();
  });
  int64_t done = blocks * kBlockTables;
  if (const int64_t left = tables - done; left >= kBlockTables / 2 && left <= kBlockTables) {
    SmallVector<int64_t> valid;
    for (int64_t place = 0; place < lowbit::kTripleWidth; ++place)
      valid.push_back(std::clamp<int64_t>(length - place * tables - done, 0, left));
    emitBlock(row, index, constantIndex(b, done), valid, left, factor, isFinite);
    done = tables;
  }
  auto floats = VectorType::get({16}, b.getF32Type()), ints = VectorType::get({16}, b.getI32Type()), bytes = VectorType::get({16}, b.getI8Type());
  Value begin = affine(b, {}, group, index, 0), zeros = splatInt(b, 16, 8, 0);
  auto broadcast = [&](Value scalar) { return vector::BroadcastOp::create(b, floats, scalar).getResult(); };
  Value factors = broadcast(factor);
  for (const Segment &segment : segmentsOf(length)) {
    const int64_t firstLeft = std::max(segment.first, done);
    forEachPair(b, constantIndex(b, firstLeft), std::max<int64_t>(segment.last - firstLeft, 0), /*unrolled=*/4, {}, [&](Value table, ArrayRef<Value>) {
      Value sum;
      for (int64_t place = 0; place < segment.columns; ++place) {
        Value activation = memref::LoadOp::create(b, activations, ValueRange{row, affine(b, begin, 1, table, place * tables)});
        // The products are exact: to fuse them with the sums would change nothing.
        sum = sum ? math::FmaOp::create(b, broadcast(activation), weightsOf[place], sum).getResult()
                  : arith::MulFOp::create(b, broadcast(activation), weightsOf[place]).getResult();
      }
      Value stored = zeros;
      if (sum) {
        // 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits; |sum * factor| is at most 127 (1 + 2^-22).
        Value shifted = arith::AddFOp::create(b, arith::MulFOp::create(b, sum, factors).getResult(), splatFloat(b, 16, 0x1.8p23f));
        stored = arith::TruncIOp::create(b, bytes, arith::BitcastOp::create(b, ints, shifted).getResult());
        stored = arith::SelectOp::create(b, isFinite, stored, zeros);
      }
      vector::StoreOp::create(b, stored, entries, ValueRange{row, index, affine(b, {}, 16, table, 0)});
      return SmallVector<Value>();
    });
  }
}

void TripleTablesEmitter::emitRow(Value row) {
  Value none = splatInt(b, 16, 32, 0), factor, isFinite;
  const bool perRow = scale == lowbit::TableScale::Row;
  if (perRow) {
    SmallVector<Value> largest = forGroups({none}, [&](Value index, int64_t length, ArrayRef<Value> values) {
      return SmallVector<Value>{emitLargest(row, index, length, values[0])};
    });
    memref::StoreOp::create(b, quantize(largest[0], factor, isFinite), scales, ValueRange{row, constantIndex(b, 0)});
  }
  forGroups({}, [&](Value index, int64_t length, ArrayRef<Value>) {
    if (!perRow)
      memref::StoreOp::create(b, quantize(emitLargest(row, index, length, none), factor, isFinite), scales, ValueRange{row, index});
    emitEntries(row, index, length, factor, isFinite);
    memref::StoreOp::create(b, constant(0.0f), sums, ValueRange{row, index});
    return SmallVector<Value>();
  });
}

void lutloops::emitTriplePrecompute(ImplicitLocOpBuilder &b, ValueRange args, int64_t group, int64_t rest, lowbit::TableScale scale, int64_t aheadStreams,
                                    int64_t aheadBytes) {
  ValueRange rows = args.take_back(2), buffers = args.drop_back(2);
  const Ahead ahead = Ahead::take(buffers, aheadStreams, aheadBytes);
  TripleTablesEmitter emitter(b, buffers, group, rest, scale, ahead);
  scf::ForOp::create(b, rows[0], rows[1], constantIndex(b, 1), ValueRange(), [&](OpBuilder &, Location, Value row, ValueRange) {
    emitter.emitRow(row);
    scf::YieldOp::create(b);
  });
}
