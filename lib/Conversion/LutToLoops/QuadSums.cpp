//===- QuadSums.cpp - exact sums of one plane, four pairs at a time -------===//
//
// A byte of one plane's codes is a row's index into each table of a pair, and its neighbours are other rows: what is looked up of them has to be taken apart
// before it can be summed. Here the codes of four pairs are rearranged instead, so that four neighbouring bytes are one row's: a lookup in the four tables of
// a register of 64 entries, whose bits 4 and 5 of an index are the byte's place, then gives four entries of each row, and lut.accumulate sums them in 32 bits.
// Nine instructions take in 64 codes of two tables each, where ByteSums.cpp takes twelve; but two of them permute bytes of two registers, which not every
// machine does in a cycle.
//
// Range. A lane adds at most 127 per table, and constraint C5 of lut.matmul keeps the group's sum in range.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

/// Pairs that are looked up together, whose tables of either half fill a register.
static constexpr int64_t kQuadPairs = 4;
static constexpr int64_t kTableEntries = 16;

bool lutloops::canSumQuads(const GroupBlock &block) {
  const GroupLayout &layout = block.layout;
  return block.options.quickPermutes && block.options.lookupEntries == kQuadPairs * kTableEntries && block.options.accumulatorBits == 32 && block.options.vectorRows >= kTileRows &&
         layout.runs.size() == 1 && layout.runs.front().width == 1 && layout.pairs % kQuadPairs == 0;
}

/// The tables of either half of the pairs 4 `quad`, ..., 4 `quad` + 3, one after the other.
static std::array<Value, 2> loadTables(ImplicitLocOpBuilder &b, const GroupBlock &block, Value row, Value quad) {
  auto type = VectorType::get({kVectorBytes}, b.getI8Type());
  auto load = [&](int64_t part) {
    Value place = affine(b, {}, 2 * kVectorBytes, quad, part * kVectorBytes);
    return vector::LoadOp::create(b, type, block.buffers.entries, ValueRange{row, block.group, place}).getResult();
  };
  Value first = load(0), second = load(1);
  std::array<Value, 2> tables;
  for (int64_t half : {0, 1}) {
    SmallVector<int64_t> mask;
    for (int64_t entry = 0; entry < kVectorBytes; ++entry)
      mask.push_back((2 * (entry / kTableEntries) + half) * kTableEntries + entry % kTableEntries);
    tables[half] = vector::ShuffleOp::create(b, first, second, mask);
  }
  return tables;
}

/// Element i of the result is `unit` bytes of `x`, then of `y`, from place `places(i)` on.
static Value interleave(ImplicitLocOpBuilder &b, Value x, Value y, int64_t unit, function_ref<int64_t(int64_t)> place) {
  SmallVector<int64_t> mask;
  for (int64_t element = 0; element < kVectorBytes / (2 * unit); ++element)
    for (int64_t second : {0, 1})
      for (int64_t byte = 0; byte < unit; ++byte)
        mask.push_back(second * kVectorBytes + place(element) + byte);
  return vector::ShuffleOp::create(b, x, y, mask);
}

/// The codes of a tile: vector `part` has those of rows 16 `part`, ..., four pairs of each.
static SmallVector<Value> loadCodes(ImplicitLocOpBuilder &b, const GroupBlock &block, Value tileOffset, Value quad) {
  SmallVector<Value> lines, words, parts;
  for (int64_t pair = 0; pair < kQuadPairs; ++pair) {
    Value offset = affine(b, tileOffset, kQuadPairs * kTileRows, quad, block.layout.runs.front().offset + pair * kTileRows);
    block.prefetch(b, offset);
    lines.push_back(loadBytes(b, block.buffers.weights, offset, b.getI8Type(), kVectorBytes));
  }
  // Neighbouring bytes of a line are rows r and r + 32.
  for (int64_t half : {0, 1})
    for (int64_t pair = 0; pair < kQuadPairs; pair += 2)
      words.push_back(interleave(b, lines[pair], lines[pair + 1], 1, [&](int64_t element) { return 2 * element + half; }));
  for (int64_t part = 0; part < kTileRows / kLanes; ++part)
    parts.push_back(interleave(b, words[part / 2 * 2], words[part / 2 * 2 + 1], 2, [&](int64_t element) { return 2 * (part % 2 * kLanes + element); }));
  return parts;
}

GroupSums lutloops::emitQuadSums(ImplicitLocOpBuilder &b, const GroupBlock &block) {
  const int64_t tiles = block.offsets.size(), parts = kTileRows / kLanes;
  // A byte's place among its row's four is the table that it is looked up in.
  SmallVector<APInt> places;
  for (int64_t byte = 0; byte < kVectorBytes; ++byte)
    places.emplace_back(8, byte % kQuadPairs * kTableEntries);
  auto bytes = VectorType::get({kVectorBytes}, b.getI8Type());
  Value place = arith::ConstantOp::create(b, DenseElementsAttr::get(bytes, places)), low = splatInt(b, kVectorBytes, 8, 15), four = splatInt(b, kVectorBytes, 8, 4);
  SmallVector<Value> totals(block.getCells() * parts, splatInt(b, kLanes, 32, 0));
  totals = forEachPair(b, constantIndex(b, 0), block.layout.pairs / kQuadPairs, /*unrolled=*/1, totals, [&](Value quad, ArrayRef<Value> before) {
    SmallVector<Value> result(before);
    SmallVector<std::array<Value, 2>> tables;
    for (Value row : block.rows)
      tables.push_back(loadTables(b, block, row, quad));
    for (auto [tile, tileOffset] : llvm::enumerate(block.offsets))
      for (auto [part, codes] : llvm::enumerate(loadCodes(b, block, tileOffset, quad))) {
        Value halves[] = {arith::AndIOp::create(b, codes, low), arith::ShRUIOp::create(b, codes, four)};
        for (int64_t half : {0, 1}) {
          Value indices = arith::OrIOp::create(b, halves[half], place);
          for (unsigned row = 0; row < block.rows.size(); ++row) {
            Value entries = lut::LookupOp::create(b, bytes, tables[row][half], indices);
            Value &total = result[(row * tiles + tile) * parts + part];
            total = lut::AccumulateOp::create(b, total.getType(), entries, total, b.getDenseI32ArrayAttr({1, 1, 1, 1}));
          }
        }
      }
    return result;
  });
  auto floats = VectorType::get({kLanes}, b.getF32Type());
  GroupSums sums(block.getCells());
  for (auto [cell, cellSums] : llvm::enumerate(sums)) {
    cellSums.emplace_back();
    for (int64_t part = 0; part < parts; ++part)
      cellSums.back().push_back(arith::SIToFPOp::create(b, floats, totals[cell * parts + part]));
  }
  return sums;
}
