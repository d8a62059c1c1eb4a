//===- Precompute.cpp - the loops of a table precompute -------------------===//
//
// A row at a time, a group at a time: docs/spec/numerics.md, "Tables". A quantized table is computed in half: entry ~i is
// minus entry i exactly, in f32 and, since rounding to nearest even is symmetric, as an integer. The sums of four codes are exact
// in f32, so codes go the same way with a factor of one. Bytes that share a scale, what decoding a model mostly makes, go by blocks of
// tables side by side; everything else, and what a block does not fit, by pairs.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "lib/Conversion/LutToLoops/TableBlock.h"
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

/// What a largest magnitude makes of entries: scalars, or vectors of the 16 entries of a pair's upper halves. Null `inverse`:
/// entries are integers as they are.
struct Quantization {
  Value scale, inverse, isFinite;
};

class PrecomputeEmitter {
public:
  PrecomputeEmitter(ImplicitLocOpBuilder &b, ValueRange args, int64_t group, int64_t rest, lowbit::TableScale scale, const Ahead &ahead)
      : b(b), activations(args[0]), group(group), rest(rest), pairs((group + kPairWidth - 1) / kPairWidth), ahead(ahead) {
    // In the order of the op's operands: only codes have scales of their own.
    integers = cast<MemRefType>(activations.getType()).getElementType().isInteger(8);
    if (integers)
      activationScales = args[1];
    ValueRange outputs = args.drop_front(integers ? 2 : 1);
    entries = outputs[0];
    scales = outputs[1];
    sums = outputs[2];
    kind = {*lowbit::getTableElement(cast<MemRefType>(entries.getType()).getElementType()), scale};
    Value cols = memref::DimOp::create(b, activations, constantIndex(b, 1));
    columns = cols;
    wholeGroups = arith::DivUIOp::create(b, cols, constantIndex(b, group));
  }

  /// Emits all groups of `row`.
  void emitRow(Value row);

private:
  using GroupBody = function_ref<SmallVector<Value>(Value index, int64_t length, ArrayRef<Value> accumulators)>;

  /// Runs `body` over the groups of a row: those that are whole, then a short last one.
  SmallVector<Value> forGroups(ArrayRef<Value> accumulators, GroupBody body);
  /// The 8 activations of a pair as f32, of which `count` exist and the others are 0.
  Value loadPair(Value row, Value begin, Value pair, int64_t count);
  /// The pairs of a group of `length` activations that blocks of tables cover.
  int64_t getBlockPairs(int64_t length) const;
  /// Runs `body(block, its first pair, accumulators)` over the blocks of a group of `length` activations, the first or the second time.
  SmallVector<Value> forBlocks(Value row, Value index, int64_t length, bool isSecond, ArrayRef<Value> accumulators,
                               function_ref<SmallVector<Value>(TableBlock &, Value, ArrayRef<Value>)> body);
  /// Runs `body(pair, accumulators)` over the pairs of a group of `length` activations, from pair `first` on.
  SmallVector<Value> forPairs(Value row, Value index, int64_t length, ArrayRef<Value> accumulators,
                              function_ref<SmallVector<Value>(Value pair, Value lanes, ArrayRef<Value>)> body, int64_t first = 0);

  void emitExact(Value row, Value index, int64_t length);
  void emitCodes(Value row, Value index, int64_t length);
  void emitByTable(Value row, Value index, int64_t length);
  Value emitSum(Value row, Value index, int64_t length, Value largest);
  void emitQuantized(Value row, Value index, int64_t length, const Quantization &quantization);
  Quantization quantize(Value largestBits);

  Value addToSum(Value sum, Value lanes);
  Value upperHalves(Value lanes);
  Value magnitudes(Value lanes);
  void storeQuantized(Value row, Value index, Value pair, Value lanes, const Quantization &quantization);
  void storeExact(Value row, Value index, Value pair, Value lanes);

  Value constant(float value) { return arith::ConstantOp::create(b, b.getF32FloatAttr(value)); }
  Value splat(Value scalar) {
    return vector::BroadcastOp::create(b, VectorType::get({16}, scalar.getType()), scalar);
  }

  ImplicitLocOpBuilder &b;
  Value activations, activationScales, entries, scales, sums;
  int64_t group, rest, pairs;
  bool integers;
  lowbit::TableKind kind;
  Value columns, wholeGroups;
  Ahead ahead;
};
} // namespace

void Ahead::ask(ImplicitLocOpBuilder &b, Value done, int64_t count) const {
  constexpr int64_t lineBytes = 64, unrolledLines = 16;
  if (streams == 0)
    return;
  Value begin = arith::MulIOp::create(b, done, constantIndex(b, streamBytes));
  forEachPair(b, constantIndex(b, 0), llvm::divideCeil(count * streamBytes, lineBytes), unrolledLines, {}, [&](Value line, ArrayRef<Value>) {
    Value place = affine(b, begin, lineBytes, line, 0);
    for (int64_t stream = 0; stream < streams; ++stream) {
      Value offset = affine(b, place, stream, distance, 0);
      memref::PrefetchOp::create(b, weights, ValueRange{offset}, /*isWrite=*/false, /*localityHint=*/2, /*isDataCache=*/true);
    }
    return SmallVector<Value>();
  });
}

SmallVector<Value> PrecomputeEmitter::forGroups(ArrayRef<Value> accumulators, GroupBody body) {
  auto loop = scf::ForOp::create(b, constantIndex(b, 0), wholeGroups, constantIndex(b, 1), accumulators,
                                 [&](OpBuilder &, Location, Value index, ValueRange values) {
                                   scf::YieldOp::create(b, body(index, group, llvm::to_vector(values)));
                                 });
  SmallVector<Value> result(loop.getResults());
  return rest == 0 ? result : body(wholeGroups, rest, result);
}

Value PrecomputeEmitter::loadPair(Value row, Value begin, Value pair, int64_t count) {
  auto whole = VectorType::get({kPairWidth}, b.getF32Type());
  if (count <= 0)
    return splatFloat(b, kPairWidth, 0.0f);
  Value column = affine(b, begin, kPairWidth, pair, 0);
  auto part = VectorType::get({std::min(count, kPairWidth)}, b.getF32Type());
  Type stored = cast<MemRefType>(activations.getType()).getElementType();
  Value loaded = vector::LoadOp::create(b, part.clone(stored), activations, ValueRange{row, column});
  if (integers)
    loaded = arith::SIToFPOp::create(b, part, loaded);
  if (part == whole)
    return loaded;
  return vector::InsertStridedSliceOp::create(b, loaded, splatFloat(b, kPairWidth, 0.0f), ArrayRef<int64_t>{0},
                                              ArrayRef<int64_t>{1});
}

int64_t PrecomputeEmitter::getBlockPairs(int64_t length) const {
  bool fits = kind.element == lowbit::TableElement::I8 && !integers && kind.scale != lowbit::TableScale::Table &&
              cast<MemRefType>(activations.getType()).getElementType().isF32();
  int64_t tables = fits ? length / kPairWidth * 2 : 0, covered = 0;
  while (int64_t width = TableBlock::getWidth(tables - covered))
    covered += (tables - covered) / width * width;
  return covered / 2;
}

SmallVector<Value>
PrecomputeEmitter::forBlocks(Value row, Value index, int64_t length, bool isSecond, ArrayRef<Value> accumulators,
                             function_ref<SmallVector<Value>(TableBlock &, Value, ArrayRef<Value>)> body) {
  Value begin = affine(b, {}, group, index, 0), before;
  int64_t covered = 0, tables = 2 * getBlockPairs(length);
  // Activations that were gone through when the first block begins, less those before it: with a scale a row, all groups are
  // gone through once, then again; else each group twice.
  if (kind.scale == lowbit::TableScale::Row)
    before = isSecond ? columns : constantIndex(b, 0);
  else
    before = affine(b, begin, 0, {}, isSecond ? length : 0);
  SmallVector<Value> result(accumulators);
  // Blocks of one width after the other: at most one block of the narrower ones.
  while (int64_t width = TableBlock::getWidth(tables - covered)) {
    int64_t count = (tables - covered) / width, first = covered / 2, pairsEach = width / 2;
    result = forEachPair(b, constantIndex(b, 0), count, /*unrolled=*/2, result, [&](Value place, ArrayRef<Value> values) {
      Value pair = affine(b, {}, pairsEach, place, first);
      Value column = affine(b, begin, kPairWidth, pair, 0);
      if (ahead.streams > 0)
        ahead.ask(b, arith::AddIOp::create(b, before, column), width * lowbit::kTableWidth);
      TableBlock block(b, activations, row, column, width);
      return body(block, pair, values);
    });
    covered += count * width;
  }
  return result;
}

SmallVector<Value>
PrecomputeEmitter::forPairs(Value row, Value index, int64_t length, ArrayRef<Value> accumulators,
                            function_ref<SmallVector<Value>(Value, Value, ArrayRef<Value>)> body, int64_t first) {
  Value begin = affine(b, {}, group, index, 0);
  int64_t whole = length / kPairWidth;
  const int64_t unrolled = 8;
  SmallVector<Value> result = forEachPair(b, constantIndex(b, first), whole - first, unrolled, accumulators,
                                          [&](Value pair, ArrayRef<Value> values) {
                                            return body(pair, loadPair(row, begin, pair, kPairWidth), values);
                                          });
  if (whole < pairs && length % kPairWidth != 0) {
    Value pair = constantIndex(b, whole);
    result = body(pair, loadPair(row, begin, pair, length % kPairWidth), result);
    ++whole;
  }
  return forEachPair(b, constantIndex(b, whole), pairs - whole, unrolled, result, [&](Value pair, ArrayRef<Value> values) {
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

/// The magnitudes of a pair's entries, as bits: of non-negative floats the order of the bits is that of the values, then infinity, then
/// NaNs.
Value PrecomputeEmitter::magnitudes(Value lanes) {
  auto ints = VectorType::get({16}, b.getI32Type());
  Value bits = arith::BitcastOp::create(b, ints, upperHalves(lanes));
  return arith::AndIOp::create(b, bits, splatInt(b, 16, 32, 0x7fffffff));
}

/// `largestBits`: an i32, or 16 of them.
Quantization PrecomputeEmitter::quantize(Value largestBits) {
  auto type = dyn_cast<VectorType>(largestBits.getType());
  auto floatOf = [&](float value) { return type ? splatFloat(b, 16, value) : constant(value); };
  Type floats = type ? Type(type.clone(b.getF32Type())) : Type(b.getF32Type());
  bool narrow = kind.element == lowbit::TableElement::I8;
  Value largest = arith::BitcastOp::create(b, floats, largestBits);
  Value infinity = type ? splatInt(b, 16, 32, 0x7f800000)
                        : arith::ConstantOp::create(b, b.getI32IntegerAttr(0x7f800000)).getResult();
  Value isFinite = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, largestBits, infinity);
  Value isSmall = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, largest, floatOf(0x1p-100f));
  Value zero = floatOf(0.0f);
  Value inverse = arith::DivFOp::create(b, floatOf(narrow ? 127.0f : 32767.0f), largest);
  inverse = arith::SelectOp::create(b, isSmall, zero, inverse);
  Value scale = arith::MulFOp::create(b, largest, floatOf(narrow ? 0x1.020408p-7f : 0x1.0002p-15f));
  scale = arith::SelectOp::create(b, isSmall, zero, scale);
  scale = arith::SelectOp::create(b, isFinite, scale, floatOf(std::numeric_limits<float>::quiet_NaN()));
  return {scale, inverse, isFinite};
}

void PrecomputeEmitter::storeQuantized(Value row, Value index, Value pair, Value lanes,
                                       const Quantization &quantization) {
  Type stored = cast<MemRefType>(entries.getType()).getElementType();
  auto ints = VectorType::get({16}, b.getI32Type());
  // Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits. |T * inverse| is at most
  // 127 (1 + 2^-22), or 32767 times as much, which rounds to 127, or 32767: the clamp of the specification never acts.
  Value scaled = upperHalves(lanes);
  if (quantization.inverse)
    scaled = arith::MulFOp::create(b, scaled, quantization.inverse);
  Value shifted = arith::AddFOp::create(b, scaled, splatFloat(b, 16, 0x1.8p23f));
  Value rounded = arith::TruncIOp::create(b, VectorType::get({16}, stored),
                                          arith::BitcastOp::create(b, ints, shifted).getResult());
  Value zeros = splatInt(b, 16, stored.getIntOrFloatBitWidth(), 0);
  if (quantization.isFinite)
    rounded = arith::SelectOp::create(b, quantization.isFinite, rounded, zeros);
  Value negated = arith::SubIOp::create(b, zeros, rounded);
  // Entry i < 8 is minus entry 15 - i.
  SmallVector<int64_t> mask;
  for (int64_t table : {0, 1}) {
    for (int64_t i = 0; i < 8; ++i)
      mask.push_back(16 + 8 * table + 7 - i);
    for (int64_t i = 0; i < 8; ++i)
      mask.push_back(8 * table + i);
  }
  Value both = vector::ShuffleOp::create(b, rounded, negated, mask);
  vector::StoreOp::create(b, both, entries, ValueRange{row, index, affine(b, {}, 32, pair, 0)});
}

void PrecomputeEmitter::storeExact(Value row, Value index, Value pair, Value lanes) {
  SmallVector<int64_t> bits = llvm::to_vector(llvm::seq<int64_t>(0, 16));
  for (int64_t table : {0, 1}) {
    Value values = signedSums(b, lanes, SmallVector<int64_t>(16, table), bits);
    if (kind.element == lowbit::TableElement::F16)
      values = arith::TruncFOp::create(b, VectorType::get({16}, b.getF16Type()), values);
    vector::StoreOp::create(b, values, entries, ValueRange{row, index, affine(b, {}, 32, pair, 16 * table)});
  }
}

/// Tables of floats.
void PrecomputeEmitter::emitExact(Value row, Value index, int64_t length) {
  // The sum starts from the first table: -0.0 + x is x.
  SmallVector<Value> end =
      forPairs(row, index, length, {constant(-0.0f)}, [&](Value pair, Value lanes, ArrayRef<Value> values) {
        storeExact(row, index, pair, lanes);
        return SmallVector<Value>{addToSum(values[0], lanes)};
      });
  memref::StoreOp::create(b, end[0], sums, ValueRange{row, index});
  memref::StoreOp::create(b, constant(1.0f), scales, ValueRange{row, index});
}

/// Tables of codes: exact, and the sum in integers, since it may leave the 24 bits of an f32.
void PrecomputeEmitter::emitCodes(Value row, Value index, int64_t length) {
  auto ints = VectorType::get({kPairWidth}, b.getI32Type());
  Value zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  SmallVector<Value> end =
      forPairs(row, index, length, {zero}, [&](Value pair, Value lanes, ArrayRef<Value> values) {
        storeQuantized(row, index, pair, lanes, {});
        Value codes = arith::FPToSIOp::create(b, ints, lanes);
        Value sum = vector::ReductionOp::create(b, vector::CombiningKind::ADD, codes, values[0]);
        return SmallVector<Value>{sum};
      });
  Value column = kind.scale == lowbit::TableScale::Row ? constantIndex(b, 0) : index;
  Value scale = memref::LoadOp::create(b, activationScales, ValueRange{row, column});
  Value sum = arith::SIToFPOp::create(b, b.getF32Type(), end[0]);
  memref::StoreOp::create(b, scale, scales, ValueRange{row, column});
  memref::StoreOp::create(b, arith::MulFOp::create(b, scale, sum), sums, ValueRange{row, index});
}

/// Quantized tables with a scale each.
void PrecomputeEmitter::emitByTable(Value row, Value index, int64_t length) {
  Value firstScale = affine(b, {}, 2 * pairs, index, 0);
  SmallVector<Value> end =
      forPairs(row, index, length, {constant(-0.0f)}, [&](Value pair, Value lanes, ArrayRef<Value> values) {
        Value bits = magnitudes(lanes);
        SmallVector<Value> largest;
        for (int64_t table : {0, 1}) {
          Value half = vector::ExtractStridedSliceOp::create(b, bits, ArrayRef<int64_t>{8 * table}, ArrayRef<int64_t>{8},
                                                             ArrayRef<int64_t>{1});
          largest.push_back(splat(vector::ReductionOp::create(b, vector::CombiningKind::MAXUI, half)));
        }
        SmallVector<int64_t> mask;
        for (int64_t lane = 0; lane < 16; ++lane)
          mask.push_back(lane < 8 ? 0 : 16);
        Quantization quantization = quantize(vector::ShuffleOp::create(b, largest[0], largest[1], mask));
        storeQuantized(row, index, pair, lanes, quantization);
        for (int64_t table : {0, 1})
          memref::StoreOp::create(b, vector::ExtractOp::create(b, quantization.scale, ArrayRef<int64_t>{8 * table}), scales,
                                  ValueRange{row, affine(b, firstScale, 2, pair, table)});
        return SmallVector<Value>{addToSum(values[0], lanes)};
      });
  memref::StoreOp::create(b, end[0], sums, ValueRange{row, index});
}

/// Stores the group's sum; `largest`, of magnitudes so far, with the group's.
Value PrecomputeEmitter::emitSum(Value row, Value index, int64_t length, Value largest) {
  SmallVector<Value> end = forBlocks(row, index, length, /*isSecond=*/false, {constant(-0.0f), largest},
                                     [&](TableBlock &block, Value, ArrayRef<Value> values) {
                                       Value sum = values[0];
                                       for (Value table : block.getSums())
                                         sum = arith::AddFOp::create(b, sum, table);
                                       Value larger = arith::MaxUIOp::create(b, values[1], block.getLargest());
                                       return SmallVector<Value>{sum, larger};
                                     });
  end = forPairs(
      row, index, length, end,
      [&](Value, Value lanes, ArrayRef<Value> values) {
        Value larger = arith::MaxUIOp::create(b, values[1], magnitudes(lanes));
        return SmallVector<Value>{addToSum(values[0], lanes), larger};
      },
      getBlockPairs(length));
  memref::StoreOp::create(b, end[0], sums, ValueRange{row, index});
  return end[1];
}

void PrecomputeEmitter::emitQuantized(Value row, Value index, int64_t length, const Quantization &quantization) {
  Quantization splats = {{}, splat(quantization.inverse), quantization.isFinite};
  forBlocks(row, index, length, /*isSecond=*/true, {}, [&](TableBlock &block, Value pair, ArrayRef<Value>) {
    for (auto [part, bytes] : llvm::enumerate(block.quantize(quantization.inverse, quantization.isFinite))) {
      int64_t step = cast<VectorType>(bytes.getType()).getDimSize(0);
      vector::StoreOp::create(b, bytes, entries, ValueRange{row, index, affine(b, {}, 32, pair, step * part)});
    }
    return SmallVector<Value>();
  });
  forPairs(
      row, index, length, {},
      [&](Value pair, Value lanes, ArrayRef<Value>) {
        storeQuantized(row, index, pair, lanes, splats);
        return SmallVector<Value>();
      },
      getBlockPairs(length));
}

void PrecomputeEmitter::emitRow(Value row) {
  auto largestOf = [&](Value lanes) {
    return vector::ReductionOp::create(b, vector::CombiningKind::MAXUI, lanes).getResult();
  };
  Value none = splatInt(b, 16, 32, 0);
  if (lowbit::isQuantized(kind.element) && !integers && kind.scale == lowbit::TableScale::Row) {
    SmallVector<Value> largest = forGroups({none}, [&](Value index, int64_t length, ArrayRef<Value> values) {
      return SmallVector<Value>{emitSum(row, index, length, values[0])};
    });
    Quantization quantization = quantize(largestOf(largest[0]));
    memref::StoreOp::create(b, quantization.scale, scales, ValueRange{row, constantIndex(b, 0)});
    forGroups({}, [&](Value index, int64_t length, ArrayRef<Value>) {
      emitQuantized(row, index, length, quantization);
      return SmallVector<Value>();
    });
    return;
  }
  forGroups({}, [&](Value index, int64_t length, ArrayRef<Value>) {
    if (!lowbit::isQuantized(kind.element)) {
      emitExact(row, index, length);
    } else if (integers) {
      emitCodes(row, index, length);
    } else if (kind.scale == lowbit::TableScale::Table) {
      emitByTable(row, index, length);
    } else {
      Quantization quantization = quantize(largestOf(emitSum(row, index, length, none)));
      memref::StoreOp::create(b, quantization.scale, scales, ValueRange{row, index});
      emitQuantized(row, index, length, quantization);
    }
    return SmallVector<Value>();
  });
}

Ahead Ahead::take(ValueRange &buffers, int64_t streams, int64_t streamBytes) {
  if (streams == 0)
    return {};
  Ahead ahead{buffers.drop_back(1).back(), buffers.back(), streams, streamBytes};
  buffers = buffers.drop_back(2);
  return ahead;
}

void lutloops::emitPrecompute(ImplicitLocOpBuilder &b, ValueRange args, int64_t group, int64_t rest,
                              lowbit::TableScale scale, int64_t aheadStreams, int64_t aheadBytes) {
  ValueRange rows = args.take_back(2), buffers = args.drop_back(2);
  const Ahead ahead = Ahead::take(buffers, aheadStreams, aheadBytes);
  PrecomputeEmitter emitter(b, buffers, group, rest, scale, ahead);
  scf::ForOp::create(b, rows[0], rows[1], constantIndex(b, 1), ValueRange(),
                     [&](OpBuilder &, Location, Value row, ValueRange) {
                       emitter.emitRow(row);
                       scf::YieldOp::create(b);
                     });
}
