//===- AttentionScores.cpp - scores, weights and weighted values ----------===//
//
// The inner loops of attention, in the type of sums. No sum is split between threads.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LowbitToLoops/AttentionKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numbers>

using namespace mlir;

namespace lutra {

/// Vectors of a head that are accumulated together when multiplying by the values.
static constexpr int64_t kValueParts = 4;
/// Vectors of scores whose greatest is found at once.
static constexpr int64_t kMostAtOnce = 4;
/// e to a smaller power is a subnormal f32.
static constexpr double kLeastExponent = -87;
/// 2^t for |t| <= 1/2, off by 2e-9 of it before f32 rounds: coefficients of t^0, t^1, ... (a least-squares fit weighted towards equal errors).
static constexpr double kPowerOfTwo[] = {1.0,
                                         0.6931471824645996,
                                         0.24022646248340607,
                                         0.05550328642129898,
                                         0.009618489071726799,
                                         0.0013399930903688073,
                                         0.00015345810970757157};

void AttentionKernel::emitKeyTile(Value keyTile, const Keys &keys, Value key) {
  // The rows past the last key repeat it: their scores are masked, and no memory past it is read.
  Value lastKey = sub(keys.end, index(1));
  auto f32 = b.getF32Type();
  forRange(index(0), index(headSize), headLanes, [&](Value d) {
    Value tile = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(VectorType::get({kKeyLanes, headLanes}, f32), 0.0f));
    for (int64_t i = 0; i < kKeyLanes; ++i) {
      Value row = loadCache(f32, presentKey, keys, min(add(key, index(i)), lastKey), d, headLanes);
      tile = vector::InsertOp::create(b, loc, row, tile, i);
    }
    Value transposed = vector::TransposeOp::create(b, loc, tile, ArrayRef<int64_t>{1, 0});
    for (int64_t i = 0; i < headLanes; ++i)
      store(vector::ExtractOp::create(b, loc, transposed, i), keyTile, {add(d, index(i)), index(0)});
  });
}

void AttentionKernel::emitTileScores(Value queries, Value keyTile, Value scores, Value row, Value key, const Keys &keys,
                                     llvm::function_ref<Value(Value)> position) {
  SmallVector<Value> zeros(kRowsAtOnce, splat(0.0, kKeyLanes));
  auto loop = scf::ForOp::create(
      b, loc, index(0), index(headSize), index(1), zeros, [&](OpBuilder &, Location, Value d, ValueRange sofar) {
        Value tile = loadAs(sums, keyTile, {d, index(0)}, kKeyLanes);
        SmallVector<Value> next;
        for (int64_t i = 0; i < kRowsAtOnce; ++i) {
          Value element = memref::LoadOp::create(b, loc, queries, ValueRange{add(row, index(i)), d});
          Value elements = vector::BroadcastOp::create(b, loc, sumVector(kKeyLanes), element);
          next.push_back(multiplyAdd(elements, tile, sofar[i]));
        }
        scf::YieldOp::create(b, loc, next);
      });
  for (int64_t i = 0; i < kRowsAtOnce; ++i) {
    Value scoreRow = add(row, index(i));
    storeScores(loop.getResult(i), scores, scoreRow, key, keys, position(scoreRow));
  }
}

Value AttentionKernel::blendAndAdd(Value first, Value second, int64_t bit) {
  int64_t lanes = cast<VectorType>(first.getType()).getNumElements();
  SmallVector<int64_t> kept, moved;
  // Lanes whose number has `bit` become the second's. Of four f32, neighbours in 16 bytes, the lower two and the upper two (or those beside each other, where
  // they are of two vectors already) are added: shuffles within 16 bytes that take one instruction anywhere.
  bool isOfFours = sums.isF32() && lanes % 4 == 0 && bit < 4;
  for (int64_t four = 0; isOfFours && four < lanes; four += 4)
    for (int64_t half : {int64_t(0), int64_t(2)}) {
      SmallVector<int64_t> &mask = half == 0 ? kept : moved;
      if (bit == 1)
        mask.append({four + half, lanes + four + half, four + half + 1, lanes + four + half + 1});
      else
        mask.append({four + half, four + half + 1, lanes + four + half, lanes + four + half + 1});
    }
  // Else a lane and the one that differs in that bit are, so that one of the two shuffles keeps every lane in its place: a blend.
  for (int64_t lane = 0; !isOfFours && lane < lanes; ++lane) {
    int64_t from = lane & bit ? lanes : 0;
    kept.push_back(from + lane);
    moved.push_back(from + (lane ^ bit));
  }
  return arith::AddFOp::create(b, loc, vector::ShuffleOp::create(b, loc, first, second, kept).getResult(),
                               vector::ShuffleOp::create(b, loc, first, second, moved).getResult());
}

Value AttentionKernel::sumHalves(Value vector, int64_t lanesLeft) {
  for (int64_t lanes = cast<VectorType>(vector.getType()).getNumElements(); lanes > lanesLeft; lanes /= 2) {
    auto half = [&](int64_t first) -> Value {
      return vector::ShuffleOp::create(b, loc, vector, vector,
                                       llvm::to_vector(llvm::seq<int64_t>(first, first + lanes / 2)));
    };
    vector = arith::AddFOp::create(b, loc, half(0), half(lanes / 2));
  }
  return vector;
}

Value AttentionKernel::sumLanes(SmallVector<Value> vectors) {
  // Neighbouring lanes of two vectors put one after the other are added: their sums are one vector, in order.
  auto lanesOf = [](Value vector) { return cast<VectorType>(vector.getType()).getNumElements(); };
  auto everySecond = [&](Value x, Value y, int64_t first) -> Value {
    SmallVector<int64_t> mask;
    for (int64_t lane = first; lane < lanesOf(x) + (x == y ? 0 : lanesOf(y)); lane += 2)
      mask.push_back(lane);
    return vector::ShuffleOp::create(b, loc, x, y, mask);
  };
  auto halve = [&](Value x, Value y) -> Value {
    return arith::AddFOp::create(b, loc, everySecond(x, y, 0), everySecond(x, y, 1));
  };
  for (int64_t partial = lanesOf(vectors[0]); partial > 1; partial /= 2) {
    SmallVector<Value> next;
    if (vectors.size() == 1)
      next.push_back(halve(vectors[0], vectors[0]));
    for (size_t i = 0; i + 1 < vectors.size(); i += 2)
      next.push_back(halve(vectors[i], vectors[i + 1]));
    vectors = std::move(next);
  }
  while (vectors.size() > 1) {
    SmallVector<Value> next;
    for (size_t i = 0; i + 1 < vectors.size(); i += 2)
      next.push_back(vector::ShuffleOp::create(
          b, loc, vectors[i], vectors[i + 1], llvm::to_vector(llvm::seq<int64_t>(0, 2 * lanesOf(vectors[i])))));
    vectors = std::move(next);
  }
  return vectors[0];
}

Value AttentionKernel::tanh(Value vector) {
  if (sums.isF32())
    return math::TanhOp::create(b, loc, vector);
  // 1 - 2 / (e^2x + 1): off by some 2^-52 of 1, which is what counts in a cap.
  int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
  Value power = math::ExpOp::create(b, loc, arith::AddFOp::create(b, loc, vector, vector));
  Value denominator = arith::AddFOp::create(b, loc, power, splat(1.0, lanes));
  return arith::SubFOp::create(b, loc, splat(1.0, lanes), arith::DivFOp::create(b, loc, splat(2.0, lanes), denominator));
}

Value AttentionKernel::capAndMask(Value score, Value keyPositions, Value position) {
  int64_t lanes = cast<VectorType>(score.getType()).getNumElements();
  if (softcap > 0) {
    Value cap = splat(softcap, lanes);
    score = arith::MulFOp::create(b, loc, cap, tanh(arith::DivFOp::create(b, loc, score, cap)));
  }
  if (!keyPositions)
    return score;
  Value rowPosition = vector::BroadcastOp::create(b, loc, keyPositions.getType(), position);
  Value visible = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, keyPositions, rowPosition);
  if (window > 0) {
    Value windowVector = vector::BroadcastOp::create(b, loc, keyPositions.getType(), index(window));
    Value inWindow =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, add(keyPositions, windowVector), rowPosition);
    visible = arith::AndIOp::create(b, loc, visible, inWindow);
  }
  return arith::SelectOp::create(b, loc, visible, score, splat(-std::numeric_limits<double>::infinity(), lanes));
}

void AttentionKernel::storeScores(Value score, Value scores, Value row, Value key, const Keys &keys, Value position) {
  int64_t lanes = cast<VectorType>(score.getType()).getNumElements();
  if (keys.keyScales)
    score = arith::MulFOp::create(b, loc, score, load(keys.keyScales, sub(key, keys.begin), lanes));
  auto indexVector = VectorType::get({lanes}, b.getIndexType());
  Value keyPositions =
      add(vector::BroadcastOp::create(b, loc, indexVector, key), vector::StepOp::create(b, loc, indexVector));
  store(capAndMask(score, keyPositions, position), scores, {row, sub(key, keys.begin)});
}

Value AttentionKernel::weightOf(Value below, ArrayRef<double> powerOfTwo) {
  if (powerOfTwo.empty())
    powerOfTwo = kPowerOfTwo;
  if (!sums.isF32())
    return math::ExpOp::create(b, loc, below);
  // 2^n p(t) with n + t = below log2(e), |t| <= 1/2. A number beyond 2^23 has no fraction: adding one rounds to n, and leaves n + 127 in
  // the lowest bits, which the exponent of 2^n is.
  constexpr double kRounder = 0x1.8p23 + 127;
  Value toLog2 = constantLike(std::numbers::log2e, below), rounder = constantLike(kRounder, below);
  Value shifted = multiplyAdd(below, toLog2, rounder);
  Value n = arith::SubFOp::create(b, loc, shifted, rounder);
  Value t = multiplyAdd(below, toLog2, arith::NegFOp::create(b, loc, n));
  Value power = constantLike(powerOfTwo.back(), below);
  for (double coefficient : llvm::reverse(powerOfTwo.drop_back()))
    power = multiplyAdd(power, t, constantLike(coefficient, below));
  Type integers = b.getI32Type();
  TypedAttr mantissa = b.getI32IntegerAttr(23);
  if (auto vector = dyn_cast<VectorType>(below.getType())) {
    integers = vector.clone(integers);
    mantissa = DenseElementsAttr::get(cast<ShapedType>(integers), int32_t(23));
  }
  Value bits = arith::BitcastOp::create(b, loc, integers, shifted);
  bits = arith::ShLIOp::create(b, loc, bits, arith::ConstantOp::create(b, loc, mantissa));
  Value weight = arith::MulFOp::create(b, loc, power, arith::BitcastOp::create(b, loc, below.getType(), bits));
  Value isNothing = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, below, constantLike(kLeastExponent, below));
  return arith::SelectOp::create(b, loc, isNothing, constantLike(0.0, below), weight);
}

Value AttentionKernel::greatestOf(Value x, Value y) {
  return arith::SelectOp::create(b, loc, arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y), x, y);
}

Value AttentionKernel::greatestLane(Value vector) {
  for (int64_t lanes = cast<VectorType>(vector.getType()).getNumElements(); lanes > 1; lanes /= 2) {
    auto half = [&](int64_t first) -> Value {
      return vector::ShuffleOp::create(b, loc, vector, vector, llvm::to_vector(llvm::seq<int64_t>(first, first + lanes / 2)));
    };
    vector = greatestOf(half(0), half(lanes / 2));
  }
  return vector::ExtractOp::create(b, loc, vector, ArrayRef<int64_t>{0});
}

Value AttentionKernel::emitShift(Value scores, Value row, Value numKeys, const State &state, Value stateRow) {
  double lowest = -std::numeric_limits<double>::infinity();
  // Several at once, since each waits for the one before.
  SmallVector<Value> most(kMostAtOnce, splat(lowest, kKeyLanes));
  Value whole = mul(arith::DivUIOp::create(b, loc, numKeys, index(kMostAtOnce * kKeyLanes)), index(kMostAtOnce * kKeyLanes));
  auto takeMost = [&](Value begin, Value end, int64_t vectors) {
    auto loop = scf::ForOp::create(b, loc, begin, end, index(vectors * kKeyLanes), most,
                                   [&](OpBuilder &, Location, Value key, ValueRange so) {
                                     SmallVector<Value> next(so);
                                     for (int64_t i = 0; i < vectors; ++i)
                                       next[i] = greatestOf(so[i], load(scores, {row, add(key, index(i * kKeyLanes))}, kKeyLanes));
                                     scf::YieldOp::create(b, loc, next);
                                   });
    most.assign(loop.getResults().begin(), loop.getResults().end());
  };
  takeMost(index(0), whole, kMostAtOnce);
  takeMost(whole, numKeys, 1);
  Value mostOfLanes = most[0];
  for (Value vector : ArrayRef(most).drop_front())
    mostOfLanes = greatestOf(mostOfLanes, vector);
  Value before = memref::LoadOp::create(b, loc, state.greatest, stateRow);
  Value greatest = greatestOf(greatestLane(mostOfLanes), before);
  memref::StoreOp::create(b, loc, greatest, state.greatest, stateRow);

  // Before the first key that is seen, the greatest score is -infinity on both sides.
  Value isSame = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, before, greatest);
  Value factor = weightOf(arith::SubFOp::create(b, loc, before, greatest));
  factor = arith::SelectOp::create(b, loc, isSame, scalar(1.0), factor);
  Value scaled = arith::MulFOp::create(b, loc, memref::LoadOp::create(b, loc, state.total, stateRow), factor);
  memref::StoreOp::create(b, loc, scaled, state.total, stateRow);
  Value factors = vector::BroadcastOp::create(b, loc, sumVector(headSumLanes), factor);
  for (int64_t d = 0; d < headSize; d += headSumLanes) {
    Value values = load(state.values, {stateRow, index(d)}, headSumLanes);
    store(arith::MulFOp::create(b, loc, values, factors), state.values, {stateRow, index(d)});
  }

  // Without any key yet, the greatest is -infinity, from which no score can be counted.
  Value isNone = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, greatest, scalar(lowest));
  return arith::SelectOp::create(b, loc, isNone, scalar(0.0), greatest);
}

Value AttentionKernel::weighKeys(Value scores, Value row, Value column, Value shift, const Keys &keys) {
  Value weight = weightOf(arith::SubFOp::create(b, loc, load(scores, {row, column}, kKeyLanes), shift));
  // The values of a line share their scale with its weight.
  Value scaled = keys.valueScales
                     ? Value(arith::MulFOp::create(b, loc, weight, load(keys.valueScales, column, kKeyLanes)))
                     : weight;
  store(scaled, scores, {row, column});
  return weight;
}

void AttentionKernel::addToTotal(Value weights, const State &state, Value stateRow) {
  // The order of a reduction within a vector is the compiler's choice: fixed in a compiled model, whatever the threads.
  Value sum = vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, weights, arith::FastMathFlags::reassoc);
  Value before = memref::LoadOp::create(b, loc, state.total, stateRow);
  memref::StoreOp::create(b, loc, arith::AddFOp::create(b, loc, before, sum), state.total, stateRow);
}

void AttentionKernel::emitWeights(Value scores, Value row, Value numKeys, const Keys &keys, const State &state,
                                  Value stateRow, llvm::function_ref<void(Value)> beside) {
  Value shift = emitShift(scores, row, numKeys, state, stateRow);
  shift = vector::BroadcastOp::create(b, loc, sumVector(kKeyLanes), shift);
  auto sumLoop = scf::ForOp::create(
      b, loc, index(0), numKeys, index(kKeyLanes), ValueRange{splat(0.0, kKeyLanes)},
      [&](OpBuilder &, Location, Value column, ValueRange so) {
        if (beside)
          beside(column);
        Value weight = weighKeys(scores, row, column, shift, keys);
        scf::YieldOp::create(b, loc, arith::AddFOp::create(b, loc, so[0], weight).getResult());
      });
  addToTotal(sumLoop.getResult(0), state, stateRow);
}

void AttentionKernel::emitValues(Value scores, Value row, int64_t rows, const Keys &keys, const State &state,
                                 Value stateRow) {
  for (int64_t column = 0; column < headSize; column += kValueParts * headSumLanes) {
    int64_t parts = std::min(kValueParts, (headSize - column) / headSumLanes);
    auto columnOf = [&](int64_t part) { return index(column + part * headSumLanes); };
    SmallVector<Value> initial;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t part = 0; part < parts; ++part)
        initial.push_back(load(state.values, {add(stateRow, index(i)), columnOf(part)}, headSumLanes));
    auto loop = scf::ForOp::create(
        b, loc, keys.begin, keys.end, index(1), initial, [&](OpBuilder &, Location, Value key, ValueRange sofar) {
          SmallVector<Value> values, next;
          for (int64_t part = 0; part < parts; ++part)
            values.push_back(loadCache(sums, presentValue, keys, key, columnOf(part), headSumLanes));
          for (int64_t i = 0; i < rows; ++i) {
            Value weight =
                memref::LoadOp::create(b, loc, scores, ValueRange{add(row, index(i)), sub(key, keys.begin)});
            Value weights = vector::BroadcastOp::create(b, loc, sumVector(headSumLanes), weight);
            for (int64_t part = 0; part < parts; ++part)
              next.push_back(multiplyAdd(weights, values[part], sofar[i * parts + part]));
          }
          scf::YieldOp::create(b, loc, next);
        });
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t part = 0; part < parts; ++part)
        store(loop.getResult(i * parts + part), state.values, {add(stateRow, index(i)), columnOf(part)});
  }
}

} // namespace lutra
