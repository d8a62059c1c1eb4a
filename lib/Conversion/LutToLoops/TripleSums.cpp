//===- TripleSums.cpp - exact sums of entries of tables of three ----------===//
//
// A vector of 64 bytes holds indices into two tables for the rows of a tile (dialects/lowbit/IR/LookupTriples.h). Of each table one byte shuffle takes
// the entries, and those of negative sums of digits are subtracted from zero where a mask of signs says so.
//
// Widening, where a table is loaded for several tiles. Entries are biased by 128, so that they are unsigned bytes 1 to 255, and so are their negatives: 256 - (e + 128) = 128 - e. A 16-bit lane is
// two rows; lanes are added as they are, and once more their upper bytes alone, which are the odd rows. The even rows are what is left of the first sum
// when the second is taken off: three instructions for 64 lookups, and all of it modulo 2^16. Where each tile loads its table, to bias it costs more than
// that saves, and lut.accumulate takes the two rows of a lane apart.
//
// Range. 256 lookups of at most 255 are at most 65 280 in 16 bits; without the bias, at most 127 * 256 = 32 512 in magnitude. Longer groups add such
// chunks in 32 bits, where constraint C5 of lut.matmul keeps them.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/LookupTriples.h"
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

static_assert(lowbit::kTripleRows == kTileRows, "the layout's tiles are those of the loops");

/// Pairs of tables whose entries a 16-bit lane holds.
static constexpr int64_t kChunkPairs = 128;
/// What makes entries unsigned.
static constexpr int64_t kBias = 128;

namespace {
/// Emits the sums of a block for `lanes` lanes of a tile, which are as many rows.
class TripleSumsEmitter {
public:
  TripleSumsEmitter(ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t lanes)
      : b(b), block(block), begin(begin), lanes(lanes), tables(block.layout.tripleTables), bytes(VectorType::get({lanes}, b.getI8Type())),
        pairs16(VectorType::get({lanes / 2}, b.getI16Type())), isBiased(block.offsets.size() > 1 || lanes < kTileRows) {}

  GroupSums emit();

private:
  void prefetchPair(Value pair);
  Value loadIndices(Value offset, Value pair);
  Value loadLastIndices(Value offset);
  Value loadSigns(Value offset, Value table, int64_t past);
  Value loadTable(Value row, Value table, int64_t past);
  void addTable(MutableArrayRef<Value> sums, Value table, int64_t past, ArrayRef<Value> indices);
  SmallVector<Value> addPair(Value pair, ArrayRef<Value> before);
  SmallVector<Value> emitChunk(Value first, int64_t count, bool takesLast, ArrayRef<Value> totals);

  ImplicitLocOpBuilder &b;
  const GroupBlock &block;
  int64_t begin, lanes, tables;
  VectorType bytes, pairs16;
  /// Whether entries are made unsigned.
  bool isBiased;
};
} // namespace

/// Asks for a pair's share of the group's bytes, in the order in which they lie: what a pair reads itself lies in three places. As far ahead
/// as streams even where there is one: tables of three take more of the nearest cache, and what comes too early is gone again (3 % more time). In groups that are longer than that, the pair asks
/// for what follows its own places.
void TripleSumsEmitter::prefetchPair(Value pair) {
  if (!block.asksAhead() || begin != 0)
    return;
  const int64_t share = llvm::divideCeil(block.layout.bytes, llvm::divideCeil(tables, 2)), ahead = block.options.streamPrefetchBytes;
  if (block.layout.bytes > 2 * ahead) {
    for (Value offset : block.offsets) {
      block.ask(b, affine(b, offset, kTileRows, pair, ahead));
      // The signs are a quarter of the indices.
      block.ask(b, affine(b, offset, 2 * lowbit::kTripleSignBytes, pair, lowbit::kTripleIndexBytes * tables + ahead / 4));
    }
    return;
  }
  for (Value offset : block.offsets)
    for (int64_t line = 0; line < share; line += kVectorBytes)
      block.ask(b, affine(b, offset, share, pair, line + ahead));
}

/// The bytes with the indices of both tables of a pair.
Value TripleSumsEmitter::loadIndices(Value offset, Value pair) {
  return loadBytes(b, block.buffers.weights, affine(b, offset, kTileRows, pair, begin), b.getI8Type(), lanes);
}

/// The indices of a last table without a neighbour, in the low halves of bytes: the high halves are of the upper 32 lanes.
Value TripleSumsEmitter::loadLastIndices(Value offset) {
  Value low = loadBytes(b, block.buffers.weights, affine(b, offset, 0, {}, lowbit::kTripleIndexBytes * (tables - 1)), b.getI8Type(), kTileRows / 2);
  auto shifted = [&] { return arith::ShRUIOp::create(b, low, splatInt(b, kTileRows / 2, 8, 4)).getResult(); };
  if (lanes < kTileRows)
    return begin == 0 ? low : shifted();
  return vector::ShuffleOp::create(b, low, shifted(), llvm::to_vector(llvm::seq<int64_t>(0, kTileRows)));
}

/// A mask of the lanes whose sum is negative, in the table `past` tables behind `table`.
Value TripleSumsEmitter::loadSigns(Value offset, Value table, int64_t past) {
  Value place = affine(b, offset, lowbit::kTripleSignBytes, table, lowbit::kTripleIndexBytes * tables + lowbit::kTripleSignBytes * past);
  Value words = loadBytes(b, block.buffers.weights, place, b.getI64Type(), 1);
  Value word = vector::ExtractOp::create(b, words, ArrayRef<int64_t>{0});
  Value all = vector::BitCastOp::create(b, bytes, vector::BroadcastOp::create(b, VectorType::get({lanes / 8}, b.getI64Type()), word).getResult());
  SmallVector<APInt> bits;
  for (int64_t lane = begin; lane < begin + lanes; ++lane)
    bits.emplace_back(8, uint64_t(1) << (lane / 8));
  Value mask = arith::AndIOp::create(b, all, arith::ConstantOp::create(b, DenseElementsAttr::get(bytes, bits)));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, mask, splatInt(b, lanes, 8, 0));
}

/// The entries of a table, biased or not.
Value TripleSumsEmitter::loadTable(Value row, Value table, int64_t past) {
  Value entries = vector::LoadOp::create(b, VectorType::get({16}, b.getI8Type()), block.buffers.entries,
                                         ValueRange{row, block.group, affine(b, {}, 16, table, 16 * past)});
  return isBiased ? arith::XOrIOp::create(b, entries, splatInt(b, 16, 8, kBias)).getResult() : entries;
}

/// Adds what `indices`, of each tile, look up in the table `past` tables behind `table` to `sums`, two of each cell.
void TripleSumsEmitter::addTable(MutableArrayRef<Value> sums, Value table, int64_t past, ArrayRef<Value> indices) {
  const int64_t tiles = block.offsets.size();
  SmallVector<Value> rowTables, signs;
  for (Value row : block.rows)
    rowTables.push_back(loadTable(row, table, past));
  for (Value offset : block.offsets)
    signs.push_back(loadSigns(offset, table, past));
  for (auto [row, entries] : llvm::enumerate(rowTables))
    for (int64_t tile = 0; tile < tiles; ++tile) {
      Value found = lut::LookupOp::create(b, bytes, entries, indices[tile]);
      Value negated = arith::SubIOp::create(b, splatInt(b, lanes, 8, 0), found);
      Value signedValue = arith::SelectOp::create(b, signs[tile], negated, found);
      Value &all = sums[2 * (row * tiles + tile)], &odd = sums[2 * (row * tiles + tile) + 1];
      if (!isBiased) {
        all = lut::AccumulateOp::create(b, pairs16, signedValue, all, b.getDenseI32ArrayAttr({1, 0}));
        odd = lut::AccumulateOp::create(b, pairs16, signedValue, odd, b.getDenseI32ArrayAttr({0, 1}));
        continue;
      }
      Value value = vector::BitCastOp::create(b, pairs16, signedValue);
      all = arith::AddIOp::create(b, all, value);
      odd = arith::AddIOp::create(b, odd, arith::ShRUIOp::create(b, value, splatInt(b, lanes / 2, 16, 8)));
    }
}

SmallVector<Value> TripleSumsEmitter::addPair(Value pair, ArrayRef<Value> before) {
  SmallVector<Value> sums(before), low, high;
  prefetchPair(pair);
  for (Value offset : block.offsets) {
    low.push_back(loadIndices(offset, pair));
    high.push_back(arith::ShRUIOp::create(b, low.back(), splatInt(b, lanes, 8, 4)));
  }
  Value table = affine(b, {}, 2, pair, 0);
  addTable(sums, table, 0, low);
  addTable(sums, table, 1, high);
  return sums;
}

/// Adds the sums of `count` pairs from `first` on, and of the last table where it has no neighbour and the chunk takes it, to `totals`: of each cell, 16
/// rows after the other.
SmallVector<Value> TripleSumsEmitter::emitChunk(Value first, int64_t count, bool takesLast, ArrayRef<Value> totals) {
  // The bias of all lookups is taken off before they are added, modulo 2^16 like everything: of the odd rows, and of both.
  const int64_t bias = isBiased ? kBias * (2 * count + (takesLast ? 1 : 0)) : 0;
  Value start = splatInt(b, lanes / 2, 16, -bias & 0xffff), startOfBoth = splatInt(b, lanes / 2, 16, -257 * bias & 0xffff);
  SmallVector<Value> sums;
  for (int64_t cell = 0; cell < block.getCells(); ++cell)
    sums.append({startOfBoth, start});
  // A pair for four tiles is 8 lookups and as many requests: longer lines take 4 % more time.
  const int64_t unrolled = std::max<int64_t>(4 / block.getCells(), 1);
  sums = forEachPair(b, first, count, unrolled, sums, [&](Value pair, ArrayRef<Value> values) { return addPair(pair, values); });
  if (takesLast) {
    prefetchPair(constantIndex(b, tables / 2));
    SmallVector<Value> indices;
    for (Value offset : block.offsets)
      indices.push_back(loadLastIndices(offset));
    addTable(sums, constantIndex(b, tables - 1), 0, indices);
  }
  const int64_t parts = lanes / kLanes;
  SmallVector<Value> result(totals);
  for (int64_t cell = 0; cell < block.getCells(); ++cell) {
    Value odd = sums[2 * cell + 1];
    Value even = !isBiased ? sums[2 * cell] : arith::SubIOp::create(b, sums[2 * cell], arith::ShLIOp::create(b, odd, splatInt(b, lanes / 2, 16, 8)).getResult()).getResult();
    for (int64_t part = 0; part < parts; ++part) {
      Value rows = part % 2 == 0 ? even : odd;
      rows = vector::ExtractStridedSliceOp::create(b, rows, ArrayRef<int64_t>{part / 2 * kLanes}, ArrayRef<int64_t>{kLanes}, ArrayRef<int64_t>{1});
      Value wide = arith::ExtSIOp::create(b, VectorType::get({kLanes}, b.getI32Type()), rows);
      Value &total = result[cell * parts + part];
      total = total ? arith::AddIOp::create(b, total, wide).getResult() : wide;
    }
  }
  return result;
}

GroupSums TripleSumsEmitter::emit() {
  const int64_t pairs = tables / 2, parts = lanes / kLanes;
  // The last chunk takes a table without a neighbour, which it has room for but when it is whole.
  int64_t whole = pairs / kChunkPairs, rest = pairs % kChunkPairs;
  const bool hasLast = tables % 2 != 0;
  SmallVector<Value> totals(block.getCells() * parts);
  if (whole > 0) {
    totals.assign(totals.size(), splatInt(b, kLanes, 32, 0));
    auto loop = scf::ForOp::create(b, constantIndex(b, 0), constantIndex(b, whole * kChunkPairs), constantIndex(b, kChunkPairs), totals,
                                   [&](OpBuilder &, Location, Value pair, ValueRange values) {
                                     scf::YieldOp::create(b, emitChunk(pair, kChunkPairs, /*takesLast=*/false, llvm::to_vector(values)));
                                   });
    totals = SmallVector<Value>(loop.getResults());
  }
  if (rest > 0 || hasLast)
    totals = emitChunk(constantIndex(b, whole * kChunkPairs), rest, hasLast, totals);
  auto floats = VectorType::get({kLanes}, b.getF32Type());
  GroupSums sums(block.getCells());
  for (int64_t cell = 0; cell < block.getCells(); ++cell) {
    sums[cell].emplace_back();
    for (int64_t part = 0; part < parts; ++part)
      sums[cell].back().push_back(arith::SIToFPOp::create(b, floats, totals[cell * parts + part]));
  }
  return sums;
}

GroupSums lutloops::emitTripleSums(ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count) {
  return TripleSumsEmitter(b, block, begin, count).emit();
}
