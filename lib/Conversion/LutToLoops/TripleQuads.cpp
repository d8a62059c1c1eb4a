//===- TripleQuads.cpp - exact sums of four tables of three at a time -----===//
//
// The reader's side of `lookup_triples` with `quads` (dialects/lowbit/IR/LookupTriples.h). Four tables and their negatives are 128 bytes, two registers, and 64 rows of
// four tables 160 bytes of codes. lut.fields brings the number of a table and a row to bits 2 to 6 of a byte; a table's place in its quad is in bits 0 and 1, so that
// entries lie interleaved, and bit 6, the sign, chooses the register. What one lookup of 64 bytes gives is four tables of 16 rows, which lut.accumulate sums in 32 bits.
// Index and sign are shared by the activation rows of a block, for each of which a lookup and a sum take in 192 weights.
//
// Range. A lane adds at most 127 per table, and constraint C5 of lut.matmul keeps the group's sum in range.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/LookupTriples.h"
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

using lowbit::kTripleNumberBits;
using lowbit::kTripleQuadBytes;
using lowbit::kTripleQuadTables;
using lowbit::kTripleUnitBytes;

/// Bytes of a word whose fields are taken apart, words of a vector, and parts of 16 rows of a tile.
static constexpr int64_t kWordBytes = 8, kWords = kVectorBytes / kWordBytes, kParts = kTileRows / kLanes;
/// Where a field comes to lie in its byte: behind the bits of a table's place in its quad.
static constexpr int64_t kFieldPlace = 2;
static constexpr int64_t kFieldMask = ((1 << kTripleNumberBits) - 1) << kFieldPlace;
static constexpr int64_t kTableEntries = 16;

namespace {
/// Emits the sums of a block for the 16 rows each of parts [first, last) of its tiles.
class TripleQuadsEmitter {
public:
  TripleQuadsEmitter(ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t first, int64_t last)
      : b(b), block(block), first(first), last(last), parts(last - first), bytes(VectorType::get({kVectorBytes}, b.getI8Type())),
        mask(splatInt(b, kVectorBytes, 8, kFieldMask)), tableOfByte(constant([](int64_t byte) { return byte % kTripleQuadTables; })) {}

  GroupSums emit();

private:
  Value constant(function_ref<int64_t(int64_t)> byteAt);
  Value load(Value place);
  Value loadHalf(Value place);
  Value takeFields(Value words, function_ref<int64_t(int64_t word, int64_t byte)> bitAt);
  SmallVector<Value> loadQuad(Value place);
  SmallVector<Value> loadRest(Value place, int64_t rest);
  Value loadTables(Value row, Value table, int64_t count);
  void add(MutableArrayRef<Value> totals, ArrayRef<Value> indices, int64_t cell, Value entries, int64_t count);

  ImplicitLocOpBuilder &b;
  const GroupBlock &block;
  int64_t first, last, parts;
  VectorType bytes;
  Value mask, tableOfByte;
};
} // namespace

Value TripleQuadsEmitter::constant(function_ref<int64_t(int64_t)> byteAt) {
  SmallVector<APInt> values;
  for (int64_t byte = 0; byte < kVectorBytes; ++byte)
    values.emplace_back(8, byteAt(byte));
  return arith::ConstantOp::create(b, DenseElementsAttr::get(VectorType::get({kVectorBytes}, b.getI8Type()), values));
}

Value TripleQuadsEmitter::load(Value place) { return loadBytes(b, block.buffers.weights, place, b.getI8Type(), kVectorBytes); }

/// 32 bytes, twice.
Value TripleQuadsEmitter::loadHalf(Value place) {
  Value half = loadBytes(b, block.buffers.weights, place, b.getI8Type(), kVectorBytes / 2);
  SmallVector<int64_t> twice;
  for (int64_t byte = 0; byte < kVectorBytes; ++byte)
    twice.push_back(byte % (kVectorBytes / 2));
  return vector::ShuffleOp::create(b, half, half, twice);
}

/// The indices whose fields begin at `bitAt` of each word.
Value TripleQuadsEmitter::takeFields(Value words, function_ref<int64_t(int64_t, int64_t)> bitAt) {
  Value places = constant([&](int64_t byte) { return (bitAt(byte / kWordBytes, byte % kWordBytes) - kFieldPlace) & 63; });
  Value fields = lut::FieldsOp::create(b, words, places);
  return arith::OrIOp::create(b, arith::AndIOp::create(b, fields, mask).getResult(), tableOfByte);
}

/// The indices of a quad's four tables, for each part.
SmallVector<Value> TripleQuadsEmitter::loadQuad(Value place) {
  SmallVector<Value> indices;
  Value half;
  for (int64_t line = first / 2; line < last / 2; ++line) {
    Value words = load(affine(b, place, 0, {}, line * kVectorBytes));
    if (!half)
      half = loadHalf(affine(b, place, 0, {}, 2 * kVectorBytes));
    indices.push_back(takeFields(words, [&](int64_t word, int64_t byte) { return lowbit::getTripleTurn(line, word) + kTripleNumberBits * byte; }));
    // The bits that the even part has of the line are the odd part's, of the half.
    auto isOfHalf = [&](int64_t bit, int64_t word) { return ((bit - lowbit::getTripleTurn(line, word)) & 63) < lowbit::kTripleHalfBits; };
    auto bitsOf = [&](bool ofHalf) {
      return constant([&](int64_t byte) {
        int64_t bits = 0;
        for (int64_t bit = 0; bit < 8; ++bit)
          if (isOfHalf(byte % kWordBytes * 8 + bit, byte / kWordBytes) == ofHalf)
            bits |= int64_t(1) << bit;
        return bits;
      });
    };
    Value mixed = arith::OrIOp::create(b, arith::AndIOp::create(b, half, bitsOf(true)).getResult(), arith::AndIOp::create(b, words, bitsOf(false)).getResult());
    indices.push_back(takeFields(mixed, [&](int64_t word, int64_t byte) {
      return lowbit::getTripleTurn(line, word) + lowbit::kTripleFieldBits + kTripleNumberBits * byte;
    }));
  }
  return indices;
}

/// The indices of the `rest` tables behind the last quad, for each part; those of the other bytes are of no table.
SmallVector<Value> TripleQuadsEmitter::loadRest(Value place, int64_t rest) {
  SmallVector<int64_t> spread;
  for (int64_t byte = 0; byte < kVectorBytes; ++byte)
    spread.push_back(std::min(byte / kWordBytes * (kTripleUnitBytes / kWords) + byte % kWordBytes, kVectorBytes - 1));
  SmallVector<Value> units;
  for (int64_t unit = 0; unit < rest; ++unit) {
    // What follows the last unit are scales of two bytes a row at least: the vector ends within them.
    Value loaded = load(affine(b, place, 0, {}, kTripleUnitBytes * unit));
    units.push_back(vector::ShuffleOp::create(b, loaded, loaded, spread));
  }
  SmallVector<Value> indices;
  for (int64_t part = first; part < last; ++part) {
    // The place of a byte's number. A byte without a table takes that of table 0.
    auto placeOf = [&](int64_t byte) {
      const int64_t table = byte % kTripleQuadTables;
      return lowbit::getTripleNumberPlace(rest, part, byte / kTripleQuadTables, table < rest ? table : 0);
    };
    Value words;
    for (int64_t unit = 0; unit < rest; ++unit) {
      uint64_t bits = 0;
      for (int64_t byte = 0; byte < kWordBytes; ++byte)
        if (placeOf(byte).unit == unit)
          bits |= uint64_t((1 << kTripleNumberBits) - 1) << (kTripleNumberBits * placeOf(byte).field);
      if (bits == 0)
        continue;
      // Only where a part is of several units do their other fields matter.
      Value own = units[unit];
      if (rest == 3 && part == 3)
        own = arith::AndIOp::create(b, own, constant([&](int64_t byte) { return int64_t(bits >> (byte % kWordBytes * 8) & 255); }));
      words = words ? arith::OrIOp::create(b, words, own).getResult() : own;
    }
    indices.push_back(takeFields(words, [&](int64_t, int64_t byte) { return kTripleNumberBits * placeOf(byte).field; }));
  }
  return indices;
}

/// `count` tables from `table` on, entry by entry, and their negatives behind them.
Value TripleQuadsEmitter::loadTables(Value row, Value table, int64_t count) {
  // The last tables are loaded with those before them, if there are: a vector of another length would be taken apart.
  const int64_t before = block.layout.tripleTables < kTripleQuadTables ? 0 : kTripleQuadTables - count;
  Value place = affine(b, {}, kTableEntries, table, -before * kTableEntries);
  auto type = VectorType::get({(before + count) * kTableEntries}, b.getI8Type());
  Value loaded = vector::LoadOp::create(b, type, block.buffers.entries, ValueRange{row, block.group, place});
  SmallVector<int64_t> interleaved, both;
  for (int64_t byte = 0; byte < kVectorBytes; ++byte)
    interleaved.push_back((before + std::min(byte % kTripleQuadTables, count - 1)) * kTableEntries + byte / kTripleQuadTables);
  Value entries = vector::ShuffleOp::create(b, loaded, loaded, interleaved);
  Value negatives = arith::SubIOp::create(b, splatInt(b, kVectorBytes, 8, 0), entries);
  for (int64_t byte = 0; byte < 2 * kVectorBytes; ++byte)
    both.push_back(byte);
  return vector::ShuffleOp::create(b, entries, negatives, both);
}

/// Adds what `indices`, one vector for each part, find in `count` tables to the totals of a cell.
void TripleQuadsEmitter::add(MutableArrayRef<Value> totals, ArrayRef<Value> indices, int64_t cell, Value entries, int64_t count) {
  SmallVector<int32_t> weights(kTripleQuadTables, 0);
  std::fill_n(weights.begin(), count, 1);
  for (int64_t part = 0; part < parts; ++part) {
    Value found = lut::LookupOp::create(b, bytes, entries, indices[part]);
    Value &total = totals[cell * parts + part];
    total = lut::AccumulateOp::create(b, total.getType(), found, total, b.getDenseI32ArrayAttr(weights));
  }
}

GroupSums TripleQuadsEmitter::emit() {
  const int64_t quads = block.layout.tripleTables / kTripleQuadTables, rest = block.layout.tripleTables % kTripleQuadTables;
  SmallVector<Value> totals(block.getCells() * parts, splatInt(b, kLanes, 32, 0));
  auto addTables = [&](Value quad, int64_t count, ArrayRef<Value> before) {
    SmallVector<Value> result(before);
    Value table = affine(b, {}, kTripleQuadTables, quad, 0), entries;
    for (auto [tile, offset] : llvm::enumerate(block.offsets)) {
      Value place = affine(b, offset, kTripleQuadBytes, quad, 0);
      // Requests lie between the rows, or the tiles: LLVM moves no loads across them, and would else load everything first, for which there are too few registers.
      int64_t asked = last == kParts ? 0 : count * kTripleUnitBytes;
      auto askUntil = [&](int64_t end) {
        for (; asked < end; asked += kVectorBytes)
          block.prefetch(b, affine(b, place, 0, {}, asked));
      };
      const int64_t rows = block.rows.size();
      if (rows == 1)
        askUntil(count * kTripleUnitBytes);
      SmallVector<Value> indices = count == kTripleQuadTables ? loadQuad(place) : loadRest(place, count);
      for (int64_t row = 0; row < rows; ++row) {
        askUntil(count * kTripleUnitBytes * (row + 1) / rows);
        if (rows > 1 || tile == 0)
          entries = loadTables(block.rows[row], table, count);
        add(result, indices, row * block.offsets.size() + tile, entries, count);
      }
    }
    return result;
  };
  totals = forEachPair(b, constantIndex(b, 0), quads, /*unrolled=*/1, totals,
                       [&](Value quad, ArrayRef<Value> before) { return addTables(quad, kTripleQuadTables, before); });
  if (rest > 0)
    totals = addTables(constantIndex(b, quads), rest, totals);
  auto floats = VectorType::get({kLanes}, b.getF32Type());
  GroupSums sums(block.getCells());
  for (auto [cell, cellSums] : llvm::enumerate(sums)) {
    cellSums.emplace_back();
    for (int64_t part = 0; part < parts; ++part)
      cellSums.back().push_back(arith::SIToFPOp::create(b, floats, totals[cell * parts + part]));
  }
  return sums;
}

GroupSums lutloops::emitTripleQuadSums(ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count) {
  return TripleQuadsEmitter(b, block, begin / kLanes, (begin + count) / kLanes).emit();
}
