//===- TableBlock.cpp - tables side by side, one a lane -------------------===//
//
// The same numbers as one table after another (docs/spec/numerics.md, "Tables"): f32 negation commutes with every rounding, so that
// a3 - u is what (-u) + a3 is, and the largest of a table's magnitudes is the sum of its activations' magnitudes in the entries'
// order, because rounding is monotonous and that sum is one of the entries, or minus one.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/TableBlock.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

TableBlock::TableBlock(ImplicitLocOpBuilder &b, Value activations, Value row, Value column, int64_t width)
    : b(b), width(width) {
  SmallVector<Value, 4> loaded;
  for (int64_t part = 0; part < lowbit::kTableWidth; ++part)
    loaded.push_back(vector::LoadOp::create(b, getType(b.getF32Type()), activations,
                                            ValueRange{row, affine(b, column, 0, {}, part * width)}));
  lanes = transposeFours(b, loaded);
}

SmallVector<Value, 4> lutloops::transposeFours(ImplicitLocOpBuilder &b, ArrayRef<Value> vectors) {
  const int64_t width = cast<VectorType>(vectors[0].getType()).getDimSize(0);
  // Lanes [first, first + 2) of each four of `x`, beside (or, by pairs, after) those of `y`.
  auto merge = [&](Value x, Value y, int64_t first, bool byPairs) {
    SmallVector<int64_t> mask;
    for (int64_t four = 0; four < width; four += 4)
      for (int64_t lane = 0; lane < 4; ++lane) {
        bool second = byPairs ? lane >= 2 : lane % 2 == 1;
        mask.push_back(four + first + (byPairs ? lane % 2 : lane / 2) + (second ? width : 0));
      }
    return vector::ShuffleOp::create(b, x, y, mask).getResult();
  };
  Value low01 = merge(vectors[0], vectors[1], 0, false), high01 = merge(vectors[0], vectors[1], 2, false);
  Value low23 = merge(vectors[2], vectors[3], 0, false), high23 = merge(vectors[2], vectors[3], 2, false);
  return {merge(low01, low23, 0, true), merge(low01, low23, 2, true), merge(high01, high23, 0, true),
          merge(high01, high23, 2, true)};
}

SmallVector<Value> TableBlock::getSums() {
  Value total = lanes[0];
  for (Value lane : ArrayRef<Value>(lanes).drop_front())
    total = arith::AddFOp::create(b, total, lane);
  SmallVector<Value> sums;
  int64_t parts = width / 4;
  for (int64_t table = 0; table < width; ++table)
    sums.push_back(vector::ExtractOp::create(b, total, ArrayRef<int64_t>{4 * (table % parts) + table / parts}));
  return sums;
}

Value TableBlock::getLargest() {
  auto ints = getType(b.getI32Type());
  Value mask = splatInt(b, width, 32, 0x7fffffff), total;
  for (Value lane : lanes) {
    Value bits = arith::AndIOp::create(b, arith::BitcastOp::create(b, ints, lane).getResult(), mask);
    Value magnitude = arith::BitcastOp::create(b, lane.getType(), bits);
    total = total ? arith::AddFOp::create(b, total, magnitude).getResult() : magnitude;
  }
  // A NaN's sign is of no meaning, but would count.
  Value bits = arith::AndIOp::create(b, arith::BitcastOp::create(b, ints, total).getResult(), mask);
  if (width == kLanes)
    return bits;
  return vector::InsertStridedSliceOp::create(b, bits, splatInt(b, kLanes, 32, 0), ArrayRef<int64_t>{0}, ArrayRef<int64_t>{1});
}

/// Entries 8 to 15. Bit i of the index is the sign of activation i; of u and -u, a3 is added to the first and the second is taken off.
SmallVector<Value, 8> TableBlock::getUpperHalves() {
  auto add = [&](Value x, Value y) { return arith::AddFOp::create(b, x, y).getResult(); };
  auto sub = [&](Value x, Value y) { return arith::SubFOp::create(b, x, y).getResult(); };
  Value sum = add(lanes[0], lanes[1]), difference = sub(lanes[0], lanes[1]);
  Value uses[] = {add(sum, lanes[2]), sub(sum, lanes[2]), add(difference, lanes[2]), sub(difference, lanes[2])};
  int64_t indices[] = {7, 3, 5, 1};
  SmallVector<Value, 8> entries(8);
  for (auto [value, index] : llvm::zip_equal(uses, indices)) {
    entries[index] = add(value, lanes[3]);
    entries[7 - index] = sub(lanes[3], value);
  }
  return entries;
}

Value lutloops::packBytes(ImplicitLocOpBuilder &b, ArrayRef<Value> integers) {
  const int64_t width = cast<VectorType>(integers[0].getType()).getDimSize(0);
  Value words;
  for (auto [place, integer] : llvm::enumerate(integers)) {
    Value value = integer;
    if (place < 3)
      value = arith::AndIOp::create(b, value, splatInt(b, width, 32, 255));
    if (place > 0)
      value = arith::ShLIOp::create(b, value, splatInt(b, width, 32, 8 * place));
    words = words ? arith::OrIOp::create(b, words, value).getResult() : value;
  }
  return words;
}

/// Minus the bytes of each word, in reverse: entry i is minus entry 15 - i.
Value TableBlock::negateReversed(Value words) {
  Value bytes = vector::BitCastOp::create(b, VectorType::get({4 * width}, b.getI8Type()), words);
  SmallVector<int64_t> mask;
  for (int64_t byte = 0; byte < 4 * width; ++byte)
    mask.push_back(byte ^ 3);
  Value reversed = vector::ShuffleOp::create(b, bytes, bytes, mask);
  Value negated = arith::SubIOp::create(b, splatInt(b, 4 * width, 8, 0), reversed);
  return vector::BitCastOp::create(b, words.getType(), negated);
}

SmallVector<Value, 4> TableBlock::quantize(Value inverse, Value isFinite) {
  auto ints = getType(b.getI32Type());
  Value factor = vector::BroadcastOp::create(b, getType(b.getF32Type()), inverse);
  // Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits. |T inverse| is at most 127 (1 + 2^-22), which
  // rounds to 127: the clamp of the specification never acts.
  SmallVector<Value, 8> integers;
  for (Value entry : getUpperHalves()) {
    Value scaled = arith::MulFOp::create(b, entry, factor);
    Value shifted = arith::AddFOp::create(b, scaled, splatFloat(b, width, 0x1.8p23f));
    integers.push_back(arith::BitcastOp::create(b, ints, shifted));
  }
  SmallVector<Value, 4> words(4);
  for (int64_t half : {0, 1}) {
    Value upper = packBytes(b, ArrayRef<Value>(integers).slice(4 * half, 4));
    words[2 + half] = arith::SelectOp::create(b, isFinite, upper, splatInt(b, width, 32, 0));
    words[1 - half] = negateReversed(words[2 + half]);
  }
  SmallVector<Value, 4> bytes;
  for (Value vector : transposeFours(b, words))
    bytes.push_back(vector::BitCastOp::create(b, VectorType::get({4 * width}, b.getI8Type()), vector));
  return bytes;
}
