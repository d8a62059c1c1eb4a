//===- IntegerPanel.cpp - bit planes to bytes of codes --------------------===//
//
// A code byte holds 8 codes' bits of one plane: codes 0 to 3 in the low nibble, 4 to 7 in the high one. So (byte >> i) & 0x11 is bit p of
// codes i and 4 + i, one in each nibble, and the planes of a row, which are neighbours, sum to both codes by their powers of two in
// one multiply-add. Four such sums make a lane whose low nibbles are codes 0 to 3 and whose high ones are 4 to 7.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/IntegerKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <limits>

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

static Value shiftLeft(ImplicitLocOpBuilder &b, Value lanes, int64_t bits) {
  if (bits == 0)
    return lanes;
  Value amount = splatInt(b, kLanes, 32, std::abs(bits));
  return bits > 0 ? arith::ShLIOp::create(b, lanes, amount).getResult()
                  : arith::ShRUIOp::create(b, lanes, amount).getResult();
}

static Value maskLanes(ImplicitLocOpBuilder &b, Value lanes, uint32_t mask) {
  return arith::AndIOp::create(b, lanes, splatInt(b, kLanes, 32, mask));
}

static Value orLanes(ImplicitLocOpBuilder &b, Value left, Value right) {
  return left ? arith::OrIOp::create(b, left, right).getResult() : right;
}

/// Four planes: each lane of 32 bits has a row's four bytes.
static Value codesOfFour(ImplicitLocOpBuilder &b, Value lanes) {
  auto bytes = VectorType::get({4 * kLanes}, b.getI8Type());
  Value result;
  for (int64_t i = 0; i < kQuad; ++i) {
    Value bits = maskLanes(b, shiftLeft(b, lanes, -i), 0x11111111u);
    Value source = vector::BitCastOp::create(b, bytes, bits);
    Value codes = lut::AccumulateOp::create(b, source, splatInt(b, kLanes, 32, 0), b.getDenseI32ArrayAttr({1, 2, 4, 8}));
    result = orLanes(b, result, shiftLeft(b, codes, 8 * i));
  }
  return result;
}

/// Two planes, in the low half of a lane. Codes 0 and 2 share one multiply-add of neighbours, 1 and 3 another.
static Value codesOfTwo(ImplicitLocOpBuilder &b, Value lanes) {
  auto bytes = VectorType::get({4 * kLanes}, b.getI8Type());
  auto lanesType = VectorType::get({kLanes}, b.getI32Type());
  Value result;
  for (int64_t i : {0, 1}) {
    Value low = maskLanes(b, shiftLeft(b, lanes, -i), 0x1111u);
    Value high = maskLanes(b, shiftLeft(b, lanes, 16 - (i + 2)), 0x11110000u);
    Value source = vector::BitCastOp::create(b, bytes, orLanes(b, low, high));
    Value sums = lut::AccumulateOp::create(b, source, splatInt(b, 2 * kLanes, 16, 0), b.getDenseI32ArrayAttr({1, 2}));
    result = orLanes(b, result, shiftLeft(b, vector::BitCastOp::create(b, lanesType, sums), 8 * i));
  }
  return result;
}

/// One plane, in byte `byte` of a lane.
static Value codesOfOne(ImplicitLocOpBuilder &b, Value lanes, int64_t byte) {
  Value result;
  for (int64_t i = 0; i < kQuad; ++i)
    result = orLanes(b, result, maskLanes(b, shiftLeft(b, lanes, 8 * i - (8 * byte + i)), 0x11u << (8 * i)));
  return result;
}

namespace {
/// Where a run's bytes lie, and how far ahead to ask for them.
struct Source {
  Value weights, offset, pair;
  int64_t prefetchBytes;
};
} // namespace

/// Asks for what lies behind `place`, once for each line: side by side with the loads, since prefetches in a burst fill the line buffers.
static void prefetch(ImplicitLocOpBuilder &b, const Source &source, Value place, int64_t row, int64_t bytes) {
  if (source.prefetchBytes > 0 && row * bytes % kVectorBytes == 0)
    memref::PrefetchOp::create(b, source.weights, ValueRange{affine(b, place, 0, {}, source.prefetchBytes)}, /*isWrite=*/false,
                               /*localityHint=*/3, /*isDataCache=*/true);
}

/// The codes of the planes of `run` for 16 rows from `row` on: a lane's low nibbles are codes 0 to 3, its high nibbles 4 to 7.
static Value codesOfRun(ImplicitLocOpBuilder &b, const PlaneRun &run, const Source &source, int64_t row) {
  auto lanes = VectorType::get({kLanes}, b.getI32Type());
  if (run.width == 4) {
    Value place = affine(b, source.offset, 4 * kTileRows, source.pair, run.offset + 4 * row);
    prefetch(b, source, place, row, 4);
    return codesOfFour(b, loadBytes(b, source.weights, place, b.getI32Type(), kLanes));
  }
  // Two bytes: the planes of a row, or (one plane) the codes of rows r and r + 32.
  int64_t half = run.width == 1 ? row / (kTileRows / 2) : 0;
  int64_t first = run.width == 1 ? row % (kTileRows / 2) : row;
  Value place = affine(b, source.offset, run.width * kTileRows, source.pair, run.offset + 2 * first);
  if (half == 0)
    prefetch(b, source, place, first, 2);
  Value words = loadBytes(b, source.weights, place, b.getI16Type(), kLanes);
  Value wide = arith::ExtUIOp::create(b, lanes, words);
  return run.width == 2 ? codesOfTwo(b, wide) : codesOfOne(b, wide, half);
}

/// Indices into a codebook: those of codes 0 to 3 are the low halves of a row's bytes, as of a run of planes, and so one shuffle looks up a quad.
static void emitCodebookPair(ImplicitLocOpBuilder &b, ArrayRef<int32_t> codebook, bool doubled, const Source &source, Value panel, Value place) {
  auto bytes = VectorType::get({4 * kLanes}, b.getI8Type());
  SmallVector<APInt> entries;
  for (int64_t index = 0; index < lowbit::kCodebookEntries; ++index)
    entries.emplace_back(8, index < static_cast<int64_t>(codebook.size()) ? codebook[index] << (doubled ? 1 : 0) : 0);
  auto tableType = VectorType::get({lowbit::kCodebookEntries}, b.getI8Type());
  Value table = arith::ConstantOp::create(b, DenseElementsAttr::get(tableType, entries));
  for (int64_t row = 0; row < kTileRows; row += kLanes) {
    Value at = affine(b, source.offset, 4 * kTileRows, source.pair, 4 * row);
    prefetch(b, source, at, row, 4);
    Value low = loadBytes(b, source.weights, at, b.getI8Type(), 4 * kLanes);
    Value high = arith::ShRUIOp::create(b, low, splatInt(b, 4 * kLanes, 8, 4));
    for (int64_t half : {0, 1})
      vector::StoreOp::create(b, lut::LookupOp::create(b, bytes, table, half == 0 ? low : high), panel,
                              ValueRange{affine(b, place, 0, {}, half * kQuadBytes + 4 * row)});
  }
}

PanelCodes::PanelCodes(const GroupLayout &layout, bool shortSums) : largest(layout.getLargestCode()) {
  // |a lane of 16 bits| <= 128 largest for each of its two products in a quad.
  if (shortSums && largest > 0 && largest <= 127)
    shortQuads = std::numeric_limits<int16_t>::max() / (2 * 128 * largest) / 2 * 2;
  doubled = shortQuads == 0 && layout.planes <= 6;
  largest = std::max<int64_t>(largest << (doubled ? 1 : 0), 1);
}

void lutloops::emitPanelPair(ImplicitLocOpBuilder &b, const GroupLayout &layout, bool doubled, Value weights, Value offset, Value pair,
                             Value panel, Value place, int64_t prefetchBytes) {
  auto bytes = VectorType::get({4 * kLanes}, b.getI8Type());
  if (!layout.codebook.empty())
    return emitCodebookPair(b, layout.codebook, doubled, {weights, offset, pair, prefetchBytes}, panel, place);
  for (int64_t row = 0; row < kTileRows; row += kLanes) {
    Value quads[2];
    for (const PlaneRun &run : layout.runs) {
      Value nibbles = codesOfRun(b, run, {weights, offset, pair, prefetchBytes}, row);
      // Where the run's bits go in a byte; what a shift moves in from the neighbours is masked.
      int64_t up = run.first + (doubled ? 1 : 0);
      uint32_t mask = 0x01010101u * (((1u << run.width) - 1) << up);
      for (int64_t half : {0, 1})
        quads[half] = orLanes(b, quads[half], maskLanes(b, shiftLeft(b, nibbles, up - 4 * half), mask));
    }
    for (int64_t half : {0, 1})
      vector::StoreOp::create(b, vector::BitCastOp::create(b, bytes, quads[half]), panel,
                              ValueRange{affine(b, place, 0, {}, half * kQuadBytes + 4 * row)});
  }
}
