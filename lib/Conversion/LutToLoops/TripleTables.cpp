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
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/LookupTriples.h"
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

namespace {
/// Tables [first, last) of a group that have `columns` of their three columns.
struct Segment {
  int64_t first, last, columns;
};

class TripleTablesEmitter {
public:
  TripleTablesEmitter(ImplicitLocOpBuilder &b, ValueRange args, int64_t group, int64_t rest, lowbit::TableScale scale)
      : b(b), activations(args[0]), entries(args[1]), scales(args[2]), sums(args[3]), group(group), rest(rest),
        tables(lowbit::getTablesPerGroup(group, lowbit::kTripleWidth)), scale(scale) {
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
  Value constant(float value) { return arith::ConstantOp::create(b, b.getF32FloatAttr(value)); }

  ImplicitLocOpBuilder &b;
  Value activations, entries, scales, sums, wholeGroups;
  int64_t group, rest, tables;
  lowbit::TableScale scale;
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

void TripleTablesEmitter::emitEntries(Value row, Value index, int64_t length, Value factor, Value isFinite) {
  auto floats = VectorType::get({16}, b.getF32Type()), ints = VectorType::get({16}, b.getI32Type()), bytes = VectorType::get({16}, b.getI8Type());
  Value begin = affine(b, {}, group, index, 0), zeros = splatInt(b, 16, 8, 0);
  auto broadcast = [&](Value scalar) { return vector::BroadcastOp::create(b, floats, scalar).getResult(); };
  Value factors = broadcast(factor);
  for (const Segment &segment : segmentsOf(length))
    forEachPair(b, constantIndex(b, segment.first), segment.last - segment.first, /*unrolled=*/4, {}, [&](Value table, ArrayRef<Value>) {
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

void lutloops::emitTriplePrecompute(ImplicitLocOpBuilder &b, ValueRange args, int64_t group, int64_t rest, lowbit::TableScale scale) {
  ValueRange rows = args.take_back(2);
  TripleTablesEmitter emitter(b, args.drop_back(2), group, rest, scale);
  scf::ForOp::create(b, rows[0], rows[1], constantIndex(b, 1), ValueRange(), [&](OpBuilder &, Location, Value row, ValueRange) {
    emitter.emitRow(row);
    scf::YieldOp::create(b);
  });
}
