//===- IntegerSingle.cpp - one row of integer codes times triples ---------===//
//
// A single activation row reads every weight once: a panel would be a detour. Codes go from the registers where they are unpacked into the sums,
// and several tiles are read side by side, as in Matmul.cpp. The numbers are those of IntegerProduct.cpp: a group's sum is an exact
// integer within 32 bits (constraint C5 of lut.integer_matmul), and
//
//     y = fma(alpha, fma(scale, f32(acc), zeta asum), y)          groups ascending
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
/// Rows of a tile whose sums are in registers together, at most. Of all 64 of two tiles, the scheduler gathers the loads at a block's beginning, where
/// they take the registers of the sums, and the prefetches at its end, where there are not line fill buffers for all.
constexpr int64_t kMaxRowsAtOnce = 32;
/// Blocks of triples that these rows go through before the next rows do: the lines between theirs are still being asked for then, and soon read.
constexpr int64_t kBlocksAtOnce = 6;
/// Bytes ahead that are asked for, at most: a stream of triples takes twice the time of one of planes for the same bytes.
constexpr int64_t kMaxPrefetchBytes = 3072;
/// Bytes ahead where the machine reads ahead by itself: of 512, 768, 1024, 1280, 2048 and 3072 the best on Zen 4 with its one stream.
constexpr int64_t kNearPrefetchBytes = 1024;
/// Sums that a row's products are dealt out to, so that a product does not wait for the one before it.
constexpr int64_t kChains = 2;

class SingleRowEmitter {
public:
  SingleRowEmitter(ImplicitLocOpBuilder &b, IntegerBuffers buffers, const Epilogue &epilogue, const GroupLayout &layout, int64_t lastColumns,
                   const ConvertLutToLoopsOptions &options)
      : b(b), buffers(buffers), epilogue(epilogue), layout(layout), lastColumns(lastColumns), prefetchBytes(options.readsAhead ? kNearPrefetchBytes : std::min(options.prefetchBytes, kMaxPrefetchBytes)),
        rowsAtOnce(std::clamp<int64_t>(options.vectorRows, kLanes, kMaxRowsAtOnce)),
        codes(b, buffers.weights, /*doubled=*/true, prefetchBytes, options.lookupEntries), zero(constantIndex(b, 0)) {
    groups = memref::DimOp::create(b, buffers.padded, zero);
    tileBytes = affine(b, {}, layout.bytes, groups, 0);
  }

  /// Emits the product of the row and `tiles`.
  void emitTiles(ArrayRef<Value> tiles);

private:
  void emitGroup(Value group, ArrayRef<Value> offsets, MutableArrayRef<Value> products);
  void addRows(MutableArrayRef<Value> sums, Value group, Value column, bool isBlock, ArrayRef<Value> offsets, int64_t begin);
  void addBlocks(MutableArrayRef<Value> sums, Value group, ArrayRef<Value> offsets, Value first, int64_t count);
  SmallVector<Value> sumGroup(Value group, ArrayRef<Value> offsets);
  SmallVector<Value> loadQuads(Value group, Value column, int64_t count);
  void scaleRows(Value group, Value offset, ArrayRef<Value> sums, MutableArrayRef<Value> products);
  void dot(MutableArrayRef<Value> chains, ArrayRef<Value> quads, ArrayRef<Value> activations);
  Value splat(Value scalar) { return vector::BroadcastOp::create(b, VectorType::get({kLanes}, scalar.getType()), scalar); }
  /// The numbers of 16 rows from `row` on, which begin `begin` bytes behind `offset`.
  Value loadRows(Value offset, int64_t begin, int64_t row, Type stored) {
    return loadAsFloat(b, buffers.weights, affine(b, offset, 0, {}, begin + row * stored.getIntOrFloatBitWidth() / 8), stored);
  }

  ImplicitLocOpBuilder &b;
  IntegerBuffers buffers;
  const Epilogue &epilogue;
  const GroupLayout &layout;
  int64_t lastColumns, prefetchBytes;
  /// Rows of a tile whose sums are in registers together.
  int64_t rowsAtOnce;
  TripleCodes codes;
  Value zero, groups, tileBytes;
};
} // namespace

/// `count` quads of activations from `column` of the group on, each in all lanes.
SmallVector<Value> SingleRowEmitter::loadQuads(Value group, Value column, int64_t count) {
  auto bytes = VectorType::get({4 * kLanes}, b.getI8Type());
  SmallVector<Value> quads;
  for (int64_t quad = 0; quad < count; ++quad) {
    Value loaded = vector::LoadOp::create(b, VectorType::get({kQuad}, b.getI8Type()), buffers.padded,
                                          ValueRange{group, zero, affine(b, column, 0, {}, quad * kQuad)});
    Value word = vector::BitCastOp::create(b, VectorType::get({1}, b.getI32Type()), loaded);
    quads.push_back(vector::BitCastOp::create(b, bytes, splat(vector::ExtractOp::create(b, word, ArrayRef<int64_t>{0}))));
  }
  return quads;
}

void SingleRowEmitter::dot(MutableArrayRef<Value> chains, ArrayRef<Value> quads, ArrayRef<Value> activations) {
  for (auto [index, quad] : llvm::enumerate(quads)) {
    Value &sum = chains[index * kChains / quads.size()];
    sum = lut::DotOp::create(b, quad, activations[index], sum, /*largest=*/4);
  }
}

/// Adds the products of some rows of each tile, from `begin` on, in a block of triples or in an octet; `offsets` are its places in the tiles.
void SingleRowEmitter::addRows(MutableArrayRef<Value> sums, Value group, Value column, bool isBlock, ArrayRef<Value> offsets, int64_t begin) {
  SmallVector<Value> activations = loadQuads(group, column, isBlock ? kBlockQuads : kOctetQuads);
  for (auto [tile, offset] : llvm::enumerate(offsets)) {
    auto use = [&, first = int64_t(tile) * kTileRows](int64_t row, ArrayRef<Value> quads) {
      dot(sums.slice((first + row) / kLanes * kChains, kChains), quads, activations);
    };
    if (isBlock)
      codes.forBlock(offset, begin, rowsAtOnce, use);
    else
      codes.forOctet(offset, begin, rowsAtOnce, use);
  }
}

/// Adds the products of `count` blocks from `first` on: all of them for some rows, then for the next, so that only theirs are in registers.
void SingleRowEmitter::addBlocks(MutableArrayRef<Value> sums, Value group, ArrayRef<Value> offsets, Value first, int64_t count) {
  for (int64_t begin = 0; begin < kTileRows; begin += rowsAtOnce) {
    // The sums of the rows at hand, which are what the loop carries.
    SmallVector<int64_t> places;
    for (size_t tile = 0; tile < offsets.size(); ++tile)
      llvm::append_range(places, llvm::seq((int64_t(tile) * kTileRows + begin) / kLanes * kChains,
                                           (int64_t(tile) * kTileRows + begin + rowsAtOnce) / kLanes * kChains));
    auto add = [&](Value block) {
      SmallVector<Value> blockOffsets;
      for (Value offset : offsets)
        blockOffsets.push_back(affine(b, offset, lowbit::kTripleBlockBytes, block, 0));
      addRows(sums, group, affine(b, {}, kBlockQuads * kQuad, block, 0), /*isBlock=*/true, blockOffsets, begin);
    };
    if (count == 1) {
      add(first);
      continue;
    }
    SmallVector<Value> carried;
    for (int64_t place : places)
      carried.push_back(sums[place]);
    auto loop = scf::ForOp::create(b, first, affine(b, first, 0, {}, count), constantIndex(b, 1), carried,
                                   [&](OpBuilder &, Location, Value block, ValueRange before) {
                                     for (auto [place, sum] : llvm::zip_equal(places, before))
                                       sums[place] = sum;
                                     add(block);
                                     SmallVector<Value> after;
                                     for (int64_t place : places)
                                       after.push_back(sums[place]);
                                     scf::YieldOp::create(b, after);
                                   });
    for (auto [place, sum] : llvm::zip_equal(places, loop.getResults()))
      sums[place] = sum;
  }
}

/// The sums of a group, `[tile][16 rows]`.
SmallVector<Value> SingleRowEmitter::sumGroup(Value group, ArrayRef<Value> offsets) {
  Value bias = splat(memref::LoadOp::create(b, buffers.bias, ValueRange{group, zero}));
  SmallVector<Value> sums;
  for (size_t part = 0; part < offsets.size() * kTileRows / kLanes; ++part) {
    sums.push_back(bias);
    sums.append(kChains - 1, splatInt(b, kLanes, 32, 0));
  }
  const int64_t blocks = layout.pairs / lowbit::kTripleOctets, rest = blocks % kBlocksAtOnce;
  if (blocks > kBlocksAtOnce) {
    auto loop = scf::ForOp::create(b, zero, constantIndex(b, blocks - rest), constantIndex(b, kBlocksAtOnce), sums,
                                   [&](OpBuilder &, Location, Value first, ValueRange before) {
                                     SmallVector<Value> next(before);
                                     addBlocks(next, group, offsets, first, kBlocksAtOnce);
                                     scf::YieldOp::create(b, next);
                                   });
    sums = SmallVector<Value>(loop.getResults());
  }
  int64_t last = blocks > kBlocksAtOnce ? rest : blocks;
  if (last > 0)
    addBlocks(sums, group, offsets, constantIndex(b, blocks - last), last);
  for (int64_t left = 0; left < layout.pairs % lowbit::kTripleOctets; ++left) {
    SmallVector<Value> places;
    for (Value offset : offsets)
      places.push_back(affine(b, offset, 0, {}, blocks * lowbit::kTripleBlockBytes + left * lowbit::kTripleOctetBytes));
    Value column = constantIndex(b, (blocks * kBlockQuads + left * kOctetQuads) * kQuad);
    for (int64_t begin = 0; begin < kTileRows; begin += rowsAtOnce)
      addRows(sums, group, column, /*isBlock=*/false, places, begin);
  }
  SmallVector<Value> totals;
  for (size_t first = 0; first < sums.size(); first += kChains) {
    totals.push_back(sums[first]);
    for (int64_t chain = 1; chain < kChains; ++chain)
      totals.back() = arith::AddIOp::create(b, totals.back(), sums[first + chain]);
  }
  return totals;
}

/// y = fma(alpha, fma(scale, f32(acc), zeta asum), y) for the rows of the tile whose group lies at `offset`.
void SingleRowEmitter::scaleRows(Value group, Value offset, ArrayRef<Value> sums, MutableArrayRef<Value> products) {
  auto floats = VectorType::get({kLanes}, b.getF32Type());
  Value scale = loadSplat(b, buffers.scales, group, zero), asum = loadSplat(b, buffers.sums, group, zero);
  for (auto [part, sum] : llvm::enumerate(sums)) {
    int64_t row = int64_t(part) * kLanes;
    Value alpha = loadRows(offset, layout.alphaOffset, row, layout.alphaType);
    Value zeta = layout.zeta ? splatFloat(b, kLanes, layout.zeta.getValue().convertToFloat())
                             : loadRows(offset, layout.zetaOffset, row, layout.zetaType);
    Value value = math::FmaOp::create(b, scale, arith::SIToFPOp::create(b, floats, sum), arith::MulFOp::create(b, zeta, asum));
    products[part] = math::FmaOp::create(b, alpha, value, products[part]);
  }
}

void SingleRowEmitter::emitGroup(Value group, ArrayRef<Value> offsets, MutableArrayRef<Value> products) {
  const int64_t tileParts = kTileRows / kLanes;
  SmallVector<Value> sums = sumGroup(group, offsets);
  for (auto [tile, offset] : llvm::enumerate(offsets))
    scaleRows(group, offset, ArrayRef(sums).slice(tile * tileParts, tileParts), products.slice(tile * tileParts, tileParts));
  for (int64_t byte = layout.alphaOffset; prefetchBytes > 0 && byte < layout.bytes; byte += kVectorBytes)
    for (Value offset : offsets)
      memref::PrefetchOp::create(b, buffers.weights, ValueRange{affine(b, offset, 0, {}, byte + prefetchBytes)}, /*isWrite=*/false,
                                 /*localityHint=*/3, /*isDataCache=*/true);
}

void SingleRowEmitter::emitTiles(ArrayRef<Value> tiles) {
  const int64_t tileParts = kTileRows / kLanes;
  SmallVector<Value> zeros(tiles.size() * tileParts, splatFloat(b, kLanes, 0.0f)), tileOffsets;
  for (Value tile : tiles)
    tileOffsets.push_back(arith::MulIOp::create(b, tile, tileBytes));
  auto loop = scf::ForOp::create(b, zero, groups, constantIndex(b, 1), zeros, [&](OpBuilder &, Location, Value group, ValueRange before) {
    SmallVector<Value> products(before), offsets;
    for (Value tileOffset : tileOffsets)
      offsets.push_back(affine(b, tileOffset, layout.bytes, group, 0));
    emitGroup(group, offsets, products);
    scf::YieldOp::create(b, products);
  });
  for (auto [index, tile] : llvm::enumerate(tiles))
    storeTile(b, buffers.out, zero, tile, lastColumns, [&, first = int64_t(index) * tileParts](int64_t part, Value column, Value mask) {
      return applyEpilogue(b, epilogue, loop.getResult(first + part / kLanes), zero, column, mask);
    });
}

void lutloops::emitIntegerSingle(ImplicitLocOpBuilder &b, ValueRange args, const GroupLayout &layout, int64_t channels, int64_t streams,
                                 Region &region, const ConvertLutToLoopsOptions &options) {
  ValueRange ranges = args.take_back(2), buffers = args.drop_back(2);
  Epilogue epilogue{&region, llvm::to_vector(buffers.drop_front(5).drop_back())};
  SingleRowEmitter emitter(b, {buffers[0], buffers[1], buffers[2], buffers[3], buffers[4], buffers.back()}, epilogue, layout,
                           channels % kTileRows, options);
  // Functions serve weights of all sizes that share a remainder: the number of tiles is the output's.
  Value columns = memref::DimOp::create(b, buffers.back(), constantIndex(b, 1));
  Value tileCount = arith::DivUIOp::create(b, affine(b, columns, 0, {}, kTileRows - 1), constantIndex(b, kTileRows));
  Value distance = arith::DivUIOp::create(b, affine(b, tileCount, 0, {}, streams - 1), constantIndex(b, streams));
  scf::ForOp::create(b, ranges[0], ranges[1], constantIndex(b, 1), ValueRange(), [&](OpBuilder &, Location, Value item, ValueRange) {
    SmallVector<Value> tiles{item};
    while (int64_t(tiles.size()) < streams)
      tiles.push_back(arith::AddIOp::create(b, tiles.back(), distance));
    if (streams == 1) {
      emitter.emitTiles(tiles);
    } else {
      // The last items may have a tile less.
      Value isFull = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, tiles.back(), tileCount);
      auto branch = scf::IfOp::create(b, TypeRange(), isFull, /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      emitter.emitTiles(tiles);
      b.setInsertionPointToStart(branch.elseBlock());
      scf::ForOp::create(b, item, tileCount, distance, ValueRange(), [&](OpBuilder &, Location, Value tile, ValueRange) {
        emitter.emitTiles(tile);
        scf::YieldOp::create(b);
      });
      b.setInsertionPointAfter(branch);
    }
    scf::YieldOp::create(b);
  });
}
