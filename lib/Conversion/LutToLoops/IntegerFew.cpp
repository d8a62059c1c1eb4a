//===- IntegerFew.cpp - a few rows of integer codes times weights ---------===//
//
// A panel pays for itself over many activation rows. Few of them are multiplied with codes in the registers where these are unpacked, each weight
// once for all rows, while memory brings the next: with a panel it would wait for the rows, and they for it. Several tiles are read side by side,
// group by group, as in Matmul.cpp. The numbers are those of IntegerProduct.cpp: a group's sum is an exact integer within 32 bits
// (constraint C5 of lut.integer_matmul), and
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
/// Activation rows that 64 and 32 weight rows are multiplied with at once, at most: 16 to 24 sums, and 8 or 4 vectors of codes.
constexpr int64_t kRowsOfFourParts = 4, kRowsOfTwoParts = 12;
/// Numbers of rows that have loops of their own, at most. More come in pairs, 5 and 6, 7 and 8: a row that is multiplied twice is a tenth of the work.
constexpr int64_t kRowsAlone = 4;
/// Activation rows whose codes are loaded once for all weight rows, at most.
constexpr int64_t kRowsInRegisters = 2;

/// The same of triples, whose blocks have six vectors of codes for 16 weight rows, and the rows whose sums are two each, so that products do not wait.
constexpr int64_t kRowsOfTwoTripleParts = 8, kRowsOfTwoSums = 2;
/// Blocks of triples that some weight rows go through before the next do.
constexpr int64_t kBlocksAtOnce = 8;

class FewRowsEmitter {
public:
  FewRowsEmitter(ImplicitLocOpBuilder &b, IntegerBuffers buffers, const Epilogue &epilogue, const GroupLayout &layout, int64_t lastColumns,
                 Value distance, const ConvertLutToLoopsOptions &options);

  /// Emits the product of the activations, which have `count` rows, or one less, and the tiles of the items [first, last).
  void emitItems(Value first, Value last, int64_t count, bool maybeLess);

private:
  using Body = function_ref<void(Value)>;
  void forRange(Value begin, Value end, Body body);
  void forTiles(Value item, int64_t count, function_ref<void(Value tile, Value place)> body);
  void emitGroup(Value group, Value offset, Value place, int64_t count);
  SmallVector<Value> sumRows(Value group, Value offset, int64_t begin, int64_t count, int64_t parts);
  void emitTriples(Value group, Value offset, Value place, int64_t count);
  void addTriples(MutableArrayRef<Value> sums, Value group, Value place, Value column, bool isBlock, int64_t begin, int64_t count,
                  int64_t parts);
  SmallVector<Value> sumBlocks(ArrayRef<Value> starts, Value group, Value offset, Value first, Value last, int64_t begin, int64_t count,
                               int64_t parts);
  void addPair(MutableArrayRef<Value> sums, Value group, Value offset, Value pair, int64_t begin, int64_t count);
  void scaleRows(Value group, Value offset, Value place, int64_t begin, int64_t count, ArrayRef<Value> sums);
  void store(Value tile, Value place);

  /// The activation row that is multiplied as number `row`: where there is one less than loops are for, the last is multiplied twice.
  Value placeOf(int64_t row, int64_t count) { return lastRow && row == count - 1 ? lastRow : constantIndex(b, row); }
  Value loadQuad(Value group, Value row, Value column);
  Value loadBias(Value group, Value row);
  Value splat(Value scalar) { return vector::BroadcastOp::create(b, VectorType::get({kLanes}, scalar.getType()), scalar); }
  Value loadProducts(Value place) {
    return vector::LoadOp::create(b, VectorType::get({kLanes}, b.getF32Type()), products, ValueRange{place});
  }

  ImplicitLocOpBuilder &b;
  IntegerBuffers buffers;
  const Epilogue &epilogue;
  const GroupLayout &layout;
  PanelCodes codes;
  std::optional<TripleCodes> triples;
  int64_t lastColumns, prefetchBytes;
  bool isWide;
  /// `[tile][row][64]`, the sums over the groups so far.
  Value products;
  /// `[16 weight rows][activation row][16]`, the sums of a long group of triples so far.
  Value waitingSums;
  Value zero, one, rows, groups, tileBytes, tileCount, distance, lastRow;
};
} // namespace

FewRowsEmitter::FewRowsEmitter(ImplicitLocOpBuilder &b, IntegerBuffers buffers, const Epilogue &epilogue, const GroupLayout &layout,
                               int64_t lastColumns, Value distance, const ConvertLutToLoopsOptions &options)
    : b(b), buffers(buffers), epilogue(epilogue), layout(layout), codes(layout, /*shortSums=*/false), lastColumns(lastColumns),
      prefetchBytes(options.prefetchBytes), isWide(options.vectorRows >= kTileRows), zero(constantIndex(b, 0)), one(constantIndex(b, 1)),
      distance(distance) {
  auto type = MemRefType::get({options.streams * getFewRows(options) * kTileRows}, b.getF32Type());
  products = memref::AllocaOp::create(b, type, b.getI64IntegerAttr(kVectorBytes));
  groups = memref::DimOp::create(b, buffers.padded, zero);
  rows = memref::DimOp::create(b, buffers.padded, one);
  tileBytes = affine(b, {}, layout.bytes, groups, 0);
  if (layout.triples) {
    triples.emplace(b, buffers.weights, codes.doubled, prefetchBytes, options.lookupEntries);
    waitingSums = memref::AllocaOp::create(b, MemRefType::get({getFewRows(options) * kTileRows}, b.getI32Type()),
                                           b.getI64IntegerAttr(kVectorBytes));
  }
  // Functions serve weights of all sizes that share a remainder: the number of tiles is the output's.
  Value columns = memref::DimOp::create(b, buffers.out, one);
  tileCount = arith::DivUIOp::create(b, affine(b, columns, 0, {}, kTileRows - 1), constantIndex(b, kTileRows));
}

void FewRowsEmitter::forRange(Value begin, Value end, Body body) {
  scf::ForOp::create(b, begin, end, one, ValueRange(), [&](OpBuilder &, Location, Value index, ValueRange) {
    body(index);
    scf::YieldOp::create(b);
  });
}

/// The tiles of an item, each with the place of its products; the last items may have a tile less.
void FewRowsEmitter::forTiles(Value item, int64_t count, function_ref<void(Value, Value)> body) {
  scf::ForOp::create(b, item, tileCount, distance, ValueRange{zero}, [&](OpBuilder &, Location, Value tile, ValueRange place) {
    body(tile, place[0]);
    scf::YieldOp::create(b, affine(b, place[0], 0, {}, count * kTileRows));
  });
}

/// Four codes of an activation row from `column` of the group on, in all lanes.
Value FewRowsEmitter::loadQuad(Value group, Value row, Value column) {
  Value loaded = vector::LoadOp::create(b, VectorType::get({kQuad}, b.getI8Type()), buffers.padded, ValueRange{group, row, column});
  Value word = vector::BitCastOp::create(b, VectorType::get({1}, b.getI32Type()), loaded);
  return vector::BitCastOp::create(b, VectorType::get({4 * kLanes}, b.getI8Type()),
                                   splat(vector::ExtractOp::create(b, word, ArrayRef<int64_t>{0})));
}

Value FewRowsEmitter::loadBias(Value group, Value row) {
  return splat(memref::LoadOp::create(b, buffers.bias, ValueRange{group, row}));
}

/// Adds the products of a pair of quads to `sums`, `[16 weight rows][activation row]`.
void FewRowsEmitter::addPair(MutableArrayRef<Value> sums, Value group, Value offset, Value pair, int64_t begin, int64_t count) {
  auto unpack = [&](int64_t part) {
    return emitCodeQuads(b, layout, codes.doubled, buffers.weights, offset, pair, begin + part * kLanes, prefetchBytes);
  };
  auto loadRow = [&](int64_t row, int64_t half) { return loadQuad(group, placeOf(row, count), affine(b, {}, 2 * kQuad, pair, half * kQuad)); };
  auto add = [&](int64_t part, int64_t row, Value weights, Value activations) {
    Value &sum = sums[part * count + row];
    sum = lut::DotOp::create(b, weights, activations, sum, codes.largest);
  };
  const int64_t parts = sums.size() / count;
  // Of one or two rows the activations stay in registers, of more the weights.
  if (count <= kRowsInRegisters) {
    SmallVector<CodeQuads> activations;
    for (int64_t row = 0; row < count; ++row)
      activations.push_back({loadRow(row, 0), loadRow(row, 1)});
    for (int64_t part = 0; part < parts; ++part) {
      CodeQuads weights = unpack(part);
      for (int64_t row = 0; row < count; ++row)
        for (int64_t half : {0, 1})
          add(part, row, weights[half], activations[row][half]);
    }
    return;
  }
  SmallVector<CodeQuads> weights;
  for (int64_t part = 0; part < parts; ++part)
    weights.push_back(unpack(part));
  for (int64_t row = 0; row < count; ++row)
    for (int64_t half : {0, 1}) {
      Value activations = loadRow(row, half);
      for (int64_t part = 0; part < parts; ++part)
        add(part, row, weights[part][half], activations);
    }
}

/// The sums of a group for `parts` times 16 rows of a tile from `begin` on.
SmallVector<Value> FewRowsEmitter::sumRows(Value group, Value offset, int64_t begin, int64_t count, int64_t parts) {
  SmallVector<Value> starts, sums;
  for (int64_t row = 0; row < count; ++row)
    starts.push_back(codes.doubled ? loadBias(group, placeOf(row, count)) : splatInt(b, kLanes, 32, 0));
  for (int64_t part = 0; part < parts; ++part)
    sums.append(starts);
  auto loop = scf::ForOp::create(b, zero, constantIndex(b, layout.pairs), one, sums,
                                 [&](OpBuilder &, Location, Value pair, ValueRange before) {
                                   SmallVector<Value> after(before);
                                   addPair(after, group, offset, pair, begin, count);
                                   scf::YieldOp::create(b, after);
                                 });
  return SmallVector<Value>(loop.getResults());
}

/// y = fma(alpha, fma(scale, f32(acc), zeta asum), y) for the rows of `sums`.
void FewRowsEmitter::scaleRows(Value group, Value offset, Value place, int64_t begin, int64_t count, ArrayRef<Value> sums) {
  auto floats = VectorType::get({kLanes}, b.getF32Type());
  const int64_t alphaBytes = layout.alphaType.getIntOrFloatBitWidth() / 8;
  for (int64_t part = 0; part < static_cast<int64_t>(sums.size()) / count; ++part) {
    int64_t first = begin + part * kLanes;
    Value alpha = loadAsFloat(b, buffers.weights, affine(b, offset, 0, {}, layout.alphaOffset + first * alphaBytes), layout.alphaType);
    Value zeta = layout.zeta ? splatFloat(b, kLanes, layout.zeta.getValue().convertToFloat())
                             : loadZetas(b, buffers.weights, offset, layout, first);
    for (int64_t row = 0; row < count; ++row) {
      Value at = placeOf(row, count), sum = sums[part * count + row];
      if (!codes.doubled)
        sum = arith::AddIOp::create(b, loadBias(group, at), arith::ShLIOp::create(b, sum, splatInt(b, kLanes, 32, 1)));
      Value offsetTerm = arith::MulFOp::create(b, zeta, loadSplat(b, buffers.sums, group, at));
      Value value = math::FmaOp::create(b, loadSplat(b, buffers.scales, group, at), arith::SIToFPOp::create(b, floats, sum), offsetTerm);
      Value product = affine(b, place, 0, {}, row * kTileRows + first);
      vector::StoreOp::create(b, math::FmaOp::create(b, alpha, value, loadProducts(product)), products, ValueRange{product});
    }
  }
}

/// Adds the products of a block of triples, or of an octet, at byte `place` of the weights and `column` of the group.
void FewRowsEmitter::addTriples(MutableArrayRef<Value> sums, Value group, Value place, Value column, bool isBlock, int64_t begin,
                                int64_t count, int64_t parts) {
  SmallVector<SmallVector<Value>> weights;
  auto take = [&](int64_t, ArrayRef<Value> quads) { weights.emplace_back(quads); };
  if (isBlock)
    triples->forBlock(place, begin, parts * kLanes, take);
  else
    triples->forOctet(place, begin, parts * kLanes, take);
  const int64_t chains = sums.size() / (parts * count);
  for (int64_t quad = 0; quad < static_cast<int64_t>(weights[0].size()); ++quad)
    for (int64_t row = 0; row < count; ++row) {
      Value activations = loadQuad(group, placeOf(row, count), affine(b, column, 0, {}, quad * kQuad));
      for (int64_t part = 0; part < parts; ++part) {
        Value &sum = sums[(quad % chains * parts + part) * count + row];
        sum = lut::DotOp::create(b, weights[part][quad], activations, sum, codes.largest);
      }
    }
}

/// `starts`, `[16 weight rows][activation row]`, and the products of the blocks [first, last).
SmallVector<Value> FewRowsEmitter::sumBlocks(ArrayRef<Value> starts, Value group, Value offset, Value first, Value last, int64_t begin,
                                             int64_t count, int64_t parts) {
  SmallVector<Value> sums(starts);
  if (count <= kRowsOfTwoSums)
    sums.append(starts.size(), splatInt(b, kLanes, 32, 0));
  auto loop = scf::ForOp::create(b, first, last, one, sums, [&](OpBuilder &, Location, Value block, ValueRange before) {
    SmallVector<Value> after(before);
    addTriples(after, group, affine(b, offset, lowbit::kTripleBlockBytes, block, 0), affine(b, {}, kBlockQuads * kQuad, block, 0),
               /*isBlock=*/true, begin, count, parts);
    scf::YieldOp::create(b, after);
  });
  SmallVector<Value> totals(loop.getResults().take_front(starts.size()));
  for (auto [total, second] : llvm::zip(totals, loop.getResults().drop_front(starts.size())))
    total = arith::AddIOp::create(b, total, second);
  return totals;
}

/// `emitGroup` of triples. Sums of a group longer than some blocks wait in memory, so that all rows of these are read while they are near.
void FewRowsEmitter::emitTriples(Value group, Value offset, Value place, int64_t count) {
  const int64_t parts = isWide && count <= kRowsOfTwoTripleParts ? 2 : 1, blocks = layout.pairs / lowbit::kTripleOctets;
  const bool waits = blocks > 2 * kBlocksAtOnce;
  auto forParts = [&](function_ref<SmallVector<Value>(int64_t, ArrayRef<Value>)> sum, bool fromBias) {
    for (int64_t begin = 0; begin < kTileRows; begin += parts * kLanes) {
      SmallVector<Value> sums;
      for (int64_t index = 0; index < parts * count; ++index)
        sums.push_back(fromBias ? loadBias(group, placeOf(index % count, count))
                                : vector::LoadOp::create(b, VectorType::get({kLanes}, b.getI32Type()), waitingSums,
                                                         ValueRange{constantIndex(b, begin * count + index * kLanes)})
                                      .getResult());
      sums = sum(begin, sums);
      for (auto [index, value] : llvm::enumerate(sums))
        vector::StoreOp::create(b, value, waitingSums, ValueRange{constantIndex(b, begin * count + int64_t(index) * kLanes)});
    }
  };
  auto finish = [&](int64_t begin, ArrayRef<Value> before) {
    SmallVector<Value> sums(before);
    for (int64_t left = 0; left < layout.pairs % lowbit::kTripleOctets; ++left)
      addTriples(sums, group, affine(b, offset, 0, {}, blocks * lowbit::kTripleBlockBytes + left * lowbit::kTripleOctetBytes),
                 constantIndex(b, (blocks * kBlockQuads + left * kOctetQuads) * kQuad), /*isBlock=*/false, begin, count, parts);
    scaleRows(group, offset, place, begin, count, sums);
    return SmallVector<Value>();
  };
  if (!waits)
    return forParts(
        [&](int64_t begin, ArrayRef<Value> sums) {
          return finish(begin, sumBlocks(sums, group, offset, zero, constantIndex(b, blocks), begin, count, parts));
        },
        /*fromBias=*/true);
  forParts([](int64_t, ArrayRef<Value> sums) { return llvm::to_vector(sums); }, /*fromBias=*/true);
  Value last = constantIndex(b, blocks), step = constantIndex(b, kBlocksAtOnce);
  scf::ForOp::create(b, zero, last, step, ValueRange(), [&](OpBuilder &, Location, Value first, ValueRange) {
    Value end = arith::MinUIOp::create(b, arith::AddIOp::create(b, first, step), last);
    forParts([&](int64_t begin, ArrayRef<Value> sums) { return sumBlocks(sums, group, offset, first, end, begin, count, parts); },
             /*fromBias=*/false);
    scf::YieldOp::create(b);
  });
  forParts(finish, /*fromBias=*/false);
}

void FewRowsEmitter::emitGroup(Value group, Value offset, Value place, int64_t count) {
  // As many weight rows share a load of the activations as leave registers for their codes beside the sums.
  const int64_t parts = !isWide || count > kRowsOfTwoParts ? 1 : count > kRowsOfFourParts ? 2 : 4;
  if (triples)
    emitTriples(group, offset, place, count);
  else
    for (int64_t begin = 0; begin < kTileRows; begin += parts * kLanes)
      scaleRows(group, offset, place, begin, count, sumRows(group, offset, begin, count, parts));
  for (int64_t byte = layout.alphaOffset; prefetchBytes > 0 && byte < layout.bytes; byte += kVectorBytes)
    memref::PrefetchOp::create(b, buffers.weights, ValueRange{affine(b, offset, 0, {}, byte + prefetchBytes)}, /*isWrite=*/false,
                               /*localityHint=*/3, /*isDataCache=*/true);
}

/// The products from `place` on through the epilogue to the output.
void FewRowsEmitter::store(Value tile, Value place) {
  forRange(zero, rows, [&](Value row) {
    Value products = affine(b, place, kTileRows, row, 0);
    storeTile(b, buffers.out, row, tile, lastColumns, [&](int64_t part, Value column, Value mask) {
      return applyEpilogue(b, epilogue, loadProducts(affine(b, products, 0, {}, part)), row, column, mask);
    });
  });
}

void FewRowsEmitter::emitItems(Value first, Value last, int64_t count, bool maybeLess) {
  lastRow = maybeLess ? arith::SubIOp::create(b, rows, one).getResult() : Value();
  forRange(first, last, [&](Value item) {
    forTiles(item, count, [&](Value, Value place) {
      for (int64_t part = 0; part < count * kTileRows; part += kLanes)
        vector::StoreOp::create(b, splatFloat(b, kLanes, 0.0f), products, ValueRange{affine(b, place, 0, {}, part)});
    });
    forRange(zero, groups, [&](Value group) {
      forTiles(item, count, [&](Value tile, Value place) {
        emitGroup(group, affine(b, arith::MulIOp::create(b, tile, tileBytes), layout.bytes, group, 0), place, count);
      });
    });
    forTiles(item, count, [&](Value tile, Value place) { store(tile, place); });
  });
}

int64_t lutloops::getFewRows(const ConvertLutToLoopsOptions &options) { return options.vectorRows >= kTileRows ? kFewRows : kFewRowsNarrow; }

void lutloops::emitIntegerFew(ImplicitLocOpBuilder &b, ValueRange args, const GroupLayout &layout, int64_t lastColumns, int64_t rows,
                              Region &region, const ConvertLutToLoopsOptions &options) {
  ValueRange ranges = args.take_back(3), buffers = args.drop_back(3);
  Epilogue epilogue{&region, llvm::to_vector(buffers.drop_front(5).drop_back())};
  FewRowsEmitter emitter(b, {buffers[0], buffers[1], buffers[2], buffers[3], buffers[4], buffers.back()}, epilogue, layout, lastColumns,
                         ranges[2], options);
  if (rows > 0)
    return emitter.emitItems(ranges[0], ranges[1], rows, /*maybeLess=*/false);
  // Numbers of rows have loops of their own, pairs of them beyond `kRowsAlone`; none has none, which is the default.
  Value count = memref::DimOp::create(b, buffers[0], constantIndex(b, 1));
  SmallVector<int64_t> cases;
  for (int64_t number = layout.triples ? 2 : 1; number <= getFewRows(options); number += number < kRowsAlone ? 1 : 2)
    cases.push_back(number);
  Value isAlone = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, count, constantIndex(b, kRowsAlone));
  Value isOdd = arith::RemUIOp::create(b, count, constantIndex(b, 2));
  Value number = arith::SelectOp::create(b, isAlone, count, arith::AddIOp::create(b, count, isOdd));
  auto choice = scf::IndexSwitchOp::create(b, TypeRange(), number, cases, cases.size());
  OpBuilder::InsertionGuard guard(b);
  for (auto [index, region] : llvm::enumerate(choice->getRegions())) {
    b.createBlock(&region);
    if (index > 0)
      emitter.emitItems(ranges[0], ranges[1], cases[index - 1], /*maybeLess=*/cases[index - 1] > kRowsAlone);
    scf::YieldOp::create(b);
  }
}
