//===- DenseProduct.cpp - the loops of a product of floats ----------------===//
//
// As an integer product (IntegerProduct.cpp), with a panel of f32 numbers: per tile of 64 weight rows and block of K, planes become codes, and codes
// numbers, once for all activation rows; then blocks of rows are multiplied with the panel. Between blocks, outputs wait in a scratch.
//
//     w = f32(alpha ((2 q - (2^P - 1)) + zeta))      in f64
//     y = fma(a, w, y)                               k ascending: docs/spec/numerics.md, "Dense products"
//
// Codes past the end of K or of a group are never multiplied: 0 times a number might still be a NaN.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/IntegerKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

namespace {
/// Codes of a pair of tables, and pairs of a panel: 64 codes by 64 rows of f32 are half of the first cache.
constexpr int64_t kPairCodes = 8, kPanelPairs = 8;

class DenseEmitter {
public:
  DenseEmitter(ImplicitLocOpBuilder &b, ValueRange buffers, const GroupLayout &layout, int64_t cols, int64_t lastColumns,
               const ConvertLutToLoopsOptions &options);

  /// Emits the rows [firstRow, lastRow) times one tile.
  void emitTile(Value tile, Value firstRow, Value lastRow);

private:
  void forRange(Value begin, Value end, int64_t step, function_ref<void(Value)> body);
  void forRows(Value firstRow, Value lastRow, function_ref<void(Value, int64_t)> body);
  void emitBlock(Value offset, Value column, Value firstPair, int64_t codes, Value firstRow, Value lastRow);
  void emitGroup(Value tileOffset, Value group, int64_t length, Value firstRow, Value lastRow);
  void emitNumbers(Value offset);
  void emitPanel(Value offset, Value firstPair, int64_t pairs);
  void multiply(Value column, int64_t codes, Value row, int64_t count, Value part, Value firstRow);
  void store(Value tile, Value firstRow, Value row);
  Value scratch(int64_t count, Type element) {
    return memref::AllocaOp::create(b, MemRefType::get({count}, element), b.getI64IntegerAttr(kVectorBytes));
  }
  Value waitingPlace(Value row, Value firstRow, Value part) {
    return affine(b, part, kTileRows, arith::SubIOp::create(b, row, firstRow), 0);
  }

  ImplicitLocOpBuilder &b;
  Value activations, weights, out;
  const GroupLayout &layout;
  int64_t cols, lastColumns, prefetchBytes, blockRows, blockSums;
  /// Vectors of weight rows of the block at hand: the fewer activation rows, the more, since sums of one row must not wait for each other.
  int64_t blockParts = 0;
  Value zero, bytes, numbers, alphas, zetas, waiting;
};
} // namespace

DenseEmitter::DenseEmitter(ImplicitLocOpBuilder &b, ValueRange buffers, const GroupLayout &layout, int64_t cols,
                           int64_t lastColumns, const ConvertLutToLoopsOptions &options)
    : b(b), activations(buffers[0]), weights(buffers[1]), out(buffers[2]), layout(layout), cols(cols), lastColumns(lastColumns),
      prefetchBytes(options.prefetchBytes) {
  bool wide = options.vectorRows >= kTileRows;
  blockRows = wide ? 6 : 4;
  blockSums = wide ? 12 : 4;
  zero = constantIndex(b, 0);
  bytes = scratch(2 * kQuadBytes, b.getI8Type());
  numbers = scratch(kPanelPairs * kPairCodes * kTileRows, b.getF32Type());
  alphas = scratch(kTileRows, b.getF64Type());
  zetas = scratch(kTileRows, b.getF64Type());
  waiting = scratch(kIntegerChunkRows * kTileRows, b.getF32Type());
}

void DenseEmitter::forRange(Value begin, Value end, int64_t step, function_ref<void(Value)> body) {
  scf::ForOp::create(b, begin, end, constantIndex(b, step), ValueRange(), [&](OpBuilder &, Location, Value index, ValueRange) {
    body(index);
    scf::YieldOp::create(b);
  });
}

/// Whole blocks of rows, then the rows that are left one at a time.
void DenseEmitter::forRows(Value firstRow, Value lastRow, function_ref<void(Value, int64_t)> body) {
  Value count = arith::SubIOp::create(b, lastRow, firstRow);
  Value rest = arith::RemUIOp::create(b, count, constantIndex(b, blockRows));
  Value end = arith::SubIOp::create(b, lastRow, rest);
  blockParts = blockSums / blockRows;
  forRange(firstRow, end, blockRows, [&](Value row) { body(row, blockRows); });
  blockParts = kTileRows / kLanes;
  forRange(end, lastRow, 1, [&](Value row) { body(row, 1); });
}

/// Alphas, and what is added to twice a code (zeta less 2^P - 1 is added in two steps, as it is defined), in f64.
void DenseEmitter::emitNumbers(Value offset) {
  auto wide = VectorType::get({kLanes}, b.getF64Type());
  for (int64_t row = 0; row < kTileRows; row += kLanes) {
    auto store = [&](Value to, Value floats) {
      vector::StoreOp::create(b, arith::ExtFOp::create(b, wide, floats), to, ValueRange{constantIndex(b, row)});
    };
    int64_t place = layout.alphaOffset + row * (layout.alphaType.getIntOrFloatBitWidth() / 8);
    store(alphas, loadAsFloat(b, weights, affine(b, offset, 0, {}, place), layout.alphaType));
    if (!layout.zeta)
      store(zetas, loadZetas(b, weights, offset, layout, row));
  }
}

/// The numbers of `pairs` pairs from `firstPair` on, code by code, 64 rows each.
void DenseEmitter::emitPanel(Value offset, Value firstPair, int64_t pairs) {
  auto wide = VectorType::get({kLanes}, b.getF64Type());
  auto splat = [&](double value) -> Value { return arith::ConstantOp::create(b, DenseElementsAttr::get(wide, value)); };
  Value largest = splat(double((1 << layout.planes) - 1));
  forRange(zero, constantIndex(b, pairs), 1, [&](Value pair) {
    emitPanelStep(b, layout, /*doubled=*/false, weights, offset, arith::AddIOp::create(b, firstPair, pair), /*tables=*/2, bytes, zero, {prefetchBytes, /*level=*/1});
    for (int64_t row = 0; row < kTileRows; row += kLanes) {
      Value alpha = vector::LoadOp::create(b, wide, alphas, ValueRange{constantIndex(b, row)});
      Value zeta = layout.zeta ? splat(layout.zeta.getValue().convertToFloat())
                               : vector::LoadOp::create(b, wide, zetas, ValueRange{constantIndex(b, row)}).getResult();
      for (int64_t half : {0, 1}) {
        Value quad = loadBytes(b, bytes, constantIndex(b, half * kQuadBytes + kQuad * row), b.getI32Type(), kLanes);
        for (int64_t i = 0; i < kQuad; ++i) {
          Value code = arith::ShRUIOp::create(b, quad, splatInt(b, kLanes, 32, 8 * i));
          code = arith::AndIOp::create(b, code, splatInt(b, kLanes, 32, 255));
          code = arith::AddIOp::create(b, code, code);
          Value sum = arith::SubFOp::create(b, arith::SIToFPOp::create(b, wide, code), largest);
          Value value = arith::MulFOp::create(b, alpha, arith::AddFOp::create(b, sum, zeta));
          Value number = arith::TruncFOp::create(b, VectorType::get({kLanes}, b.getF32Type()), value);
          Value place = affine(b, {}, kPairCodes * kTileRows, pair, (half * kQuad + i) * kTileRows + row);
          vector::StoreOp::create(b, number, numbers, ValueRange{place});
        }
      }
    }
  });
}

/// Adds the products of `codes` columns from `column` on for `count` rows and a block of parts.
void DenseEmitter::multiply(Value column, int64_t codes, Value row, int64_t count, Value part, Value firstRow) {
  auto floats = VectorType::get({kLanes}, b.getF32Type());
  SmallVector<Value> places, sums;
  for (int64_t index = 0; index < count; ++index)
    for (int64_t sub = 0; sub < blockParts; ++sub) {
      Value place = waitingPlace(affine(b, row, 0, {}, index), firstRow, affine(b, part, 0, {}, sub * kLanes));
      places.push_back(place);
      sums.push_back(vector::LoadOp::create(b, floats, waiting, ValueRange{place}));
    }
  auto step = [&](ArrayRef<Value> before, Value code) {
    SmallVector<Value> next(before), values;
    for (int64_t sub = 0; sub < blockParts; ++sub)
      values.push_back(vector::LoadOp::create(b, floats, numbers, ValueRange{affine(b, part, kTileRows, code, sub * kLanes)}));
    for (int64_t index = 0; index < count; ++index) {
      Value number = loadSplat(b, activations, affine(b, row, 0, {}, index), arith::AddIOp::create(b, column, code));
      for (int64_t sub = 0; sub < blockParts; ++sub) {
        Value &sum = next[index * blockParts + sub];
        sum = math::FmaOp::create(b, number, values[sub], sum);
      }
    }
    return next;
  };
  constexpr int64_t unrolled = 4;
  int64_t whole = codes / unrolled * unrolled;
  if (whole > 0) {
    auto loop = scf::ForOp::create(b, zero, constantIndex(b, whole), constantIndex(b, unrolled), sums,
                                   [&](OpBuilder &, Location, Value code, ValueRange before) {
                                     SmallVector<Value> values = llvm::to_vector(before);
                                     for (int64_t i = 0; i < unrolled; ++i)
                                       values = step(values, affine(b, code, 0, {}, i));
                                     scf::YieldOp::create(b, values);
                                   });
    sums = SmallVector<Value>(loop.getResults());
  }
  for (int64_t code = whole; code < codes; ++code)
    sums = step(sums, constantIndex(b, code));
  for (auto [place, sum] : llvm::zip_equal(places, sums))
    vector::StoreOp::create(b, sum, waiting, ValueRange{place});
}

/// `codes` columns from `column` on, whose pairs begin at `firstPair` of the group at `offset`.
void DenseEmitter::emitBlock(Value offset, Value column, Value firstPair, int64_t codes, Value firstRow, Value lastRow) {
  emitPanel(offset, firstPair, (codes + kPairCodes - 1) / kPairCodes);
  forRows(firstRow, lastRow, [&](Value row, int64_t count) {
    forRange(zero, constantIndex(b, kTileRows), blockParts * kLanes,
             [&](Value part) { multiply(column, codes, row, count, part, firstRow); });
  });
}

/// A group of which `length` columns exist.
void DenseEmitter::emitGroup(Value tileOffset, Value group, int64_t length, Value firstRow, Value lastRow) {
  Value offset = affine(b, tileOffset, layout.bytes, group, 0);
  Value column = affine(b, {}, layout.group, group, 0);
  emitNumbers(offset);
  constexpr int64_t blockCodes = kPanelPairs * kPairCodes;
  int64_t blocks = length / blockCodes, rest = length % blockCodes;
  if (blocks > 0)
    forRange(zero, constantIndex(b, blocks), 1, [&](Value block) {
      emitBlock(offset, affine(b, column, blockCodes, block, 0), affine(b, {}, kPanelPairs, block, 0), blockCodes, firstRow, lastRow);
    });
  if (rest > 0)
    emitBlock(offset, affine(b, column, 0, {}, blocks * blockCodes), constantIndex(b, blocks * kPanelPairs), rest, firstRow, lastRow);
}

void DenseEmitter::store(Value tile, Value firstRow, Value row) {
  storeTile(b, out, row, tile, lastColumns, [&](int64_t part, Value, Value) -> Value {
    return vector::LoadOp::create(b, VectorType::get({kLanes}, b.getF32Type()), waiting,
                                  ValueRange{waitingPlace(row, firstRow, constantIndex(b, part))});
  });
}

void DenseEmitter::emitTile(Value tile, Value firstRow, Value lastRow) {
  int64_t groups = (cols + layout.group - 1) / layout.group, wholeGroups = cols / layout.group;
  Value tileOffset = affine(b, {}, layout.bytes * groups, tile, 0);
  forRange(firstRow, lastRow, 1, [&](Value row) {
    for (int64_t part = 0; part < kTileRows; part += kLanes)
      vector::StoreOp::create(b, splatFloat(b, kLanes, 0.0f), waiting,
                              ValueRange{waitingPlace(row, firstRow, constantIndex(b, part))});
  });
  if (wholeGroups > 0)
    forRange(zero, constantIndex(b, wholeGroups), 1,
             [&](Value group) { emitGroup(tileOffset, group, layout.group, firstRow, lastRow); });
  if (groups > wholeGroups)
    emitGroup(tileOffset, constantIndex(b, wholeGroups), cols % layout.group, firstRow, lastRow);
  forRange(firstRow, lastRow, 1, [&](Value row) { store(tile, firstRow, row); });
}

LogicalResult KernelFunctions::lower(lut::DenseMatmulOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  lowbit::WeightType weight = op.getWeightType();
  FailureOr<GroupLayout> layout = GroupLayout::get(weight, [&] { return op.emitOpError(); });
  if (failed(layout))
    return failure();
  if (layout->triples)
    return op.emitOpError() << "makes numbers of planes, but the weight is stored as triples; pack it with lowbit-pack-weights{triples=false}";
  FailureOr<SmallVector<Value>> buffers = castToArguments(b, op);
  if (failed(buffers))
    return failure();
  SmallVector<Type> types = llvm::to_vector(ValueRange(*buffers).getTypes());
  types.append(4, b.getIndexType());
  int64_t lastColumns = weight.getRows() % kTileRows;
  // K is in the code: a row's numbers lie at its multiples.
  SmallVector<Attribute> key{b.getStringAttr("dense_matmul"), TypeAttr::get(b.getFunctionType(types, {})), weight.getFormat(),
                             b.getI64IntegerAttr(lastColumns), b.getI64IntegerAttr(weight.getCols())};
  auto emit = [&](ImplicitLocOpBuilder &body, ValueRange args) {
    DenseEmitter emitter(body, args.drop_back(4), *layout, weight.getCols(), lastColumns, options);
    ValueRange ranges = args.take_back(4);
    scf::ForOp::create(body, ranges[0], ranges[1], constantIndex(body, 1), ValueRange(),
                       [&](OpBuilder &, Location, Value tile, ValueRange) {
                         emitter.emitTile(tile, ranges[2], ranges[3]);
                         scf::YieldOp::create(body);
                       });
  };
  func::FuncOp function = getOrCreate(op.getLoc(), "lut_dense_matmul", b.getArrayAttr(key), types, emit);
  callForTiles(b, function, *buffers, memref::DimOp::create(b, op.getActivations(), constantIndex(b, 0)), weight.getRows());
  op.erase();
  return success();
}
