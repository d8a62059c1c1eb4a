//===- IntegerPanel.cpp - bit planes to bytes of codes --------------------===//
//
// A row's lane of 32 bits holds 8 codes: bit 8 p + 4 h + i is bit p of code 4 h + i. Wanted is bit 8 i + 4 h + p: byte i has code i in its low half and
// code 4 + i in its high one. These are places of 5 bits, p1 p0 h i1 i0 and i1 i0 h p1 p0: p1 and i1 are exchanged, then p0 and i0, and each
// exchange is a shift to the right, one to the left, and two operations of bits (of three operands where a machine has them).
//
// In a layout with `quads` the lane of a run of two planes has 16 codes, t0 p0 t1 i1 i0, and that of a plane 32, t1 t0 t2 i1 i0, with the bits t of the table. The same
// exchanges make them i1 i0 t1 t0 p0 and i1 i0 t2 t1 t0: byte i has code i of all tables, in their order.
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

/// The codes of the planes of a run that is two bytes of each row in a pair: those of 16 rows from `row` on, the low nibbles are codes 0 to 3, the high ones 4 to 7.
static Value codesOfWords(ImplicitLocOpBuilder &b, const PlaneRun &run, Value weights, Value place, int64_t row) {
  Value words = arith::ExtUIOp::create(b, VectorType::get({kLanes}, b.getI32Type()), loadBytes(b, weights, place, b.getI16Type(), kLanes));
  return run.width == 2 ? codesOfTwo(b, words) : codesOfOne(b, words, row / (kTileRows / 2));
}

int64_t CodeStep::countTables(const GroupLayout &layout) { return layout.quads ? 8 / layout.runs.back().width : 2; }

CodeStep::CodeStep(ImplicitLocOpBuilder &b, const GroupLayout &layout, bool doubled, const Place &place, int64_t tables, const AheadOfLoads &ahead)
    : builder(&b), layout(&layout), doubled(doubled) {
  // The place of row `row`, which has `bytes` bytes, in a part that has `step` bytes for each step and begins `begin` bytes behind the group.
  auto placeOf = [&](int64_t step, int64_t begin, int64_t bytes, int64_t row) {
    Value at = affine(b, affine(b, place.offset, step, place.step, begin + bytes * row), bytes * kLanes, place.sixteens, 0);
    // Once for each line: side by side with the loads, since prefetches in a burst fill the line buffers.
    if (row * bytes % kVectorBytes == 0)
      ahead.ask(b, place.weights, at);
    return at;
  };
  if (!layout.codebook.empty()) {
    Value at = placeOf(kQuadBytes, 0, kQuad, place.row);
    indices = loadBytes(b, place.weights, at, b.getI8Type(), kQuad * kLanes);
    return;
  }
  for (const PlaneRun &run : layout.runs) {
    const int64_t perLane = run.width == 4 || layout.quads ? 8 / run.width : 2, step = countTables(layout) / perLane * kQuadBytes;
    SmallVector<Value> &own = lanes.emplace_back();
    if (run.width == 4 || layout.quads) {
      for (int64_t first = 0; first < tables; first += perLane) {
        Value at = placeOf(step, run.offset + first / perLane * kQuadBytes, kQuad, place.row);
        own.push_back(codesOfFour(b, loadBytes(b, place.weights, at, b.getI32Type(), kLanes)));
      }
      continue;
    }
    // Two bytes: the planes of a row, or (one plane) the codes of rows r and r + 32, the second of which find the line asked for.
    const int64_t row = run.width == 1 ? place.row % (kTileRows / 2) : place.row;
    Value at = affine(b, affine(b, place.offset, run.width * kTileRows, place.step, run.offset + 2 * row), 2 * kLanes, place.sixteens, 0);
    if (row == place.row && 2 * row % kVectorBytes == 0)
      ahead.ask(b, place.weights, at);
    own.push_back(codesOfWords(b, run, place.weights, at, place.row));
  }
}

/// Indices into a codebook: those of codes 0 to 3 are the low halves of a row's bytes, as of a run of planes, and so one shuffle looks up a quad.
Value CodeStep::lookUp(int64_t table) {
  ImplicitLocOpBuilder &b = *builder;
  SmallVector<APInt> entries;
  for (int64_t index = 0; index < lowbit::kCodebookEntries; ++index)
    entries.emplace_back(8, index < static_cast<int64_t>(layout->codebook.size()) ? layout->codebook[index] << (doubled ? 1 : 0) : 0);
  auto tableType = VectorType::get({lowbit::kCodebookEntries}, b.getI8Type());
  Value codebook = arith::ConstantOp::create(b, DenseElementsAttr::get(tableType, entries));
  Value places = table == 0 ? indices : arith::ShRUIOp::create(b, indices, splatInt(b, kQuad * kLanes, 8, 4)).getResult();
  return lut::LookupOp::create(b, indices.getType(), codebook, places);
}

Value CodeStep::getQuad(int64_t table) {
  if (indices)
    return lookUp(table);
  ImplicitLocOpBuilder &b = *builder;
  Value quad;
  for (auto [run, own] : llvm::zip_equal(layout->runs, lanes)) {
    const int64_t perLane = run.width == 4 || layout->quads ? 8 / run.width : 2;
    // Where the run's bits go in a byte; what a shift moves in from the neighbours is masked.
    const int64_t up = run.first + (doubled ? 1 : 0), down = table % perLane * (8 / perLane);
    const uint32_t mask = 0x01010101u * (((1u << run.width) - 1) << up);
    quad = orLanes(b, quad, maskLanes(b, shiftLeft(b, own[table / perLane], up - down), mask));
  }
  return vector::BitCastOp::create(b, VectorType::get({kQuad * kLanes}, b.getI8Type()), quad);
}

PanelCodes::PanelCodes(const GroupLayout &layout, bool shortSums) : largest(layout.getLargestCode()) {
  // |a lane of 16 bits| <= 128 largest for each of its two products in a quad.
  if (shortSums && largest > 0 && largest <= 127)
    shortQuads = std::numeric_limits<int16_t>::max() / (2 * 128 * largest) / 2 * 2;
  doubled = shortQuads == 0 && layout.planes <= 6;
  largest = std::max<int64_t>(largest << (doubled ? 1 : 0), 1);
}

void lutloops::emitPanelStep(ImplicitLocOpBuilder &b, const GroupLayout &layout, bool doubled, Value weights, Value offset, Value step, int64_t tables, Value panel,
                             Value place, const AheadOfLoads &ahead) {
  Value zero = constantIndex(b, 0);
  for (int64_t row = 0; row < kTileRows; row += kLanes) {
    CodeStep codes(b, layout, doubled, {weights, offset, step, zero, row}, tables, ahead);
    for (int64_t table = 0; table < tables; ++table)
      vector::StoreOp::create(b, codes.getQuad(table), panel, ValueRange{affine(b, place, 0, {}, table * kQuadBytes + kQuad * row)});
  }
}
