//===- IntegerPanel.cpp - bit planes to bytes of codes --------------------===//
//
// A row's lane of 32 bits holds 8 codes: bit 8 p + 4 h + i is bit p of code 4 h + i. Wanted is bit 8 i + 4 h + p: byte i has code i in its low half and
// code 4 + i in its high one. These are places of 5 bits, p1 p0 h i1 i0 and i1 i0 h p1 p0: p1 and i1 are exchanged, then p0 and i0, and each
// exchange is a shift to the right, one to the left, and two operations of bits (of three operands where a machine has them).
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

/// Exchanges the bits at `low` with those `distance` above.
static Value exchangeBits(ImplicitLocOpBuilder &b, Value lanes, int64_t distance, uint32_t low) {
  Value differing = maskLanes(b, arith::XOrIOp::create(b, lanes, shiftLeft(b, lanes, -distance)), low);
  Value both = arith::XOrIOp::create(b, differing, shiftLeft(b, differing, distance));
  return arith::XOrIOp::create(b, lanes, both);
}

/// Moves the bits at `moving` up by `distance`, to where there are zeros, and keeps those at `staying`.
static Value spreadBits(ImplicitLocOpBuilder &b, Value lanes, int64_t distance, uint32_t moving, uint32_t staying) {
  Value moved = shiftLeft(b, maskLanes(b, lanes, moving), distance);
  return orLanes(b, maskLanes(b, lanes, staying), moved);
}

/// Four planes.
static Value codesOfFour(ImplicitLocOpBuilder &b, Value lanes) {
  return exchangeBits(b, exchangeBits(b, lanes, 14, 0x0000CCCCu), 7, 0x00AA00AAu);
}

/// Two planes, in the low half of a lane: p1 is 0.
static Value codesOfTwo(ImplicitLocOpBuilder &b, Value lanes) {
  return exchangeBits(b, spreadBits(b, lanes, 14, 0xCCCCu, 0x3333u), 7, 0x00AA00AAu);
}

/// One plane, in byte `byte` of a lane: p1 and p0 are 0.
static Value codesOfOne(ImplicitLocOpBuilder &b, Value lanes, int64_t byte) {
  Value first = spreadBits(b, shiftLeft(b, lanes, -8 * byte), 14, 0xCCu, 0x33u);
  return spreadBits(b, first, 7, 0x00220022u, 0x00110011u);
}

void AheadOfLoads::ask(ImplicitLocOpBuilder &b, Value weights, Value place) const {
  if (bytes > 0)
    memref::PrefetchOp::create(b, weights, ValueRange{affine(b, place, 0, {}, bytes)}, /*isWrite=*/false, /*localityHint=*/4 - level, /*isDataCache=*/true);
}

namespace {
/// Where a run's bytes lie, how many times 16 rows after those that are asked for, and how far ahead to ask memory for them.
struct Source {
  Value weights, offset, pair, sixteens;
  AheadOfLoads ahead;
};
} // namespace

/// Asks for what lies behind `place`, once for each line: side by side with the loads, since prefetches in a burst fill the line buffers.
static void prefetch(ImplicitLocOpBuilder &b, const Source &source, Value place, int64_t row, int64_t bytes) {
  if (row * bytes % kVectorBytes == 0)
    source.ahead.ask(b, source.weights, place);
}

/// The place of row `row`, which has `bytes` bytes, in a run of `width` bytes for each row that begins `begin` bytes behind the group.
static Value placeOf(ImplicitLocOpBuilder &b, const Source &source, int64_t width, int64_t begin, int64_t bytes, int64_t row) {
  return affine(b, affine(b, source.offset, width * kTileRows, source.pair, begin + bytes * row), bytes * kLanes, source.sixteens, 0);
}

/// The codes of the planes of `run` for 16 rows from `row` on: a lane's low nibbles are codes 0 to 3, its high nibbles 4 to 7.
static Value codesOfRun(ImplicitLocOpBuilder &b, const PlaneRun &run, const Source &source, int64_t row) {
  auto lanes = VectorType::get({kLanes}, b.getI32Type());
  if (run.width == 4) {
    Value place = placeOf(b, source, 4, run.offset, 4, row);
    prefetch(b, source, place, row, 4);
    return codesOfFour(b, loadBytes(b, source.weights, place, b.getI32Type(), kLanes));
  }
  // Two bytes: the planes of a row, or (one plane) the codes of rows r and r + 32.
  int64_t half = run.width == 1 ? row / (kTileRows / 2) : 0;
  int64_t first = run.width == 1 ? row % (kTileRows / 2) : row;
  Value place = placeOf(b, source, run.width, run.offset, 2, first);
  if (half == 0)
    prefetch(b, source, place, first, 2);
  Value words = loadBytes(b, source.weights, place, b.getI16Type(), kLanes);
  Value wide = arith::ExtUIOp::create(b, lanes, words);
  return run.width == 2 ? codesOfTwo(b, wide) : codesOfOne(b, wide, half);
}

/// Indices into a codebook: those of codes 0 to 3 are the low halves of a row's bytes, as of a run of planes, and so one shuffle looks up a quad.
static CodeQuads lookUpCodebook(ImplicitLocOpBuilder &b, ArrayRef<int32_t> codebook, bool doubled, const Source &source, int64_t row) {
  auto bytes = VectorType::get({4 * kLanes}, b.getI8Type());
  SmallVector<APInt> entries;
  for (int64_t index = 0; index < lowbit::kCodebookEntries; ++index)
    entries.emplace_back(8, index < static_cast<int64_t>(codebook.size()) ? codebook[index] << (doubled ? 1 : 0) : 0);
  auto tableType = VectorType::get({lowbit::kCodebookEntries}, b.getI8Type());
  Value table = arith::ConstantOp::create(b, DenseElementsAttr::get(tableType, entries));
  Value at = placeOf(b, source, 4, 0, 4, row);
  prefetch(b, source, at, row, 4);
  Value low = loadBytes(b, source.weights, at, b.getI8Type(), 4 * kLanes);
  Value high = arith::ShRUIOp::create(b, low, splatInt(b, 4 * kLanes, 8, 4));
  return {lut::LookupOp::create(b, bytes, table, low), lut::LookupOp::create(b, bytes, table, high)};
}

PanelCodes::PanelCodes(const GroupLayout &layout, bool shortSums) : largest(layout.getLargestCode()) {
  // |a lane of 16 bits| <= 128 largest for each of its two products in a quad.
  if (shortSums && largest > 0 && largest <= 127)
    shortQuads = std::numeric_limits<int16_t>::max() / (2 * 128 * largest) / 2 * 2;
  doubled = shortQuads == 0 && layout.planes <= 6;
  largest = std::max<int64_t>(largest << (doubled ? 1 : 0), 1);
}

CodeQuads lutloops::emitCodeQuads(ImplicitLocOpBuilder &b, const GroupLayout &layout, bool doubled, Value weights, Value offset, Value pair,
                                  Value sixteens, int64_t row, const AheadOfLoads &ahead) {
  const Source source{weights, offset, pair, sixteens, ahead};
  if (!layout.codebook.empty())
    return lookUpCodebook(b, layout.codebook, doubled, source, row);
  CodeQuads quads;
  for (const PlaneRun &run : layout.runs) {
    Value nibbles = codesOfRun(b, run, source, row);
    // Where the run's bits go in a byte; what a shift moves in from the neighbours is masked.
    int64_t up = run.first + (doubled ? 1 : 0);
    uint32_t mask = 0x01010101u * (((1u << run.width) - 1) << up);
    for (int64_t half : {0, 1})
      quads[half] = orLanes(b, quads[half], maskLanes(b, shiftLeft(b, nibbles, up - 4 * half), mask));
  }
  for (Value &quad : quads)
    quad = vector::BitCastOp::create(b, VectorType::get({4 * kLanes}, b.getI8Type()), quad);
  return quads;
}

void lutloops::emitPanelPair(ImplicitLocOpBuilder &b, const GroupLayout &layout, bool doubled, Value weights, Value offset, Value pair,
                             Value panel, Value place, const AheadOfLoads &ahead) {
  Value zero = constantIndex(b, 0);
  for (int64_t row = 0; row < kTileRows; row += kLanes) {
    CodeQuads quads = emitCodeQuads(b, layout, doubled, weights, offset, pair, zero, row, ahead);
    for (int64_t half : {0, 1})
      vector::StoreOp::create(b, quads[half], panel, ValueRange{affine(b, place, 0, {}, half * kQuadBytes + 4 * row)});
  }
}
