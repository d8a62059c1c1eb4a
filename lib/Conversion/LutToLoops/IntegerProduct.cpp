//===- IntegerProduct.cpp - the loops of a product of integer codes -------===//
//
// Per tile of 64 weight rows and block of K: the planes become a panel of bytes that stays in the first cache, once for all activation rows;
// then blocks of rows are multiplied with it. Between blocks of K, outputs wait in a scratch. A block is several groups, or a part of a long
// one, whose integer sums wait in a scratch too.
//
//     acc = bias + 2 sum code q            exact in 32 bits (constraint C5 of lut.integer_matmul); partial sums may wrap
//     y   = fma(alpha, fma(scale, f32(acc), zeta asum), y)          groups ascending: docs/spec/numerics.md, "The lookup product"
//
// Every output is one lane of one such chain, whatever the blocks are.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/IntegerKernel.h"
#include "lib/Conversion/LutToLoops/TripleCodes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

namespace {
/// Straight-line multiply-adds of a group, at most; beyond, quads are a loop.
constexpr int64_t kMaxUnrolledDots = 256;
/// Vectors of sums beside which the weights of two quads fit in registers.
constexpr int64_t kMaxSumsOfTwoQuads = 12;
/// Vectors of sums that are kept twice, for even and odd quads: a multiply-add takes some five cycles, in which ten could begin.
constexpr int64_t kMaxSumsApart = 8;
/// Activation rows whose products stay in the first cache over the groups of a block: 12 KB beside a group's panel.
constexpr int64_t kNearRows = 48;
static_assert(kNearRows % lowbit::kPanelBlockRows == 0 && kNearRows % 4 == 0, "blocks of six and of four rows are whole in them");
/// Activation rows in whose time the weights of the next blocks are asked for.
constexpr int64_t kAheadRows = 24;
static_assert(kPanelBytes / (2 * kQuadBytes) % 4 == 0, "parts of a long group are whole steps, of up to eight tables");
/// Rows ahead of the one that is stored whose place is asked for.
constexpr int64_t kStoredAhead = 4;

class IntegerEmitter {
public:
  IntegerEmitter(ImplicitLocOpBuilder &b, IntegerBuffers buffers, const Epilogue &epilogue, const GroupLayout &layout,
                 int64_t lastColumns, const ConvertLutToLoopsOptions &options);

  /// Emits the rows [firstRow, lastRow) times one tile.
  void emitTile(Value tile, Value firstRow, Value lastRow);

private:
  using Body = function_ref<void(Value)>;
  void forRange(Value begin, Value end, Value step, Body body);
  void takeRows(int64_t count);
  Value endOfBlocks(Value begin, Value end, int64_t count);
  void forRows(Value begin, Value end, ArrayRef<int64_t> counts, function_ref<void(Value row, int64_t count)> body);
  void forRows(Value firstRow, Value lastRow, function_ref<void(Value row, int64_t count)> body);
  void forLeft(Value begin, Value end, function_ref<void(Value row, int64_t count)> body);
  void forParts(Body body);
  Value scratch(int64_t count, Type element) {
    return memref::AllocaOp::create(b, MemRefType::get({count}, element), b.getI64IntegerAttr(kVectorBytes));
  }

  void emitPanel(Value offset, Value firstPair, Value lastPair, Value place);
  void emitNumbers(Value offset, Value place);
  void prefetchCodes(Value row, int64_t count, Value group);
  void multiplyGroup(Value row, int64_t count, Value firstRow, Value group, Value local, Value offset);
  void emitShortGroups(Value tileOffset, Value firstRow, Value lastRow);
  void emitLongGroups(Value tileOffset, Value firstRow, Value lastRow);
  void store(Value tile, Value firstRow, Value row);

  SmallVector<Value> loadLanes(Value buffer, Value at, Type element);
  void storeLanes(Value buffer, Value at, ArrayRef<Value> values);
  SmallVector<Value> multiply(ArrayRef<Value> sums, Value row, int64_t count, Value group, Value firstPair, int64_t pairs,
                              Value lastPair, Value panelPlace, Value part);
  SmallVector<Value> multiplyQuad(ArrayRef<Value> sums, Value row, int64_t count, Value group, Value quad, Value panelPlace,
                                  Value part);
  SmallVector<Value> multiplyQuads(ArrayRef<Value> sums, Value row, int64_t count, Value group, Value first, int64_t quads, Value last,
                                   Value panelPlace, Value part);
  SmallVector<Value> multiplyShort(ArrayRef<Value> sums, Value row, int64_t count, Value group, Value first, int64_t quads, Value last,
                                   Value panelPlace, Value part);
  bool startsFromBias() const { return codes.doubled || codes.shortQuads > 0; }
  SmallVector<Value> startSums(Value row, int64_t count, Value group);
  SmallVector<Value> scale(ArrayRef<Value> sums, ArrayRef<Value> products, Value row, int64_t count, Value group, Value numbersPlace, Value part);
  void prefetch(Value buffer, ValueRange place, bool isWrite) {
    memref::PrefetchOp::create(b, buffer, place, isWrite, /*localityHint=*/3, /*isDataCache=*/true);
  }
  Value splat(Value scalar) { return vector::BroadcastOp::create(b, VectorType::get({kLanes}, scalar.getType()), scalar); }

  Value loadBias(Value row, Value group) {
    return splat(memref::LoadOp::create(b, buffers.bias, ValueRange{group, row}));
  }

  ImplicitLocOpBuilder &b;
  IntegerBuffers buffers;
  const Epilogue &epilogue;
  const GroupLayout &layout;
  PanelCodes codes;
  int64_t lastColumns, prefetchBytes, lookupEntries;
  /// Activation rows whose sums are in registers together, and these sums: vectors of 16 weight rows.
  int64_t blockRows, blockSums;
  /// Vectors of weight rows of the block at hand: the fewer activation rows, the more, since sums of one row must not wait for each other.
  int64_t blockParts = 0;
  /// Groups of a block of K, or 0 when a group is longer than a block.
  int64_t blockGroups;
  /// Where in the weights to ask for what the next blocks of K are made of, a line for each quad that is multiplied; null: nowhere.
  Value ahead;
  Value groups, zero, one, panel, alphas, zetas, waiting, waitingSums;
};
} // namespace

IntegerEmitter::IntegerEmitter(ImplicitLocOpBuilder &b, IntegerBuffers buffers, const Epilogue &epilogue, const GroupLayout &layout,
                               int64_t lastColumns, const ConvertLutToLoopsOptions &options)
    : b(b), buffers(buffers), epilogue(epilogue), layout(layout), codes(layout, /*shortSums=*/options.accumulatorBits == 16), lastColumns(lastColumns),
      prefetchBytes(options.prefetchBytes), lookupEntries(options.lookupEntries) {
  bool wide = options.vectorRows >= kTileRows;
  blockRows = wide ? lowbit::kPanelBlockRows : 4;
  blockSums = wide ? 24 : 4;
  zero = constantIndex(b, 0);
  one = constantIndex(b, 1);
  groups = memref::DimOp::create(b, buffers.padded, zero);
  int64_t groupBytes = 2 * layout.pairs * kQuadBytes;
  blockGroups = kPanelBytes / groupBytes;
  panel = scratch(blockGroups > 0 ? blockGroups * groupBytes : kPanelBytes, b.getI8Type());
  alphas = scratch(std::max<int64_t>(blockGroups, 1) * kTileRows, b.getF32Type());
  if (!layout.zeta)
    zetas = scratch(std::max<int64_t>(blockGroups, 1) * kTileRows, b.getF32Type());
  waiting = scratch(kIntegerChunkRows * kTileRows, b.getF32Type());
  if (blockGroups == 0)
    waitingSums = scratch(kIntegerChunkRows * kTileRows, b.getI32Type());
}

void IntegerEmitter::forRange(Value begin, Value end, Value step, Body body) {
  scf::ForOp::create(b, begin, end, step, ValueRange(), [&](OpBuilder &, Location, Value index, ValueRange) {
    body(index);
    scf::YieldOp::create(b);
  });
}

/// Takes the next rows of a number: as many vectors of weight rows as there are sums for.
void IntegerEmitter::takeRows(int64_t count) {
  blockParts = llvm::bit_floor(static_cast<uint64_t>(std::min(kTileRows / kLanes, blockSums / count)));
}

/// The end of the blocks of `count` rows that fit in [begin, end).
Value IntegerEmitter::endOfBlocks(Value begin, Value end, int64_t count) {
  if (count == 1)
    return end;
  Value rows = arith::SubIOp::create(b, end, begin);
  return arith::SubIOp::create(b, end, arith::RemUIOp::create(b, rows, constantIndex(b, count)).getResult());
}

/// The rows [begin, end) in blocks of each of `counts`, one after the other.
void IntegerEmitter::forRows(Value begin, Value end, ArrayRef<int64_t> counts, function_ref<void(Value, int64_t)> body) {
  for (int64_t count : counts) {
    takeRows(count);
    Value last = endOfBlocks(begin, end, count);
    forRange(begin, last, constantIndex(b, count), [&](Value row) { body(row, count); });
    begin = last;
  }
}

/// Whole blocks of rows, then those that are left in a block of their own.
void IntegerEmitter::forRows(Value firstRow, Value lastRow, function_ref<void(Value, int64_t)> body) {
  forRows(firstRow, lastRow, {blockRows}, body);
  forLeft(endOfBlocks(firstRow, lastRow, blockRows), lastRow, body);
}

/// The rows [begin, end), fewer than a whole block: one of the loops goes once.
void IntegerEmitter::forLeft(Value begin, Value end, function_ref<void(Value, int64_t)> body) {
  forRows(begin, end, llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(1, blockRows))), body);
}

/// The first rows of the tile of each block of parts.
void IntegerEmitter::forParts(Body body) {
  forRange(zero, constantIndex(b, kTileRows), constantIndex(b, blockParts * kLanes), body);
}

/// The lanes of `blockParts` vectors from `at` on.
SmallVector<Value> IntegerEmitter::loadLanes(Value buffer, Value at, Type element) {
  SmallVector<Value> values;
  for (int64_t part = 0; part < blockParts; ++part)
    values.push_back(vector::LoadOp::create(b, VectorType::get({kLanes}, element), buffer,
                                            ValueRange{affine(b, at, 0, {}, part * kLanes)}));
  return values;
}

void IntegerEmitter::storeLanes(Value buffer, Value at, ArrayRef<Value> values) {
  for (auto [part, value] : llvm::enumerate(values))
    vector::StoreOp::create(b, value, buffer, ValueRange{affine(b, at, 0, {}, part * kLanes)});
}

/// The pairs [firstPair, lastPair) of the group at `offset`, to the panel from `place` on. `firstPair` begins a step, and only the group's last step is not whole.
void IntegerEmitter::emitPanel(Value offset, Value firstPair, Value lastPair, Value place) {
  if (layout.triples)
    return emitTriplePanel(b, layout, codes.doubled, buffers.weights, offset, firstPair, lastPair, panel, place, prefetchBytes,
                           lookupEntries);
  const int64_t tables = CodeStep::countTables(layout), pairs = tables / 2, left = layout.pairs % pairs;
  auto emit = [&](Value pair, Value step, int64_t count) {
    Value at = affine(b, place, 2 * kQuadBytes, arith::SubIOp::create(b, pair, firstPair), 0);
    emitPanelStep(b, layout, codes.doubled, buffers.weights, offset, step, count, panel, at, {prefetchBytes, /*level=*/1});
  };
  Value perStep = constantIndex(b, pairs), whole = constantIndex(b, layout.pairs - left);
  auto stepOf = [&](Value pair) -> Value { return pairs == 1 ? pair : arith::DivUIOp::create(b, pair, perStep).getResult(); };
  forRange(firstPair, left > 0 ? arith::MinUIOp::create(b, lastPair, whole).getResult() : lastPair, perStep, [&](Value pair) { emit(pair, stepOf(pair), tables); });
  if (left > 0)
    forRange(arith::MaxUIOp::create(b, firstPair, whole), lastPair, perStep, [&](Value pair) { emit(pair, stepOf(pair), 2 * left); });
}

/// The alphas and zetas of the group at `offset` as f32, from `place` on.
void IntegerEmitter::emitNumbers(Value offset, Value place) {
  auto convert = [&](Value numbers, int64_t begin, Type stored) {
    int64_t bytes = stored.getIntOrFloatBitWidth() / 8;
    for (int64_t row = 0; row < kTileRows; row += kLanes)
      vector::StoreOp::create(b, loadAsFloat(b, buffers.weights, affine(b, offset, 0, {}, begin + row * bytes), stored),
                              numbers, ValueRange{affine(b, place, 0, {}, row)});
  };
  convert(alphas, layout.alphaOffset, layout.alphaType);
  if (zetas)
    for (int64_t row = 0; row < kTileRows; row += kLanes)
      vector::StoreOp::create(b, loadZetas(b, buffers.weights, offset, layout, row), zetas, ValueRange{affine(b, place, 0, {}, row)});
}

/// Sums of no products: the bias, where sums are of twice the codes, or nothing.
SmallVector<Value> IntegerEmitter::startSums(Value row, int64_t count, Value group) {
  SmallVector<Value> sums;
  for (int64_t index = 0; index < count; ++index) {
    Value start = startsFromBias() ? loadBias(affine(b, row, 0, {}, index), group)
                                   : splatInt(b, kLanes, 32, 0);
    sums.append(blockParts, start);
  }
  return sums;
}

/// Adds the products of one quad of codes; `panelPlace` is where it begins, `part` the first row of the tile.
SmallVector<Value> IntegerEmitter::multiplyQuad(ArrayRef<Value> sums, Value row, int64_t count, Value group, Value quad,
                                                Value panelPlace, Value part) {
  auto bytes = VectorType::get({4 * kLanes}, b.getI8Type());
  SmallVector<Value> next(sums), weights;
  for (int64_t index = 0; index < blockParts; ++index)
    weights.push_back(vector::LoadOp::create(
        b, bytes, panel, ValueRange{affine(b, panelPlace, kQuad, part, index * kQuad * kLanes)}));
  for (int64_t index = 0; index < count; ++index) {
    Value loaded = vector::LoadOp::create(b, VectorType::get({kQuad}, b.getI8Type()), buffers.padded,
                                          ValueRange{group, affine(b, row, 0, {}, index), affine(b, {}, kQuad, quad, 0)});
    Value word = vector::BitCastOp::create(b, VectorType::get({1}, b.getI32Type()), loaded);
    Value codesOfRow =
        vector::BitCastOp::create(b, bytes, splat(vector::ExtractOp::create(b, word, ArrayRef<int64_t>{0})));
    for (int64_t sub = 0; sub < blockParts; ++sub) {
      Value &sum = next[index * blockParts + sub];
      sum = lut::DotOp::create(b, weights[sub], codesOfRow, sum, codes.largest);
    }
  }
  return next;
}

/// Adds the products of `pairs` pairs of quads from `firstPair` on, or of those up to `lastPair` when their number is not known (0).
SmallVector<Value> IntegerEmitter::multiply(ArrayRef<Value> sums, Value row, int64_t count, Value group, Value firstPair,
                                            int64_t pairs, Value lastPair, Value panelPlace, Value part) {
  Value first = affine(b, {}, 2, firstPair, 0), last = affine(b, {}, 2, lastPair, 0);
  if (codes.shortQuads > 0)
    return multiplyShort(sums, row, count, group, first, 2 * pairs, last, panelPlace, part);
  return multiplyQuads(sums, row, count, group, first, 2 * pairs, last, panelPlace, part);
}

/// The same in lanes of 16 bits, which are emptied into the sums, doubled, before they may overflow: `shortQuads` says when.
SmallVector<Value> IntegerEmitter::multiplyShort(ArrayRef<Value> sums, Value row, int64_t count, Value group, Value first, int64_t quads,
                                                 Value last, Value panelPlace, Value part) {
  auto empty = [&](ArrayRef<Value> values, Value from, int64_t number, Value to, Value place) {
    SmallVector<Value> lanes(values.size(), splatInt(b, 2 * kLanes, 16, 0)), next;
    lanes = multiplyQuads(lanes, row, count, group, from, number, to, place, part);
    for (auto [lane, sum] : llvm::zip_equal(lanes, values))
      next.push_back(lut::AccumulateOp::create(b, sum.getType(), lane, sum, b.getDenseI32ArrayAttr({2, 2})));
    return next;
  };
  if (quads > 0 && quads <= codes.shortQuads)
    return empty(sums, first, quads, last, panelPlace);
  // Whole runs of quads, and a rest, whose number is known when that of all is.
  Value step = constantIndex(b, codes.shortQuads), length = arith::SubIOp::create(b, last, first);
  Value whole = arith::SubIOp::create(b, last, arith::RemUIOp::create(b, length, step).getResult());
  auto placeOf = [&](Value quad) { return affine(b, panelPlace, kQuadBytes, arith::SubIOp::create(b, quad, first), 0); };
  auto loop = scf::ForOp::create(b, first, whole, step, sums, [&](OpBuilder &, Location, Value quad, ValueRange before) {
    Value end = arith::AddIOp::create(b, quad, step);
    scf::YieldOp::create(b, empty(llvm::to_vector(before), quad, codes.shortQuads, end, placeOf(quad)));
  });
  SmallVector<Value> values(loop.getResults());
  if (quads > 0 && quads % codes.shortQuads == 0)
    return values;
  return empty(values, whole, quads % codes.shortQuads, last, placeOf(whole));
}

/// Adds the products of `quads` quads from `first` on, or of those up to `last` when their number is not known (0). Both are even.
SmallVector<Value> IntegerEmitter::multiplyQuads(ArrayRef<Value> sums, Value row, int64_t count, Value group, Value first, int64_t number,
                                                 Value last, Value panelPlace, Value part) {
  SmallVector<Value> values(sums);
  const bool few = count * blockParts <= kMaxSumsOfTwoQuads;
  // So few sums would wait for themselves: every other quad has its own.
  const bool apart = count * blockParts <= kMaxSumsApart;
  const size_t width = values.size();
  if (apart) {
    auto type = cast<VectorType>(values.front().getType());
    values.append(width, splatInt(b, type.getDimSize(0), type.getElementTypeBitWidth(), 0));
  }
  auto stepApart = [&](MutableArrayRef<Value> all, int64_t index, Value quad, Value place) {
    MutableArrayRef<Value> own = apart ? all.slice(index % 2 * width, width) : all;
    llvm::copy(multiplyQuad(own, row, count, group, quad, place, part), own.begin());
  };
  auto join = [&](ArrayRef<Value> all) {
    SmallVector<Value> joined(all.take_front(width));
    for (size_t index = width; index < all.size(); ++index)
      joined[index - width] = arith::AddIOp::create(b, joined[index - width], all[index]);
    return joined;
  };
  if (few && number > 0 && number * count * blockParts <= kMaxUnrolledDots) {
    for (int64_t quad = 0; quad < number; ++quad)
      stepApart(values, quad, affine(b, first, 0, {}, quad), affine(b, panelPlace, 0, {}, quad * kQuadBytes));
    return join(values);
  }
  // A few sums wait for each other at the end of an iteration less often when it takes two quads; of many, two would need too many weights at once.
  int64_t quads = few ? 2 : 1;
  auto loop = scf::ForOp::create(
      b, first, last, constantIndex(b, quads), values, [&](OpBuilder &, Location, Value quad, ValueRange before) {
        Value place = affine(b, panelPlace, kQuadBytes, arith::SubIOp::create(b, quad, first), 0);
        SmallVector<Value> after(before);
        if (ahead)
          memref::PrefetchOp::create(b, buffers.weights, ValueRange{affine(b, ahead, kVectorBytes, quad, 0)}, /*isWrite=*/false,
                                     /*localityHint=*/2, /*isDataCache=*/true);
        for (int64_t index = 0; index < quads; ++index)
          stepApart(after, index, affine(b, quad, 0, {}, index), affine(b, place, 0, {}, index * kQuadBytes));
        scf::YieldOp::create(b, after);
      });
  return join(SmallVector<Value>(loop.getResults()));
}

/// y = fma(alpha, fma(scale, f32(acc), zeta asum), y) for a block.
SmallVector<Value> IntegerEmitter::scale(ArrayRef<Value> sums, ArrayRef<Value> products, Value row, int64_t count,
                                         Value group, Value numbersPlace, Value part) {
  auto floats = VectorType::get({kLanes}, b.getF32Type());
  Value at = arith::AddIOp::create(b, numbersPlace, part);
  SmallVector<Value> alpha = loadLanes(alphas, at, b.getF32Type()), zeta;
  if (zetas)
    zeta = loadLanes(zetas, at, b.getF32Type());
  else
    zeta.assign(blockParts, splatFloat(b, kLanes, layout.zeta.getValue().convertToFloat()));
  SmallVector<Value> next(products);
  for (int64_t index = 0; index < count; ++index) {
    Value place = affine(b, row, 0, {}, index);
    Value scale = loadSplat(b, buffers.scales, group, place);
    Value asum = loadSplat(b, buffers.sums, group, place);
    Value bias = startsFromBias() ? Value() : loadBias(place, group);
    for (int64_t sub = 0; sub < blockParts; ++sub) {
      Value sum = sums[index * blockParts + sub], &product = next[index * blockParts + sub];
      if (bias)
        sum = arith::AddIOp::create(b, bias, arith::ShLIOp::create(b, sum, splatInt(b, kLanes, 32, 1)));
      Value offset = arith::MulFOp::create(b, zeta[sub], asum);
      Value value = math::FmaOp::create(b, scale, arith::SIToFPOp::create(b, floats, sum), offset);
      product = math::FmaOp::create(b, alpha[sub], value, product);
    }
  }
  return next;
}

/// Asks for the codes of a group that the next near rows are multiplied with: they come from far, in pieces too short for a machine to guess them in time.
void IntegerEmitter::prefetchCodes(Value row, int64_t count, Value group) {
  for (int64_t index = 0; prefetchBytes > 0 && index < count; ++index)
    for (int64_t byte = 0; byte < 2 * kQuad * layout.pairs; byte += kVectorBytes)
      prefetch(buffers.padded, ValueRange{group, affine(b, row, 0, {}, kNearRows + index), constantIndex(b, byte)}, /*isWrite=*/false);
}

/// Adds the products of a group, which is the block's number `local`, to the waiting ones of `count` rows.
void IntegerEmitter::multiplyGroup(Value row, int64_t count, Value firstRow, Value group, Value local, Value offset) {
  int64_t quads = 2 * layout.pairs;
  // Without this memory would rest while rows are multiplied, and these while the next panel is made: much of the time where rows are some tens.
  if (prefetchBytes > 0) {
    Value done = arith::MinUIOp::create(b, arith::SubIOp::create(b, row, firstRow), constantIndex(b, kAheadRows));
    ahead = affine(b, affine(b, offset, 0, {}, blockGroups * layout.bytes), quads * kVectorBytes / blockRows, done, 0);
  }
  forParts([&](Value part) {
    auto waitingOf = [&](int64_t index) {
      return affine(b, part, kTileRows, affine(b, arith::SubIOp::create(b, row, firstRow), 0, {}, index), 0);
    };
    SmallVector<Value> sums = multiply(startSums(row, count, group), row, count, group, zero, layout.pairs,
                                       constantIndex(b, layout.pairs), affine(b, {}, quads * kQuadBytes, local, 0), part);
    SmallVector<Value> products;
    for (int64_t index = 0; index < count; ++index)
      products.append(loadLanes(waiting, waitingOf(index), b.getF32Type()));
    products = scale(sums, products, row, count, group, affine(b, {}, kTileRows, local, 0), part);
    for (int64_t index = 0; index < count; ++index)
      storeLanes(waiting, waitingOf(index), ArrayRef(products).slice(index * blockParts, blockParts));
  });
  ahead = {};
}

/// Blocks of whole groups. Some rows go through all groups of a block before the next rows do, so that their products wait in the first
/// cache: they are more than there are registers.
void IntegerEmitter::emitShortGroups(Value tileOffset, Value firstRow, Value lastRow) {
  Value pairs = constantIndex(b, layout.pairs), step = constantIndex(b, blockGroups), near = constantIndex(b, kNearRows);
  Value blocksEnd = endOfBlocks(firstRow, lastRow, blockRows);
  forRange(zero, groups, step, [&](Value firstGroup) {
    Value lastGroup = arith::MinUIOp::create(b, arith::AddIOp::create(b, firstGroup, step), groups);
    auto forGroups = [&](function_ref<void(Value, Value)> body) {
      forRange(firstGroup, lastGroup, one, [&](Value group) { body(group, arith::SubIOp::create(b, group, firstGroup)); });
    };
    forGroups([&](Value group, Value local) {
      Value offset = affine(b, tileOffset, layout.bytes, group, 0);
      emitPanel(offset, zero, pairs, affine(b, {}, 2 * layout.pairs * kQuadBytes, local, 0));
      emitNumbers(offset, affine(b, {}, kTileRows, local, 0));
    });
    forRange(firstRow, blocksEnd, near, [&](Value nearRow) {
      Value lastNear = arith::MinUIOp::create(b, arith::AddIOp::create(b, nearRow, near), blocksEnd);
      forGroups([&](Value group, Value local) {
        takeRows(blockRows);
        forRange(nearRow, lastNear, constantIndex(b, blockRows),
                 [&](Value row) {
                   prefetchCodes(row, blockRows, group);
                   multiplyGroup(row, blockRows, firstRow, group, local, affine(b, tileOffset, layout.bytes, group, 0));
                 });
      });
    });
    forLeft(blocksEnd, lastRow, [&](Value row, int64_t count) {
      forGroups([&](Value group, Value local) { multiplyGroup(row, count, firstRow, group, local, affine(b, tileOffset, layout.bytes, group, 0)); });
    });
  });
}

/// Groups longer than a block: sums wait until the group's last block.
void IntegerEmitter::emitLongGroups(Value tileOffset, Value firstRow, Value lastRow) {
  Value pairs = constantIndex(b, layout.pairs), step = constantIndex(b, kPanelBytes / (2 * kQuadBytes));
  auto place = [&](Value row, Value part, int64_t index) {
    return affine(b, part, kTileRows, affine(b, arith::SubIOp::create(b, row, firstRow), 0, {}, index), 0);
  };
  auto load = [&](Value buffer, Type element, Value row, int64_t count, Value part) {
    SmallVector<Value> values;
    for (int64_t index = 0; index < count; ++index)
      values.append(loadLanes(buffer, place(row, part, index), element));
    return values;
  };
  auto save = [&](Value buffer, ArrayRef<Value> values, Value row, int64_t count, Value part) {
    for (int64_t index = 0; index < count; ++index)
      storeLanes(buffer, place(row, part, index), values.slice(index * blockParts, blockParts));
  };
  forRange(zero, groups, one, [&](Value group) {
    Value offset = affine(b, tileOffset, layout.bytes, group, 0);
    emitNumbers(offset, zero);
    forRows(firstRow, lastRow, [&](Value row, int64_t count) {
      forParts([&](Value part) { save(waitingSums, startSums(row, count, group), row, count, part); });
    });
    forRange(zero, pairs, step, [&](Value firstPair) {
      Value lastPair = arith::MinUIOp::create(b, arith::AddIOp::create(b, firstPair, step), pairs);
      emitPanel(offset, firstPair, lastPair, zero);
      forRows(firstRow, lastRow, [&](Value row, int64_t count) {
        forParts([&](Value part) {
          SmallVector<Value> sums = load(waitingSums, b.getI32Type(), row, count, part);
          save(waitingSums, multiply(sums, row, count, group, firstPair, 0, lastPair, zero, part), row, count, part);
        });
      });
    });
    forRows(firstRow, lastRow, [&](Value row, int64_t count) {
      forParts([&](Value part) {
        SmallVector<Value> sums = load(waitingSums, b.getI32Type(), row, count, part);
        SmallVector<Value> products = load(waiting, b.getF32Type(), row, count, part);
        save(waiting, scale(sums, products, row, count, group, zero, part), row, count, part);
      });
    });
  });
}

/// The waiting products of `row` through the epilogue to the output.
void IntegerEmitter::store(Value tile, Value firstRow, Value row) {
  Value local = affine(b, {}, kTileRows, arith::SubIOp::create(b, row, firstRow), 0);
  // Rows of the output are far from each other: no machine guesses the next one.
  for (int64_t part = 0; part < kTileRows; part += kLanes)
    prefetch(buffers.out, ValueRange{affine(b, row, 0, {}, kStoredAhead), affine(b, {}, kTileRows, tile, part)}, /*isWrite=*/true);
  storeTile(b, buffers.out, row, tile, lastColumns, [&](int64_t part, Value column, Value mask) {
    auto product = vector::LoadOp::create(b, VectorType::get({kLanes}, b.getF32Type()), waiting, ValueRange{affine(b, local, 0, {}, part)});
    return applyEpilogue(b, epilogue, product, row, column, mask);
  });
}

void IntegerEmitter::emitTile(Value tile, Value firstRow, Value lastRow) {
  Value tileOffset = arith::MulIOp::create(b, tile, affine(b, {}, layout.bytes, groups, 0));
  forRange(firstRow, lastRow, one, [&](Value row) {
    Value local = affine(b, {}, kTileRows, arith::SubIOp::create(b, row, firstRow), 0);
    for (int64_t part = 0; part < kTileRows; part += kLanes)
      vector::StoreOp::create(b, splatFloat(b, kLanes, 0.0f), waiting, ValueRange{affine(b, local, 0, {}, part)});
  });
  if (blockGroups > 0)
    emitShortGroups(tileOffset, firstRow, lastRow);
  else
    emitLongGroups(tileOffset, firstRow, lastRow);
  forRange(firstRow, lastRow, one, [&](Value row) { store(tile, firstRow, row); });
}

void lutloops::emitIntegerMatmul(ImplicitLocOpBuilder &b, ValueRange args, const GroupLayout &layout, int64_t lastColumns, Region &region,
                                 const ConvertLutToLoopsOptions &options) {
  ValueRange ranges = args.take_back(4), buffers = args.drop_back(4);
  Epilogue epilogue{&region, llvm::to_vector(buffers.drop_front(5).drop_back())};
  IntegerEmitter emitter(b, {buffers[0], buffers[1], buffers[2], buffers[3], buffers[4], buffers.back()}, epilogue, layout, lastColumns, options);
  scf::ForOp::create(b, ranges[0], ranges[1], constantIndex(b, 1), ValueRange(), [&](OpBuilder &, Location, Value tile, ValueRange) {
    emitter.emitTile(tile, ranges[2], ranges[3]);
    scf::YieldOp::create(b);
  });
}
