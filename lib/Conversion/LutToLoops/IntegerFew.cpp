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

/// Steps of a loop that LLVM unrolls whole.
static constexpr int64_t kUnrolledSteps = 4;

namespace {
using lowbit::kRowsOfFourParts, lowbit::kRowsOfTwoParts;
/// Activation rows that 32 weight rows are multiplied with at once, at most, where these are several runs of planes in quads: lanes of all of them wait for their turn
/// beside the sums (3 bits of 1024x4096 in groups of 128 on Zen 4: 10 rows 227 us 16 at a time, 262 us 32).
constexpr int64_t kRowsOfTwoRunParts = 8;
/// Activation rows from which on those that contend for lines (mustCopyRows) are copied.
constexpr int64_t kNearRows = 9;
/// Pairs of quads of a group from which on the codes of a pair are unpacked while the one before is multiplied, beyond those rows.
constexpr int64_t kPairsAhead = 16;
/// Activation rows whose codes are loaded once for all weight rows, at most.
constexpr int64_t kRowsInRegisters = 2;
/// Rows whose sums with triples are two each, so that products do not wait.
constexpr int64_t kRowsOfTwoSums = 2;
/// Blocks of triples that some weight rows go through before the next do.
constexpr int64_t kBlocksAtOnce = 8;

class FewRowsEmitter {
public:
  FewRowsEmitter(ImplicitLocOpBuilder &b, IntegerBuffers buffers, const Epilogue &epilogue, const GroupLayout &layout, int64_t lastColumns, Value distance, const ConvertLutToLoopsOptions &options);

  /// Emits the product of the activations, and the tiles of the items [first, last). `known` is the number of rows; 0: it is found at run time.
  void emitItems(Value first, Value last, int64_t known);

private:
  using Body = function_ref<void(Value)>;
  void forRange(Value begin, Value end, Body body);
  void forTiles(Value item, Value count, function_ref<void(Value tile, Value place)> body);
  void emitGroups(Value item, int64_t count);
  void copyRows(Value group);
  void chooseRows(Value number, function_ref<void(int64_t)> body);
  void emitGroup(Value group, Value offset, Value place, int64_t count);
  SmallVector<Value> sumRows(Value group, Value offset, Value sixteens, int64_t begin, int64_t count, int64_t parts);
  void emitTriples(Value group, Value offset, Value place, int64_t count);
  void addTriples(MutableArrayRef<Value> sums, Value group, Value place, Value column, bool isBlock, int64_t begin, int64_t count, int64_t parts);
  SmallVector<Value> sumBlocks(ArrayRef<Value> starts, Value group, Value offset, Value first, Value last, int64_t begin, int64_t count, int64_t parts);
  SmallVector<Value> sumShort(ArrayRef<Value> sums, function_ref<SmallVector<Value>(ArrayRef<Value>, Value, Value)> addPairs);
  /// Whether sums are of twice the codes as they are, and so may begin with the bias.
  bool startsFromBias() const { return codes.doubled || codes.shortQuads > 0; }
  SmallVector<CodeStep> unpackStep(Value offset, Value step, int64_t tables, Value sixteens, int64_t begin, int64_t parts);
  void addQuads(MutableArrayRef<Value> sums, Value group, Value column, ArrayRef<Value> weights, int64_t count);
  void addStep(MutableArrayRef<Value> sums, Value group, Value step, int64_t tables, MutableArrayRef<CodeStep> weights, int64_t count);
  void scaleRows(Value group, Value offset, Value place, Value sixteens, int64_t begin, int64_t count, ArrayRef<Value> sums);
  void store(Value tile, Value place);
  void emitItem(Value item, Value number, int64_t known);
  void emitPasses(Value item, int64_t known);

  /// The row of the product that is row `row` of the pass.
  Value globalRow(Value row) { return firstRow ? arith::AddIOp::create(b, firstRow, row).getResult() : row; }
  /// From one vector of weight rows to the next of those that are multiplied together.
  int64_t partRows(int64_t parts) const { return parts == 2 && !triples ? kTileRows / 2 : kLanes; }
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
  int64_t lastColumns, lookupEntries, passRows, mostRows, rowsInOrder;
  AheadOfLoads ahead;
  bool isWide;
  /// `[tile][row][64]`, the sums over the groups so far.
  Value products;
  /// `[row][code]`, the codes of a group where they were copied; null: they are read where they are.
  Value near, nearRows;
  /// `[16 weight rows][activation row][16]`, the sums of a long group of triples so far.
  Value waitingSums;
  /// The rows of the pass at hand, and the first of them; null: the product's.
  Value rows, firstRow;
  Value zero, one, groups, tileBytes, tileCount, distance;
};
} // namespace

FewRowsEmitter::FewRowsEmitter(ImplicitLocOpBuilder &b, IntegerBuffers buffers, const Epilogue &epilogue, const GroupLayout &layout,
                               int64_t lastColumns, Value distance, const ConvertLutToLoopsOptions &options)
    : b(b), buffers(buffers), epilogue(epilogue), layout(layout), codes(layout, /*shortSums=*/options.accumulatorBits == 16 && !layout.triples && !layout.quads), lastColumns(lastColumns),
      lookupEntries(options.lookupEntries), passRows(getRowsOfPass(layout, options)), mostRows(getFewRows(layout, options)), rowsInOrder(getRowsInOrder(layout, options)),
      ahead{getAheadBytes(layout, options), options.prefetchLevel}, isWide(options.vectorRows >= kTileRows), zero(constantIndex(b, 0)),
      one(constantIndex(b, 1)), distance(distance) {
  auto type = MemRefType::get({options.streams * passRows * kTileRows}, b.getF32Type());
  products = memref::AllocaOp::create(b, type, b.getI64IntegerAttr(kVectorBytes));
  groups = memref::DimOp::create(b, buffers.padded, zero);
  rows = memref::DimOp::create(b, buffers.padded, one);
  tileBytes = affine(b, {}, layout.bytes, groups, 0);
  if (layout.triples) {
    triples.emplace(b, buffers.weights, codes.doubled, ahead.bytes, options.lookupEntries);
    waitingSums = memref::AllocaOp::create(b, MemRefType::get({passRows * kTileRows}, b.getI32Type()), b.getI64IntegerAttr(kVectorBytes));
  }
  if (passRows >= kNearRows && mustCopyRows(layout))
    nearRows = memref::AllocaOp::create(b, MemRefType::get({passRows, getRowBytes(layout) + kVectorBytes}, b.getI8Type()), b.getI64IntegerAttr(kVectorBytes));
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

/// The tiles of an item, each with the place of its products of `count` rows; the last items may have a tile less.
void FewRowsEmitter::forTiles(Value item, Value count, function_ref<void(Value, Value)> body) {
  scf::ForOp::create(b, item, tileCount, distance, ValueRange{zero}, [&](OpBuilder &, Location, Value tile, ValueRange place) {
    body(tile, place[0]);
    scf::YieldOp::create(b, affine(b, place[0], kTileRows, count, 0));
  });
}

/// Four codes of an activation row from `column` of the group on, in all lanes.
Value FewRowsEmitter::loadQuad(Value group, Value row, Value column) {
  Value loaded = near ? vector::LoadOp::create(b, VectorType::get({kQuad}, b.getI8Type()), near, ValueRange{row, column})
                      : vector::LoadOp::create(b, VectorType::get({kQuad}, b.getI8Type()), buffers.padded, ValueRange{group, globalRow(row), column});
  Value word = vector::BitCastOp::create(b, VectorType::get({1}, b.getI32Type()), loaded);
  return vector::BitCastOp::create(b, VectorType::get({4 * kLanes}, b.getI8Type()),
                                   splat(vector::ExtractOp::create(b, word, ArrayRef<int64_t>{0})));
}

Value FewRowsEmitter::loadBias(Value group, Value row) {
  return splat(memref::LoadOp::create(b, buffers.bias, ValueRange{group, globalRow(row)}));
}

/// The first `tables` tables of a step for each 16 of some weight rows.
SmallVector<CodeStep> FewRowsEmitter::unpackStep(Value offset, Value step, int64_t tables, Value sixteens, int64_t begin, int64_t parts) {
  SmallVector<CodeStep> weights;
  for (int64_t part = 0; part < parts; ++part)
    weights.emplace_back(b, layout, codes.doubled, CodeStep::Place{buffers.weights, offset, step, sixteens, begin + part * partRows(parts)}, tables, ahead);
  return weights;
}

/// Adds the products of one quad of codes from `column` of the group on to `sums`, `[16 weight rows][activation row]`.
void FewRowsEmitter::addQuads(MutableArrayRef<Value> sums, Value group, Value column, ArrayRef<Value> weights, int64_t count) {
  for (int64_t row = 0; row < count; ++row) {
    Value activations = loadQuad(group, constantIndex(b, row), column);
    for (auto [part, quad] : llvm::enumerate(weights)) {
      Value &sum = sums[part * count + row];
      sum = lut::DotOp::create(b, quad, activations, sum, codes.largest);
    }
  }
}

/// Adds the products of the first `tables` tables of a step.
void FewRowsEmitter::addStep(MutableArrayRef<Value> sums, Value group, Value step, int64_t tables, MutableArrayRef<CodeStep> weights, int64_t count) {
  auto columnOf = [&](int64_t table) { return affine(b, {}, CodeStep::countTables(layout) * kQuad, step, table * kQuad); };
  // Of one or two rows the activations stay in registers, of more the weights; then a sum's two products are far from each other.
  if (count <= kRowsInRegisters && tables == 2) {
    SmallVector<std::array<Value, 2>> activations;
    for (int64_t row = 0; row < count; ++row)
      activations.push_back({loadQuad(group, constantIndex(b, row), columnOf(0)), loadQuad(group, constantIndex(b, row), columnOf(1))});
    for (auto [part, codesOfPart] : llvm::enumerate(weights)) {
      const Value quads[] = {codesOfPart.getQuad(0), codesOfPart.getQuad(1)};
      for (int64_t row = 0; row < count; ++row)
        for (int64_t half : {0, 1}) {
          Value &sum = sums[part * count + row];
          sum = lut::DotOp::create(b, quads[half], activations[row][half], sum, codes.largest);
        }
    }
    return;
  }
  for (int64_t table = 0; table < tables; ++table) {
    SmallVector<Value> quads;
    for (CodeStep &part : weights)
      quads.push_back(part.getQuad(table));
    addQuads(sums, group, columnOf(table), quads, count);
  }
}

/// Adds all pairs to `sums`, by way of lanes of 16 bits that `addPairs` adds some to, and which are emptied before they may overflow.
SmallVector<Value> FewRowsEmitter::sumShort(ArrayRef<Value> sums, function_ref<SmallVector<Value>(ArrayRef<Value>, Value, Value)> addPairs) {
  const int64_t pairs = std::min<int64_t>(codes.shortQuads / 2, layout.pairs), rest = layout.pairs % pairs;
  auto addRun = [&](ArrayRef<Value> before, Value first, int64_t number) {
    SmallVector<Value> lanes(before.size(), splatInt(b, 2 * kLanes, 16, 0)), after;
    lanes = addPairs(lanes, first, affine(b, first, 0, {}, number));
    for (auto [lane, sum] : llvm::zip_equal(lanes, before))
      after.push_back(lut::AccumulateOp::create(b, sum.getType(), lane, sum, b.getDenseI32ArrayAttr({2, 2})));
    return after;
  };
  if (pairs == layout.pairs)
    return addRun(sums, zero, pairs);
  Value whole = constantIndex(b, layout.pairs - rest);
  auto loop = scf::ForOp::create(b, zero, whole, constantIndex(b, pairs), sums, [&](OpBuilder &, Location, Value first, ValueRange before) {
    scf::YieldOp::create(b, addRun(llvm::to_vector(before), first, pairs));
  });
  SmallVector<Value> values(loop.getResults());
  return rest > 0 ? addRun(values, whole, rest) : values;
}

/// The sums of a group for `parts` times 16 rows of a tile from `begin` + 16 `sixteens` on.
SmallVector<Value> FewRowsEmitter::sumRows(Value group, Value offset, Value sixteens, int64_t begin, int64_t count, int64_t parts) {
  SmallVector<Value> starts, sums;
  for (int64_t row = 0; row < count; ++row)
    starts.push_back(startsFromBias() ? loadBias(group, constantIndex(b, row)) : splatInt(b, kLanes, 32, 0));
  for (int64_t part = 0; part < parts; ++part)
    sums.append(starts);
  const int64_t tables = CodeStep::countTables(layout), steps = 2 * layout.pairs / tables, left = 2 * layout.pairs % tables;
  auto unpack = [&](Value step, int64_t number) { return unpackStep(offset, step, number, sixteens, begin, parts); };
  // A few steps of many products stay a loop, of which no constant tells how often it goes: in one block with the scaling of its sums these would be spilled.
  Value end = constantIndex(b, steps);
  if (steps <= kUnrolledSteps && tables > 2)
    end = arith::MinUIOp::create(b, end, arith::MulIOp::create(b, groups, end));
  auto addSteps = [&](ArrayRef<Value> values, Value first, Value last) {
    auto loop = scf::ForOp::create(b, first, last, one, values, [&](OpBuilder &, Location, Value step, ValueRange before) {
      SmallVector<Value> after(before);
      SmallVector<CodeStep> weights = unpack(step, tables);
      addStep(after, group, step, tables, weights, count);
      scf::YieldOp::create(b, after);
    });
    return SmallVector<Value>(loop.getResults());
  };
  if (codes.shortQuads > 0)
    return sumShort(sums, addSteps);
  if (parts > 1 || count <= kRowsOfTwoParts || layout.quads || steps < kPairsAhead) {
    sums = addSteps(sums, zero, end);
    if (left > 0) {
      SmallVector<CodeStep> weights = unpack(end, left);
      addStep(sums, group, end, left, weights, count);
    }
    return sums;
  }
  // The codes of the next pair are unpacked beside the products of this one, which else would all wait for theirs; the last pair is unpacked twice.
  const size_t width = sums.size();
  Value last = constantIndex(b, steps - 1);
  auto append = [&](SmallVectorImpl<Value> &values, CodeStep pair) { values.append({pair.getQuad(0), pair.getQuad(1)}); };
  append(sums, unpack(zero, tables).front());
  auto loop = scf::ForOp::create(b, zero, end, one, sums, [&](OpBuilder &, Location, Value pair, ValueRange before) {
    CodeStep next = unpack(arith::MinUIOp::create(b, affine(b, pair, 0, {}, 1), last), tables).front();
    SmallVector<Value> after(before.take_front(width));
    for (int64_t half : {0, 1})
      addQuads(after, group, affine(b, {}, 2 * kQuad, pair, half * kQuad), before[width + half], count);
    append(after, next);
    scf::YieldOp::create(b, after);
  });
  return SmallVector<Value>(loop.getResults().take_front(width));
}

/// y = fma(alpha, fma(scale, f32(acc), zeta asum), y) for the rows of `sums`.
void FewRowsEmitter::scaleRows(Value group, Value offset, Value place, Value sixteens, int64_t begin, int64_t count, ArrayRef<Value> sums) {
  auto floats = VectorType::get({kLanes}, b.getF32Type());
  const int64_t alphaBytes = layout.alphaType.getIntOrFloatBitWidth() / 8;
  for (int64_t part = 0; part < static_cast<int64_t>(sums.size()) / count; ++part) {
    int64_t first = begin + part * partRows(sums.size() / count);
    Value alpha = loadAsFloat(b, buffers.weights, affine(b, offset, kLanes * alphaBytes, sixteens, layout.alphaOffset + first * alphaBytes), layout.alphaType);
    Value zeta = layout.zeta ? splatFloat(b, kLanes, layout.zeta.getValue().convertToFloat())
                             : loadZetas(b, buffers.weights, offset, layout, first, sixteens);
    for (int64_t row = 0; row < count; ++row) {
      Value local = constantIndex(b, row), at = globalRow(local), sum = sums[part * count + row];
      if (!startsFromBias())
        sum = arith::AddIOp::create(b, loadBias(group, local), arith::ShLIOp::create(b, sum, splatInt(b, kLanes, 32, 1)));
      Value offsetTerm = arith::MulFOp::create(b, zeta, loadSplat(b, buffers.sums, group, at));
      Value value = math::FmaOp::create(b, loadSplat(b, buffers.scales, group, at), arith::SIToFPOp::create(b, floats, sum), offsetTerm);
      Value product = affine(b, place, kLanes, sixteens, row * kTileRows + first);
      vector::StoreOp::create(b, math::FmaOp::create(b, alpha, value, loadProducts(product)), products, ValueRange{product});
    }
  }
}

/// Adds the products of a block of triples, or of an octet, at byte `place` of the weights and `column` of the group.
void FewRowsEmitter::addTriples(MutableArrayRef<Value> sums, Value group, Value place, Value column, bool isBlock, int64_t begin, int64_t count, int64_t parts) {
  SmallVector<SmallVector<Value>> weights;
  auto take = [&](int64_t, ArrayRef<Value> quads) { weights.emplace_back(quads); };
  if (isBlock)
    triples->forBlock(place, begin, parts * kLanes, take);
  else
    triples->forOctet(place, begin, parts * kLanes, take);
  const int64_t chains = sums.size() / (parts * count);
  for (int64_t quad = 0; quad < static_cast<int64_t>(weights[0].size()); ++quad)
    for (int64_t row = 0; row < count; ++row) {
      Value activations = loadQuad(group, constantIndex(b, row), affine(b, column, 0, {}, quad * kQuad));
      for (int64_t part = 0; part < parts; ++part) {
        Value &sum = sums[(quad % chains * parts + part) * count + row];
        sum = lut::DotOp::create(b, weights[part][quad], activations, sum, codes.largest);
      }
    }
}

/// `starts`, `[16 weight rows][activation row]`, and the products of the blocks [first, last).
SmallVector<Value> FewRowsEmitter::sumBlocks(ArrayRef<Value> starts, Value group, Value offset, Value first, Value last, int64_t begin, int64_t count, int64_t parts) {
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
  const int64_t most = lookupEntries > 16 ? lowbit::kRowsOfTwoNumberParts : lowbit::kRowsOfTwoTripleParts;
  const int64_t parts = isWide && count <= most ? 2 : 1, blocks = layout.pairs / lowbit::kTripleOctets;
  const bool waits = blocks > 2 * kBlocksAtOnce;
  auto forParts = [&](function_ref<SmallVector<Value>(int64_t, ArrayRef<Value>)> sum, bool fromBias) {
    for (int64_t begin = 0; begin < kTileRows; begin += parts * kLanes) {
      SmallVector<Value> sums;
      for (int64_t index = 0; index < parts * count; ++index)
        sums.push_back(fromBias ? loadBias(group, constantIndex(b, index % count))
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
    scaleRows(group, offset, place, zero, begin, count, sums);
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
  const int64_t most = layout.quads && layout.runs.size() > 1 ? kRowsOfTwoRunParts : kRowsOfTwoParts;
  const int64_t parts = !isWide || count > most ? 1 : count > kRowsOfFourParts ? 2 : 4;
  auto multiply = [&](Value sixteens, int64_t begin) {
    scaleRows(group, offset, place, sixteens, begin, count, sumRows(group, offset, sixteens, begin, count, parts));
  };
  if (triples)
    emitTriples(group, offset, place, count);
  else if (parts * kLanes == kTileRows)
    multiply(zero, 0);
  else
    // The first 16 rows of the halves and the others are a loop, so that their code is there once.
    forRange(zero, constantIndex(b, kTileRows / 2 / kLanes), [&](Value sixteens) {
      for (int64_t begin = 0; begin < kTileRows; begin += parts * kTileRows / 2)
        multiply(sixteens, begin);
    });
  for (int64_t byte = layout.alphaOffset; byte < layout.bytes; byte += kVectorBytes)
    ahead.ask(b, buffers.weights, affine(b, offset, 0, {}, byte));
}

/// All groups of an item's tiles, for `count` rows.
void FewRowsEmitter::emitGroups(Value item, int64_t count) {
  const bool isCopied = count >= kNearRows && mustCopyRows(layout);
  const AheadOfLoads asked = ahead;
  if (count <= rowsInOrder)
    ahead.bytes = 0;
  if (isCopied)
    near = nearRows;
  forRange(zero, groups, [&](Value group) {
    if (isCopied)
      copyRows(group);
    forTiles(item, constantIndex(b, count), [&](Value tile, Value place) {
      emitGroup(group, affine(b, arith::MulIOp::create(b, tile, tileBytes), layout.bytes, group, 0), place, count);
    });
  });
  near = {};
  ahead = asked;
}

/// Copies the codes of a group.
void FewRowsEmitter::copyRows(Value group) {
  auto bytes = VectorType::get({kVectorBytes}, b.getI8Type());
  forRange(zero, rows, [&](Value row) {
    scf::ForOp::create(b, zero, constantIndex(b, getRowBytes(layout)), constantIndex(b, kVectorBytes), ValueRange(), [&](OpBuilder &, Location, Value at, ValueRange) {
      Value loaded = vector::LoadOp::create(b, bytes, buffers.padded, ValueRange{group, globalRow(row), at});
      vector::StoreOp::create(b, loaded, nearRows, ValueRange{row, at});
      scf::YieldOp::create(b);
    });
  });
}

/// The products from `place` on through the epilogue to the output.
void FewRowsEmitter::store(Value tile, Value place) {
  forRange(zero, rows, [&](Value local) {
    Value products = affine(b, place, kTileRows, local, 0), row = globalRow(local);
    storeTile(b, buffers.out, row, tile, lastColumns, [&](int64_t part, Value column, Value mask) {
      return applyEpilogue(b, epilogue, loadProducts(affine(b, products, 0, {}, part)), row, column, mask);
    });
  });
}

/// Runs `body` for the number of rows, each of which has loops of its own.
void FewRowsEmitter::chooseRows(Value number, function_ref<void(int64_t)> body) {
  SmallVector<int64_t> cases;
  for (int64_t count = triples ? 2 : 1; count <= passRows; ++count)
    cases.push_back(count);
  // No rows have no loops, which is the default.
  auto choice = scf::IndexSwitchOp::create(b, TypeRange(), number, cases, cases.size());
  OpBuilder::InsertionGuard guard(b);
  for (auto [index, region] : llvm::enumerate(choice->getRegions())) {
    b.createBlock(&region);
    if (index > 0)
      body(cases[index - 1]);
    scf::YieldOp::create(b);
  }
}

/// The pass's rows of an item: `known` of them, or `number`, which has loops.
void FewRowsEmitter::emitItem(Value item, Value number, int64_t known) {
  forTiles(item, number, [&](Value, Value place) {
    forRange(zero, number, [&](Value row) {
      for (int64_t part = 0; part < kTileRows; part += kLanes)
        vector::StoreOp::create(b, splatFloat(b, kLanes, 0.0f), products, ValueRange{affine(b, place, kTileRows, row, part)});
    });
  });
  if (known > 0)
    emitGroups(item, known);
  else
    chooseRows(number, [&](int64_t count) { emitGroups(item, count); });
  forTiles(item, number, [&](Value tile, Value place) { store(tile, place); });
}

/// All rows of an item: in passes of equal length, while its weights are near.
void FewRowsEmitter::emitPasses(Value item, int64_t known) {
  const Value all = rows;
  auto emitPass = [&](Value first, Value count, int64_t length) {
    firstRow = first, rows = count;
    emitItem(item, length > 0 ? constantIndex(b, length) : count, length);
  };
  auto forPasses = [&](Value last, Value length, function_ref<void(Value)> body) {
    scf::ForOp::create(b, zero, last, length, ValueRange(), [&](OpBuilder &, Location, Value first, ValueRange) {
      body(first);
      scf::YieldOp::create(b);
    });
  };
  if (mostRows == passRows) {
    emitPass({}, rows, known);
  } else if (known > 0) {
    const int64_t number = llvm::divideCeil(known, passRows), length = llvm::divideCeil(known, number), left = known - (number - 1) * length;
    Value whole = constantIndex(b, known - left);
    forPasses(whole, constantIndex(b, length), [&](Value first) { emitPass(first, constantIndex(b, length), length); });
    emitPass(whole, constantIndex(b, left), left);
  } else {
    Value number = arith::MaxUIOp::create(b, arith::CeilDivUIOp::create(b, all, constantIndex(b, passRows)), one);
    Value length = arith::MaxUIOp::create(b, arith::CeilDivUIOp::create(b, all, number), one);
    forPasses(all, length, [&](Value first) { emitPass(first, arith::MinUIOp::create(b, length, arith::SubIOp::create(b, all, first)), 0); });
  }
  firstRow = {}, rows = all;
}

void FewRowsEmitter::emitItems(Value first, Value last, int64_t known) {
  forRange(first, last, [&](Value item) { emitPasses(item, known); });
}

void lutloops::emitIntegerFew(ImplicitLocOpBuilder &b, ValueRange args, const GroupLayout &layout, int64_t lastColumns, int64_t rows,
                              Region &region, const ConvertLutToLoopsOptions &options) {
  ValueRange ranges = args.take_back(3), buffers = args.drop_back(3);
  Epilogue epilogue{&region, llvm::to_vector(buffers.drop_front(5).drop_back())};
  FewRowsEmitter emitter(b, {buffers[0], buffers[1], buffers[2], buffers[3], buffers[4], buffers.back()}, epilogue, layout, lastColumns, ranges[2], options);
  emitter.emitItems(ranges[0], ranges[1], rows);
}
