//===- AttentionCodeValues.cpp - one new token against codes: values ------===//
//
// A row's weights in a chunk, times the scales of the values' lines, become integers of 14 bits: each counts a share of the chunk's greatest. Bytes of four values
// are put beside each other, so that `lut.dot` adds up four keys at once; a chunk's sums are exact, and become floats at its end. (AttentionCodes.cpp: scores.)
//
//===----------------------------------------------------------------------===//
#include "dialects/lut/IR/Lut.h"
#include "lib/Conversion/LowbitToLoops/AttentionKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lutra {

/// 2^t for |t| <= 1/2, off by 3e-6 of it: a tenth of what the integers of weights are.
static constexpr double kPowerOfTwo[] = {1.0, 0.6931241750717163, 0.24024099111557007, 0.055906426161527634, 0.009582852944731712};
/// The greatest integer of 14 bits, and what a nibble counts from, negated.
static constexpr int64_t kLargestInteger = (1 << 14) - 1, kNibbleOffset = 8;
/// Keys whose values are added together and in a step of the loop, and vectors of sums: three quarters of 32 registers.
static constexpr int64_t kKeysOfDot = 4, kKeysOfStep = 16, kCarriedSums = 24;

void AttentionKernel::emitCodeWeights(const Buffers &buffers, Value row, Value numKeys, const State &state, Value stateRow) {
  const Integers &to = buffers.weightIntegers;
  Value scores = buffers.scores;
  auto overKeys = [&](ValueRange initial, llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
    auto loop = scf::ForOp::create(b, loc, index(0), numKeys, index(kKeyLanes), initial,
                                   [&](OpBuilder &, Location, Value column, ValueRange sofar) {
                                     scf::YieldOp::create(b, loc, body(column, sofar));
                                   });
    return SmallVector<Value>(loop.getResults());
  };
  Value shift = greatestLane(load(buffers.greatest, {row, index(0)}, kKeyLanes));
  memref::StoreOp::create(b, loc, shift, state.greatest, stateRow);
  // Where no key is seen, the greatest is -infinity, from which no score can be counted.
  Value isNone = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, shift, scalar(-std::numeric_limits<double>::infinity()));
  shift = arith::SelectOp::create(b, loc, isNone, scalar(0.0), shift);
  shift = vector::BroadcastOp::create(b, loc, sumVector(kKeyLanes), shift);

  SmallVector<Value> initial(1 + (to.offsets ? segments : 0), integers(0, kKeyLanes));
  initial[0] = splat(0.0, kKeyLanes);
  SmallVector<Value> found = overKeys(initial, [&](Value column, ValueRange sofar) {
    Value weight = weightOf(arith::SubFOp::create(b, loc, load(scores, {row, column}, kKeyLanes), shift), kPowerOfTwo);
    SmallVector<Value> next = {arith::AddFOp::create(b, loc, sofar[0], weight)}, numbers;
    for (int64_t segment = 0; segment < segments; ++segment) {
      Value perUnit = buffers.valueScales ? load(buffers.valueScales, {index(segment), column}, kKeyLanes) : splat(kLargestInteger, kKeyLanes);
      numbers.push_back(roundToInteger(weight, perUnit, /*offset=*/0));
      if (to.offsets)
        next.push_back(add(sofar[1 + segment], numbers.back()));
    }
    for (int64_t segment = 0; segment < segments; segment += 2) {
      ArrayRef<Value> both = ArrayRef(numbers).slice(segment, std::min<int64_t>(2, segments - segment));
      store(digitFours(both), to.digits, {row, add(index(weightWord(segment, 1)), column)});
    }
    return next;
  });
  Value total = vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, found[0], arith::FastMathFlags::reassoc);
  memref::StoreOp::create(b, loc, total, state.total, stateRow);
  if (!to.offsets)
    return;
  // The upper bits of each number are those of the same float.
  Value count = arith::IndexCastOp::create(b, loc, b.getI32Type(), numKeys);
  Value tooMuch = mul(count, arith::ConstantIntOp::create(b, loc, b.getI32Type(), llvm::bit_cast<int32_t>(static_cast<float>(kRounder))));
  for (int64_t segment = 0; segment < segments; ++segment) {
    Value sum = sub(vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, found[1 + segment]), tooMuch);
    Value offset = mul(sum, arith::ConstantIntOp::create(b, loc, b.getI32Type(), -kNibbleOffset));
    memref::StoreOp::create(b, loc, offset, to.offsets, ValueRange{row, index(segment)});
  }
}

void AttentionKernel::emitWeightSteps(const Buffers &buffers, Value numKeys) {
  const Integers &to = buffers.weightIntegers;
  for (int64_t segment = 0; segment < segments; ++segment) {
    Value step = scalar(1.0 / kLargestInteger);
    if (cacheGroup) {
      Value most = greatestLane(load(buffers.mostScales, {index(segment), index(0)}, kKeyLanes));
      // Integers do not show that a scale is no number.
      Value nothing = load(buffers.nothing, {index(segment), index(0)}, kKeyLanes);
      nothing = vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, nothing, arith::FastMathFlags::reassoc);
      step = arith::AddFOp::create(b, loc, arith::DivFOp::create(b, loc, most, scalar(kLargestInteger)), nothing);
      Value perUnit = vector::BroadcastOp::create(b, loc, sumVector(kKeyLanes), arith::DivFOp::create(b, loc, scalar(kLargestInteger), most));
      forRange(index(0), numKeys, kKeyLanes, [&](Value column) {
        Value scales = load(buffers.valueScales, {index(segment), column}, kKeyLanes);
        store(arith::MulFOp::create(b, loc, scales, perUnit), buffers.valueScales, {index(segment), column});
      });
    }
    memref::StoreOp::create(b, loc, step, to.steps, ValueRange{index(0), index(segment)});
  }
}

SmallVector<Value> AttentionKernel::loadFourLines(Value cache, const Keys &keys, ArrayRef<Value> lines, int64_t at) {
  auto byteType = VectorType::get({kKeysOfDot * kPieceBytes}, b.getI8Type());
  if (takesWholeBlocks) {
    // Neighbours' bytes are put beside each other, then pairs of them, within 16 bytes: of vector i, lane 4 l + j is byte 16 l + 4 i + j of the lines.
    Value blocks[4];
    for (int64_t i = 0; i < kKeysOfDot; ++i)
      blocks[i] = load(cache, {keys.batch, keys.kvHead, lines[i], index(at)}, kBlockBytes);
    auto mix = [&](Value x, Value y, int64_t bytes, int64_t half) -> Value {
      SmallVector<int64_t> mask;
      for (int64_t first = 0; first < kBlockBytes; first += kPieceBytes)
        for (int64_t at = half * kPieceBytes / 2; at < (half + 1) * kPieceBytes / 2; at += bytes)
          for (int64_t from : {int64_t(0), kBlockBytes})
            for (int64_t byte = 0; byte < bytes; ++byte)
              mask.push_back(from + first + at + byte);
      return vector::ShuffleOp::create(b, loc, x, y, mask);
    };
    SmallVector<Value> mixed;
    for (int64_t half = 0; half < 2; ++half) {
      Value pairs[2] = {mix(blocks[0], blocks[1], 1, half), mix(blocks[2], blocks[3], 1, half)};
      for (int64_t quarter = 0; quarter < 2; ++quarter)
        mixed.push_back(mix(pairs[0], pairs[1], 2, quarter));
    }
    return mixed;
  }
  // Lane 4 j + i of the pieces, which lie one after the other, is word j of line i: words are brought together first, then the bytes of four words, which stay within
  // 16 bytes.
  Value words = loadPieces(cache, keys, lines, 0, /*step=*/1, at);
  SmallVector<int64_t> wordMask;
  for (int64_t word = 0; word < kPieceBytes / 4; ++word)
    for (int64_t line = 0; line < kKeysOfDot; ++line)
      wordMask.push_back(line * (kPieceBytes / 4) + word);
  words = vector::ShuffleOp::create(b, loc, words, words, wordMask);
  return {transposeBytes(vector::BitCastOp::create(b, loc, byteType, words))};
}

void AttentionKernel::emitCodeValues(const Buffers &buffers, int64_t firstRow, int64_t rows, const Keys &keys, const Keys &next,
                                     const State &state, Value stateRow) {
  const Integers &from = buffers.weightIntegers;
  int64_t unit = takesWholeBlocks ? kBlockBytes : kPieceBytes, vectorsOfUnit = unit / kPieceBytes;
  int64_t parities = 8 / cacheBits, units = codeBytes() / unit, unitsOfSegment = units / segments;
  int64_t sumsOfUnit = vectorsOfUnit * parities * rows * 2, together = std::max<int64_t>(kCarriedSums / sumsOfUnit, 1);
  Value all = sub(keys.end, keys.begin), whole = mul(arith::DivUIOp::create(b, loc, all, index(kKeysOfStep)), index(kKeysOfStep));
  for (int64_t first = 0; first < units; first += together) {
    int64_t count = std::min(together, units - first);
    // Sums in the order of unit, row, digit, vector, half of its codes.
    auto accumulate = [&](ArrayRef<Value> lines, Value column, ValueRange before) {
      SmallVector<Value> after;
      for (int64_t at = first; at < first + count; ++at) {
        SmallVector<Value> codes;
        for (Value vector : loadFourLines(presentValue, keys, lines, at * unit))
          llvm::append_range(codes, takeApart(vector));
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t digit = 0; digit < 2; ++digit) {
            Value digits = memref::LoadOp::create(b, loc, from.digits,
                                                  ValueRange{index(firstRow + row), add(index(weightWord(at / unitsOfSegment, digit)), column)});
            for (Value part : codes)
              after.push_back(addProducts(part, digits, before[after.size()]));
          }
      }
      return after;
    };
    auto loop = [&](Value begin, Value end, int64_t step, Value last, ValueRange initial) {
      return scf::ForOp::create(b, loc, begin, end, index(step), initial, [&](OpBuilder &, Location, Value column, ValueRange before) {
        SmallVector<Value> sofar(before);
        if (firstRow == 0 && first == 0 && !last)
          prefetchLines(presentValue, next, column, (kChunk / kKeyLanes) * kValuesWithKeys, kKeyLanes - kValuesWithKeys);
        for (int64_t key = 0; key < step; key += kKeysOfDot) {
          Value at = add(column, index(key));
          sofar = accumulate(linesAt(keys, at, kKeysOfDot, last), at, sofar);
        }
        scf::YieldOp::create(b, loc, sofar);
      });
    };
    auto streamed = loop(index(0), whole, kKeysOfStep, {}, SmallVector<Value>(count * sumsOfUnit, integers(0, kKeyLanes)));
    // The last key stands for those behind it, whose weights are 0.
    auto added = loop(whole, all, kKeysOfDot, sub(keys.end, index(1)), streamed.getResults());
    for (int64_t i = 0; i < count; ++i)
      for (int64_t row = 0; row < rows; ++row)
        storeValues(added.getResults().slice((i * rows + row) * sumsOfUnit / rows, sumsOfUnit / rows), from, firstRow + row, first + i, state,
                    add(stateRow, index(row)));
  }
}

void AttentionKernel::storeValues(ValueRange added, const Integers &from, int64_t row, int64_t unit, const State &state, Value stateRow) {
  int64_t parities = 8 / cacheBits, vectors = takesWholeBlocks ? kBlockBytes / kPieceBytes : 1, parts = vectors * parities;
  int64_t segment = unit * vectors * kPieceBytes * segments / codeBytes();
  Value step = vector::BroadcastOp::create(b, loc, sumVector(kKeyLanes), ofRow(from.steps, index(0), segment));
  for (int64_t i = 0; i < vectors; ++i) {
    SmallVector<Value> halves;
    for (int64_t part = i * parities; part < (i + 1) * parities; ++part) {
      Value numbers = joinDigits(added[part], added[parts + part]);
      if (from.offsets)
        numbers = add(numbers, vector::BroadcastOp::create(b, loc, numbers.getType(), ofRow(from.offsets, index(row), segment)));
      halves.push_back(arith::MulFOp::create(b, loc, arith::SIToFPOp::create(b, loc, sumVector(kKeyLanes), numbers), step));
    }
    Value values = parities == 2 ? Value(vector::InterleaveOp::create(b, loc, halves[0], halves[1])) : halves[0];
    int64_t d = unit * vectors * kPieceBytes * parities;
    if (vectors == 1) {
      store(values, state.values, {stateRow, index(d)});
      continue;
    }
    // Four bytes of each sixteen.
    int64_t lanes = 4 * parities;
    for (int64_t quarter = 0; quarter < 4; ++quarter) {
      Value slice = vector::ExtractStridedSliceOp::create(b, loc, values, ArrayRef<int64_t>(quarter * lanes), ArrayRef<int64_t>(lanes), ArrayRef<int64_t>(1));
      store(slice, state.values, {stateRow, index(d + (quarter * 4 + i) * lanes)});
    }
  }
}

//===----------------------------------------------------------------------===//
// A chunk
//===----------------------------------------------------------------------===//

void AttentionKernel::allocateCodeBuffers(Buffers &buffers, SmallVectorImpl<Value> &heap) {
  buffers.scores = scratch({headsPerKV, kChunk}, sums, heap);
  buffers.greatest = scratch({headsPerKV, kKeyLanes}, sums, heap);
  buffers.weightIntegers = {scratch({headsPerKV, weightWord(llvm::alignTo(segments, 2), 1)}, b.getI32Type(), heap), scratch({1, segments}, sums, heap),
                            cacheBits == 4 ? scratch({headsPerKV, segments}, b.getI32Type(), heap) : Value()};
  if (!cacheGroup)
    return;
  buffers.keyScales = scratch({segments, kChunk}, sums, heap);
  buffers.valueScales = scratch({segments, kChunk}, sums, heap);
  buffers.nothing = scratch({segments, kKeyLanes}, sums, heap);
  buffers.mostScales = scratch({segments, kKeyLanes}, sums, heap);
  buffers.keyHalves = scratch({segments / scalesAtOnce(), 2 * scalesAtOnce() * kChunk}, b.getI8Type(), heap);
  buffers.valueHalves = scratch({segments / scalesAtOnce(), 2 * scalesAtOnce() * kChunk}, b.getI8Type(), heap);
}

void AttentionKernel::emitCodesChunk(const Keys &keys, Value position, const State &state, Value firstRow, const Buffers &buffers) {
  Value numKeys = roundUp(sub(keys.end, keys.begin), kKeyLanes);
  // What is taken after this chunk: the next one, or the next head's first.
  Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, keys.end, position);
  Keys next = keys;
  next.kvHead = arith::SelectOp::create(b, loc, isLast, min(add(keys.kvHead, index(1)), index(kvHeads - 1)), keys.kvHead);
  next.begin = arith::SelectOp::create(b, loc, isLast, firstKeyOf(position, index(kChunk)), keys.end);
  auto forRows = [&](llvm::function_ref<void(int64_t, int64_t)> body) {
    for (int64_t row = 0; row < headsPerKV; row += kRowsAtOnce)
      body(row, std::min(kRowsAtOnce, headsPerKV - row));
  };
  forRows([&](int64_t row, int64_t rows) { emitCodeScores(buffers, row, rows, keys, next, position); });
  emitWeightSteps(buffers, numKeys);
  forRange(index(0), index(headsPerKV), 1,
           [&](Value row) { emitCodeWeights(buffers, row, numKeys, state, add(firstRow, row)); });
  forRows([&](int64_t row, int64_t rows) { emitCodeValues(buffers, row, rows, keys, next, state, add(firstRow, index(row))); });
}

} // namespace lutra
