//===- Matmul.cpp - the loops of a lookup product -------------------------===//
//
// Tiles of 64 output rows outside, so that a tile's weights come from memory once; blocks of activation rows inside. A single activation
// row takes several tiles at once, and two take half as many: memory gives several streams faster than one, and tables are loaded once for all of them. The
// products of a block stay in registers over all groups: y = fma(alpha, fma(scale, sum, zeta * asum), y), one lane per
// output row, groups in ascending order (docs/spec/numerics.md, "Lookup matmul").
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

/// Rows that take half as many streams as one.
static constexpr int64_t kPairRows = 2;

namespace {
class MatmulEmitter {
public:
  MatmulEmitter(ImplicitLocOpBuilder &b, MatmulBuffers buffers, const Epilogue &epilogue, const GroupLayout &layout,
                lowbit::TableScale scale, int64_t lastColumns, const ConvertLutToLoopsOptions &options)
      : b(b), buffers(buffers), epilogue(epilogue), layout(layout), lastColumns(lastColumns), options(options),
        kind{*lowbit::getTableElement(cast<MemRefType>(buffers.entries.getType()).getElementType()), scale} {
    groups = memref::DimOp::create(b, buffers.sums, constantIndex(b, 1));
    tileBytes = affine(b, {}, layout.bytes, groups, 0);
    Value columns = memref::DimOp::create(b, buffers.out, constantIndex(b, 1));
    wholeTiles = arith::DivUIOp::create(b, columns, constantIndex(b, kTileRows));
  }

  /// Emits `count` activation rows from `row` times the first `usedRows` rows of `tiles`.
  void emitBlock(ArrayRef<Value> tiles, Value row, int64_t count, int64_t usedRows = kTileRows);

  /// Rows of the last tile to compute: those that exist, in whole vectors of codes.
  int64_t getLastRows() const {
    return lastColumns == 0 ? kTileRows : llvm::alignTo(lastColumns, std::max(kLanes, layout.getBlockRows()));
  }
  /// Whether `tile` has all its rows.
  Value isWhole(Value tile) { return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, tile, wholeTiles); }

  Value getWholeTiles() const { return wholeTiles; }

private:
  void emitGroup(const GroupBlock &block, int64_t usedRows, MutableArrayRef<Value> products);
  Value loadRows(Value tileOffset, int64_t offset, int64_t row, Type stored);
  SmallVector<Value> loadZetas(Value tileOffset, int64_t begin, int64_t parts);
  SmallVector<SmallVector<Value>> makeOffsets(const GroupBlock &block, ArrayRef<Value> zetas);
  void emitScaling(const GroupBlock &block, int64_t begin, const GroupSums &sums, MutableArrayRef<Value> products);
  void scaleCell(const GroupBlock &block, int64_t begin, int64_t row, Value tileOffset, ArrayRef<SmallVector<Value>> sums,
                 MutableArrayRef<Value> products);
  void store(Value tile, ArrayRef<Value> rows, ArrayRef<Value> products, int64_t usedRows);

  ImplicitLocOpBuilder &b;
  MatmulBuffers buffers;
  const Epilogue &epilogue;
  const GroupLayout &layout;
  int64_t lastColumns;
  const ConvertLutToLoopsOptions &options;
  lowbit::TableKind kind;
  Value groups, tileBytes, wholeTiles;
};
} // namespace

Value lutloops::loadSplat(ImplicitLocOpBuilder &b, Value buffer, Value row, Value column) {
  Value scalar = memref::LoadOp::create(b, buffer, ValueRange{row, column});
  return vector::BroadcastOp::create(b, VectorType::get({kLanes}, b.getF32Type()), scalar);
}

void GroupBlock::prefetch(ImplicitLocOpBuilder &b, Value offset) const {
  if (!asksAhead())
    return;
  const bool isStream = offsets.size() > 1;
  const int64_t bytes = isStream          ? options.streamPrefetchBytes
                        : rows.size() > 1 ? std::max(options.prefetchBytes, kGroupAheadBytes)
                                          : options.prefetchBytes;
  ask(b, affine(b, offset, 0, {}, bytes));
}

void GroupBlock::ask(ImplicitLocOpBuilder &b, Value place) const {
  memref::PrefetchOp::create(b, buffers.weights, ValueRange{place}, /*isWrite=*/false, /*localityHint=*/4 - options.prefetchLevel, /*isDataCache=*/true);
}

/// 16 numbers of the rows from `row` on, stored at `offset` of the group that begins at `tileOffset`.
Value MatmulEmitter::loadRows(Value tileOffset, int64_t offset, int64_t row, Type stored) {
  int64_t bytes = stored.getIntOrFloatBitWidth() / 8;
  return loadAsFloat(b, buffers.weights, affine(b, tileOffset, 0, {}, offset + row * bytes), stored);
}

/// The zetas (betas) of the rows from `begin` on: a constant, or stored.
SmallVector<Value> MatmulEmitter::loadZetas(Value tileOffset, int64_t begin, int64_t parts) {
  SmallVector<Value> zetas;
  for (int64_t part = 0; part < parts; ++part)
    zetas.push_back(lutloops::loadZetas(b, buffers.weights, tileOffset, layout, begin + part * kLanes));
  return zetas;
}

/// zeta asum for each row of the block and 16 rows of the tile.
SmallVector<SmallVector<Value>> MatmulEmitter::makeOffsets(const GroupBlock &block, ArrayRef<Value> zetas) {
  SmallVector<SmallVector<Value>> offsets(block.rows.size());
  for (auto [row, values] : llvm::zip_equal(block.rows, offsets)) {
    Value sum = loadSplat(b, buffers.sums, row, block.group);
    for (Value zeta : zetas)
      values.push_back(arith::MulFOp::create(b, zeta, sum));
  }
  return offsets;
}

/// Adds the scaled `sums` of one activation row and the tile at `tileOffset` to their `products`.
void MatmulEmitter::scaleCell(const GroupBlock &block, int64_t begin, int64_t row, Value tileOffset,
                              ArrayRef<SmallVector<Value>> sums, MutableArrayRef<Value> products) {
  int64_t parts = sums[0].size();
  // Weighted planes have one alpha. With an alpha per plane, the stored beta is last.
  SmallVector<SmallVector<Value>> alphas(parts);
  for (int64_t part = 0; part < parts; ++part)
    for (unsigned output = 0; output < sums.size(); ++output) {
      int64_t bytes = kTileRows * layout.alphaType.getIntOrFloatBitWidth() / 8;
      alphas[part].push_back(
          loadRows(tileOffset, layout.alphaOffset + output * bytes, begin + part * kLanes, layout.alphaType));
    }
  SmallVector<Value> zetas = loadZetas(tileOffset, begin, parts);
  bool floats = !lowbit::isQuantized(kind.element), scaled = kind.scale == lowbit::TableScale::Table;
  Value column = kind.scale == lowbit::TableScale::Row ? constantIndex(b, 0) : block.group;
  // The scale of a table of floats is 1; sums that follow the scales of tables have them, and zeta asum.
  Value scale;
  if (!scaled)
    scale = floats ? splatFloat(b, kLanes, 1.0f) : loadSplat(b, buffers.scales, block.rows[row], column);
  if (layout.tripleTables > 0) {
    // ts f32(2 acc) = (2 ts) f32(acc): both are the same number, rounded once.
    Value twice = arith::AddFOp::create(b, scale, scale);
    for (int64_t part = 0; part < parts; ++part) {
      Value &product = products[begin / kLanes + part];
      product = math::FmaOp::create(b, alphas[part][0], arith::MulFOp::create(b, twice, sums[0][part]).getResult(), product);
    }
    return;
  }
  Value sum = loadSplat(b, buffers.sums, block.rows[row], block.group);
  for (int64_t part = 0; part < parts; ++part) {
    Value &product = products[begin / kLanes + part];
    if (layout.perPlane) {
      for (auto [output, planeSum] : llvm::enumerate(sums)) {
        Value value = planeSum[part];
        if (!floats && !scaled)
          value = arith::MulFOp::create(b, scale, value);
        product = math::FmaOp::create(b, alphas[part][output], value, product);
      }
      product = math::FmaOp::create(b, zetas[part], sum, product);
      continue;
    }
    Value value = sums[0][part];
    if (!scaled) {
      Value offset = arith::MulFOp::create(b, zetas[part], sum);
      value = math::FmaOp::create(b, scale, value, offset);
    }
    product = math::FmaOp::create(b, alphas[part][0], value, product);
  }
}

void MatmulEmitter::emitScaling(const GroupBlock &block, int64_t begin, const GroupSums &sums,
                                MutableArrayRef<Value> products) {
  int64_t tiles = block.offsets.size(), tileParts = products.size() / sums.size();
  for (auto [cell, cellSums] : llvm::enumerate(sums))
    scaleCell(block, begin, cell / tiles, block.offsets[cell % tiles], cellSums, products.slice(cell * tileParts, tileParts));
}

void MatmulEmitter::emitGroup(const GroupBlock &block, int64_t usedRows, MutableArrayRef<Value> products) {
  // As many rows of the tile at once as there are registers for, in whole vectors of codes.
  bool bytes = isByteKind(kind);
  int64_t most = std::clamp<int64_t>(options.vectorRows, bytes ? layout.getBlockRows() : kLanes, kTileRows);
  if (bytes)
    most = most / layout.getBlockRows() * layout.getBlockRows();
  for (int64_t begin = 0; begin < usedRows; begin += most) {
    int64_t step = std::min(most, usedRows - begin);
    GroupSums sums;
    if (kind.scale == lowbit::TableScale::Table)
      sums = emitScaledSums(b, block, begin, step,
                            makeOffsets(block, loadZetas(block.offsets.front(), begin, step / kLanes)));
    else if (layout.tripleTables > 0)
      sums = layout.quads ? emitTripleQuadSums(b, block, begin, step) : emitTripleSums(b, block, begin, step);
    else
      sums = bytes ? emitByteSums(b, block, begin, step) : emitLaneSums(b, block, begin, step);
    emitScaling(block, begin, sums, products);
  }
  // Pairs of tables of three ask for the whole group.
  if (layout.tripleTables > 0 && !layout.quads)
    return;
  // Last, as they lie: out of order, prefetches mislead the hardware's.
  for (int64_t byte = layout.alphaOffset; byte < layout.bytes; byte += kVectorBytes)
    for (Value offset : block.offsets)
      block.prefetch(b, affine(b, offset, 0, {}, byte));
}

/// Stores the products of `rows` and one tile.
void MatmulEmitter::store(Value tile, ArrayRef<Value> rows, ArrayRef<Value> products, int64_t usedRows) {
  auto column = [&](int64_t part) { return affine(b, {}, kTileRows, tile, part * kLanes); };
  int64_t tileParts = usedRows / kLanes;
  auto storeWhole = [&] {
    for (auto [index, product] : llvm::enumerate(products)) {
      Value row = rows[index / tileParts], place = column(index % tileParts);
      Value output = applyEpilogue(b, epilogue, product, row, place, /*mask=*/Value());
      vector::StoreOp::create(b, output, buffers.out, ValueRange{row, place});
    }
  };
  if (lastColumns == 0)
    return storeWhole();
  auto maskType = VectorType::get({kLanes}, b.getI1Type());
  auto storeLast = [&] {
    // Rows past the weight's are padding and have no place in the output.
    for (int64_t part = 0; part * kLanes < lastColumns; ++part) {
      int64_t count = std::min(kLanes, lastColumns - part * kLanes);
      Value place = column(part);
      Value mask = vector::ConstantMaskOp::create(b, maskType, ArrayRef<int64_t>{count});
      for (auto [index, row] : llvm::enumerate(rows)) {
        bool allLanes = count == kLanes;
        Value output = applyEpilogue(b, epilogue, products[index * tileParts + part], row, place, allLanes ? Value() : mask);
        if (allLanes)
          vector::StoreOp::create(b, output, buffers.out, ValueRange{row, place});
        else
          vector::MaskedStoreOp::create(b, buffers.out, ValueRange{row, place}, mask, output);
      }
    }
  };
  if (usedRows < kTileRows)
    return storeLast();
  if (getLastRows() < kTileRows)
    return storeWhole();
  auto branch = scf::IfOp::create(b, TypeRange(), isWhole(tile), /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  storeWhole();
  b.setInsertionPointToStart(branch.elseBlock());
  storeLast();
}

void MatmulEmitter::emitBlock(ArrayRef<Value> tiles, Value row, int64_t count, int64_t usedRows) {
  GroupBlock block{layout, options, buffers, kind, {}, {}, {}};
  for (int64_t index = 0; index < count; ++index)
    block.rows.push_back(affine(b, row, 0, {}, index));
  int64_t tileParts = usedRows / kLanes;
  SmallVector<Value> zeros(count * tiles.size() * tileParts, splatFloat(b, kLanes, 0.0f)), tileOffsets;
  for (Value tile : tiles)
    tileOffsets.push_back(arith::MulIOp::create(b, tile, tileBytes));
  auto loop = scf::ForOp::create(b, constantIndex(b, 0), groups, constantIndex(b, 1), zeros,
                                 [&](OpBuilder &, Location, Value group, ValueRange values) {
                                   block.group = group;
                                   for (Value tileOffset : tileOffsets)
                                     block.offsets.push_back(affine(b, tileOffset, layout.bytes, group, 0));
                                   SmallVector<Value> products(values);
                                   emitGroup(block, usedRows, products);
                                   scf::YieldOp::create(b, products);
                                 });
  SmallVector<Value> products(loop.getResults());
  for (auto [index, tile] : llvm::enumerate(tiles)) {
    SmallVector<Value> ofTile;
    for (int64_t cell = index; cell < int64_t(products.size()) / tileParts; cell += tiles.size())
      llvm::append_range(ofTile, ArrayRef<Value>(products).slice(cell * tileParts, tileParts));
    store(tile, block.rows, ofTile, usedRows);
  }
}

void lutloops::emitMatmul(ImplicitLocOpBuilder &b, ValueRange args, const GroupLayout &layout, lowbit::TableScale scale,
                          int64_t lastColumns, int64_t blockRows, int64_t streams, Region &region,
                          const ConvertLutToLoopsOptions &options) {
  // In the order of the op's operands; then what the call is to do.
  ValueRange ranges = args.take_back(4);
  Epilogue epilogue{&region, llvm::to_vector(args.drop_front(4).drop_back(5))};
  MatmulEmitter emitter(b, {args[0], args[1], args[2], args[3], args.drop_back(4).back()}, epilogue, layout, scale,
                        lastColumns, options);
  Value firstItem = ranges[0], lastItem = ranges[1], firstRow = ranges[2], lastRow = ranges[3];
  Value one = constantIndex(b, 1), block = constantIndex(b, blockRows);
  Value rows = arith::SubIOp::create(b, lastRow, firstRow);
  Value rest = arith::RemUIOp::create(b, rows, block);
  Value blocksEnd = arith::SubIOp::create(b, lastRow, rest);
  auto multiplyRows = [&](Value tile, int64_t usedRows) {
    if (blockRows > 1)
      scf::ForOp::create(b, firstRow, blocksEnd, block, ValueRange(), [&](OpBuilder &, Location, Value row, ValueRange) {
        emitter.emitBlock(tile, row, blockRows, usedRows);
        scf::YieldOp::create(b);
      });
    Value restBegin = blockRows > 1 ? blocksEnd : firstRow;
    // The rows that are left, too, are as few blocks as can be.
    for (int64_t count = blockRows - 1; count > 1; --count) {
      Value left = arith::SubIOp::create(b, lastRow, restBegin), step = constantIndex(b, count);
      Value end = arith::AddIOp::create(b, restBegin, arith::SubIOp::create(b, left, arith::RemUIOp::create(b, left, step)));
      scf::ForOp::create(b, restBegin, end, step, ValueRange(), [&](OpBuilder &, Location, Value row, ValueRange) {
        emitter.emitBlock(tile, row, count, usedRows);
        scf::YieldOp::create(b);
      });
      restBegin = end;
    }
    scf::ForOp::create(b, restBegin, lastRow, one, ValueRange(), [&](OpBuilder &, Location, Value row, ValueRange) {
      emitter.emitBlock(tile, row, 1, usedRows);
      scf::YieldOp::create(b);
    });
  };
  // A short last tile is one of fewer rows.
  const int64_t lastRows = emitter.getLastRows();
  auto multiplyTile = [&](OpBuilder &, Location, Value tile, ValueRange) {
    if (lastRows == kTileRows) {
      multiplyRows(tile, kTileRows);
    } else {
      auto branch = scf::IfOp::create(b, TypeRange(), emitter.isWhole(tile), /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      multiplyRows(tile, kTileRows);
      b.setInsertionPointToStart(branch.elseBlock());
      multiplyRows(tile, lastRows);
    }
    scf::YieldOp::create(b);
  };
  if (streams == 1) {
    scf::ForOp::create(b, firstItem, lastItem, one, ValueRange(), multiplyTile);
    return;
  }
  // As many streams of neighbouring tiles, one for each; then what is left, and a short last tile, one by one.
  Value end = lastItem;
  if (lastRows != kTileRows)
    end = arith::MinUIOp::create(b, end, emitter.getWholeTiles());
  Value begin = firstItem, wholeTiles = arith::SubIOp::create(b, arith::MaxUIOp::create(b, end, firstItem), firstItem);
  // `count` rows, when there are as many: `width` streams.
  auto multiplyStreams = [&](int64_t count, int64_t width) {
    Value distance = arith::DivUIOp::create(b, wholeTiles, constantIndex(b, width));
    Value isCount = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rows, constantIndex(b, count));
    distance = arith::SelectOp::create(b, isCount, distance, constantIndex(b, 0));
    Value streamEnd = arith::AddIOp::create(b, firstItem, distance);
    scf::ForOp::create(b, firstItem, streamEnd, one, ValueRange(), [&](OpBuilder &, Location, Value tile, ValueRange) {
      SmallVector<Value> tiles{tile};
      while (int64_t(tiles.size()) < width)
        tiles.push_back(arith::AddIOp::create(b, tiles.back(), distance));
      emitter.emitBlock(tiles, firstRow, count);
      scf::YieldOp::create(b);
    });
    begin = affine(b, begin, width, distance, 0);
  };
  multiplyStreams(1, streams);
  if (const int64_t pairStreams = streams / kPairRows; blockRows >= kPairRows && pairStreams > 1 && layout.tripleTables == 0)
    multiplyStreams(kPairRows, pairStreams);
  scf::ForOp::create(b, begin, lastItem, one, ValueRange(), multiplyTile);
}
