//===- Precompute.cpp - the loops of a table precompute -------------------===//
//
// A row at a time, a group at a time: docs/spec/numerics.md, "Tables". A quantized table is computed in half: entry ~i is
// minus entry i exactly, in f32 and, since rounding to nearest even is symmetric, as an integer.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

namespace {
/// Activations of a pair of tables.
constexpr int64_t kPairWidth = 2 * lowbit::kTableWidth;

class PrecomputeEmitter {
public:
  PrecomputeEmitter(ImplicitLocOpBuilder &b, ValueRange args, int64_t group, int64_t rest)
      : b(b), activations(args[0]), entries(args[1]), scales(args[2]), sums(args[3]), group(group),
        rest(rest), pairs((group + kPairWidth - 1) / kPairWidth),
        floats(cast<MemRefType>(entries.getType()).getElementType().isF32()) {
    Value cols = memref::DimOp::create(b, activations, constantIndex(b, 1));
    wholeGroups = arith::DivUIOp::create(b, cols, constantIndex(b, group));
  }

  /// Emits all groups of `row`.
  void emitRow(Value row);

private:
  /// A part of a row's groups that has one shape: `length` activations in each group.
  void emitGroup(Value row, Value index, int64_t length);
  /// The 8 activations of a pair, of which `count` exist and the others are 0.
  Value loadPair(Value row, Value begin, Value pair, int64_t count);
  /// Runs `body(pair, accumulators)` over the pairs of a group of `length` activations.
  SmallVector<Value> forPairs(Value row, Value index, int64_t length, ArrayRef<Value> accumulators,
                              function_ref<SmallVector<Value>(Value pair, Value lanes, ArrayRef<Value>)> body);
  Value addToSum(Value sum, Value lanes);
  Value upperHalves(Value lanes);
  void storeQuantized(Value row, Value index, Value pair, Value lanes, Value inverse, Value isFinite);
  void storeExact(Value row, Value index, Value pair, Value lanes);

  Value constant(float value) { return arith::ConstantOp::create(b, b.getF32FloatAttr(value)); }

  ImplicitLocOpBuilder &b;
  Value activations, entries, scales, sums;
  int64_t group, rest, pairs;
  bool floats;
  Value wholeGroups;
};
} // namespace

Value PrecomputeEmitter::loadPair(Value row, Value begin, Value pair, int64_t count) {
  auto whole = VectorType::get({kPairWidth}, b.getF32Type());
  if (count <= 0)
    return splatFloat(b, kPairWidth, 0.0f);
  Value column = affine(b, begin, kPairWidth, pair, 0);
  auto part = VectorType::get({std::min(count, kPairWidth)}, b.getF32Type());
  Value loaded = vector::LoadOp::create(b, part, activations, ValueRange{row, column});
  if (part == whole)
    return loaded;
  return vector::InsertStridedSliceOp::create(b, loaded, splatFloat(b, kPairWidth, 0.0f), ArrayRef<int64_t>{0},
                                              ArrayRef<int64_t>{1});
}

SmallVector<Value>
PrecomputeEmitter::forPairs(Value row, Value index, int64_t length, ArrayRef<Value> accumulators,
                            function_ref<SmallVector<Value>(Value, Value, ArrayRef<Value>)> body) {
  Value begin = affine(b, {}, group, index, 0);
  int64_t whole = length / kPairWidth;
  bool unroll = pairs <= 8;
  SmallVector<Value> result = forEachPair(b, constantIndex(b, 0), whole, unroll, accumulators,
                                          [&](Value pair, ArrayRef<Value> values) {
                                            return body(pair, loadPair(row, begin, pair, kPairWidth), values);
                                          });
  if (whole < pairs && length % kPairWidth != 0) {
    Value pair = constantIndex(b, whole);
    result = body(pair, loadPair(row, begin, pair, length % kPairWidth), result);
    ++whole;
  }
  return forEachPair(b, constantIndex(b, whole), pairs - whole, unroll, result, [&](Value pair, ArrayRef<Value> values) {
    return body(pair, loadPair(row, begin, pair, 0), values);
  });
}

/// Adds a pair's activations: ((a0 + a1) + a2) + a3 of each table, tables in order.
Value PrecomputeEmitter::addToSum(Value sum, Value lanes) {
  for (int64_t table : {0, 1}) {
    Value total;
    for (int64_t i = 0; i < lowbit::kTableWidth; ++i) {
      Value lane = vector::ExtractOp::create(b, lanes, ArrayRef<int64_t>{lowbit::kTableWidth * table + i});
      total = i == 0 ? lane : arith::AddFOp::create(b, total, lane).getResult();
    }
    sum = arith::AddFOp::create(b, sum, total);
  }
  return sum;
}

/// Signed sums: lane l has the sign of activation 4 tables[l] + i of `lanes` from bit i of bits[l].
static Value signedSums(ImplicitLocOpBuilder &b, Value lanes, ArrayRef<int64_t> tables, ArrayRef<int64_t> bits) {
  Value negated = arith::NegFOp::create(b, lanes);
  Value total;
  for (int64_t i = 0; i < lowbit::kTableWidth; ++i) {
    SmallVector<int64_t> mask;
    for (auto [table, bit] : llvm::zip_equal(tables, bits))
      mask.push_back(lowbit::kTableWidth * table + i + ((bit >> i & 1) ? 0 : kPairWidth));
    Value term = vector::ShuffleOp::create(b, lanes, negated, mask);
    total = i == 0 ? term : arith::AddFOp::create(b, total, term).getResult();
  }
  return total;
}

/// Entries 8 to 15 of both tables of a pair.
Value PrecomputeEmitter::upperHalves(Value lanes) {
  SmallVector<int64_t> tables, bits;
  for (int64_t lane = 0; lane < 16; ++lane) {
    tables.push_back(lane / 8);
    bits.push_back(8 + lane % 8);
  }
  return signedSums(b, lanes, tables, bits);
}

void PrecomputeEmitter::storeQuantized(Value row, Value index, Value pair, Value lanes, Value inverse, Value isFinite) {
  auto ints = VectorType::get({16}, b.getI32Type());
  // Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits. |T * inverse| is at most
  // 127 (1 + 2^-22), which rounds to 127: the clamp of the specification never acts.
  Value scaled = arith::MulFOp::create(b, upperHalves(lanes), inverse);
  Value shifted = arith::AddFOp::create(b, scaled, splatFloat(b, 16, 0x1.8p23f));
  Value bytes = arith::TruncIOp::create(b, VectorType::get({16}, b.getI8Type()),
                                        arith::BitcastOp::create(b, ints, shifted).getResult());
  Value zeros = splatInt(b, 16, 8, 0);
  bytes = arith::SelectOp::create(b, isFinite, bytes, zeros);
  Value negated = arith::SubIOp::create(b, zeros, bytes);
  // Entry i < 8 is minus entry 15 - i.
  SmallVector<int64_t> mask;
  for (int64_t table : {0, 1}) {
    for (int64_t i = 0; i < 8; ++i)
      mask.push_back(16 + 8 * table + 7 - i);
    for (int64_t i = 0; i < 8; ++i)
      mask.push_back(8 * table + i);
  }
  Value both = vector::ShuffleOp::create(b, bytes, negated, mask);
  vector::StoreOp::create(b, both, entries, ValueRange{row, index, affine(b, {}, 32, pair, 0)});
}

void PrecomputeEmitter::storeExact(Value row, Value index, Value pair, Value lanes) {
  SmallVector<int64_t> bits = llvm::to_vector(llvm::seq<int64_t>(0, 16));
  for (int64_t table : {0, 1})
    vector::StoreOp::create(b, signedSums(b, lanes, SmallVector<int64_t>(16, table), bits), entries,
                            ValueRange{row, index, affine(b, {}, 32, pair, 16 * table)});
}

void PrecomputeEmitter::emitGroup(Value row, Value index, int64_t length) {
  // The sum starts from the first table: -0.0 + x is x.
  Value sum = constant(-0.0f);
  if (floats) {
    SmallVector<Value> end = forPairs(row, index, length, {sum}, [&](Value pair, Value lanes, ArrayRef<Value> values) {
      storeExact(row, index, pair, lanes);
      return SmallVector<Value>{addToSum(values[0], lanes)};
    });
    memref::StoreOp::create(b, end[0], sums, ValueRange{row, index});
    memref::StoreOp::create(b, constant(1.0f), scales, ValueRange{row, index});
    return;
  }
  // The largest magnitude, as bits: of non-negative floats the order of the bits is that of the values, then infinity, then
  // NaNs.
  auto ints = VectorType::get({16}, b.getI32Type());
  SmallVector<Value> end = forPairs(
      row, index, length, {sum, splatInt(b, 16, 32, 0)}, [&](Value, Value lanes, ArrayRef<Value> values) {
        Value bits = arith::BitcastOp::create(b, ints, upperHalves(lanes));
        Value magnitude = arith::AndIOp::create(b, bits, splatInt(b, 16, 32, 0x7fffffff));
        Value largest = arith::MaxUIOp::create(b, values[1], magnitude);
        return SmallVector<Value>{addToSum(values[0], lanes), largest};
      });
  Value bits = vector::ReductionOp::create(b, vector::CombiningKind::MAXUI, end[1]);
  Value largest = arith::BitcastOp::create(b, b.getF32Type(), bits);
  Value infinity = arith::ConstantOp::create(b, b.getI32IntegerAttr(0x7f800000));
  Value isFinite = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, bits, infinity);
  Value isSmall = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, largest, constant(0x1p-100f));
  Value zero = constant(0.0f);
  Value inverse = arith::DivFOp::create(b, constant(127.0f), largest);
  inverse = arith::SelectOp::create(b, isSmall, zero, inverse);
  Value scale = arith::MulFOp::create(b, largest, constant(0x1.020408p-7f));
  scale = arith::SelectOp::create(b, isSmall, zero, scale);
  scale = arith::SelectOp::create(b, isFinite, scale, constant(std::numeric_limits<float>::quiet_NaN()));
  memref::StoreOp::create(b, end[0], sums, ValueRange{row, index});
  memref::StoreOp::create(b, scale, scales, ValueRange{row, index});
  Value inverses = vector::BroadcastOp::create(b, VectorType::get({16}, b.getF32Type()), inverse);
  forPairs(row, index, length, {}, [&](Value pair, Value lanes, ArrayRef<Value>) {
    storeQuantized(row, index, pair, lanes, inverses, isFinite);
    return SmallVector<Value>();
  });
}

void PrecomputeEmitter::emitRow(Value row) {
  scf::ForOp::create(b, constantIndex(b, 0), wholeGroups, constantIndex(b, 1), ValueRange(),
                     [&](OpBuilder &, Location, Value index, ValueRange) {
                       emitGroup(row, index, group);
                       scf::YieldOp::create(b);
                     });
  if (rest != 0)
    emitGroup(row, wholeGroups, rest);
}

void lutloops::emitPrecompute(ImplicitLocOpBuilder &b, ValueRange args, int64_t group, int64_t rest) {
  PrecomputeEmitter emitter(b, args, group, rest);
  scf::ForOp::create(b, args[4], args[5], constantIndex(b, 1), ValueRange(),
                     [&](OpBuilder &, Location, Value row, ValueRange) {
                       emitter.emitRow(row);
                       scf::YieldOp::create(b);
                     });
}
