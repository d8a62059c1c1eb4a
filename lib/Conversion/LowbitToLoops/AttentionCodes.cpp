//===- AttentionCodes.cpp - one new token against codes: scores -----------===//
//
// A single token's products with the cache's codes are of integers, as docs/spec/numerics.md ("Quantized caches") has them: to make a float of each code would take
// longer than to read it. A query becomes bytes, or where channels have scales integers of 14 bits, in two digits of 7, so that `lut.dot` multiplies four at once; sums are exact.
//
// Four bytes of each key are brought into a lane, so that few horizontal sums or none are needed, and all rows use what was transposed. Codes of 8 bits are the signed
// side of `lut.dot` and digits the unsigned one, of integers that are 2^13 greater: a key's codes are summed to correct that. Nibbles, and codes beside bytes, are the unsigned
// side, counting from 0, and the sum of a query's integers corrects that.
//
//===----------------------------------------------------------------------===//
#include "dialects/lut/IR/Lut.h"
#include "lib/Conversion/LowbitToLoops/AttentionKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lutra {

/// Integers have two digits of so many bits; a query's are around the middle of their range.
static constexpr int64_t kDigits = 2, kDigitBits = 7, kLargestDigit = (1 << kDigitBits) - 1;
static constexpr int64_t kIntegerBits = kDigits * kDigitBits, kMiddle = 1 << (kIntegerBits - 1);
/// A nibble counts from 0, as -8.
static constexpr int64_t kNibbleOffset = 8, kLargestNibble = 15;
/// A byte beside which signed bytes are multiplied counts from 0, as -128.
static constexpr int64_t kByteOffset = 128;
/// Fours of keys that are multiplied together, where whole blocks are.
static constexpr int64_t kFoursTogether = 2;
/// Integers of queries that are signed bytes.
static constexpr int64_t kLargestByte = 127;

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Value AttentionKernel::integers(int64_t value, int64_t lanes) {
  auto type = VectorType::get({lanes}, b.getI32Type());
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, static_cast<int32_t>(value)));
}

Value AttentionKernel::roundToInteger(Value x, Value perUnit, int64_t offset) {
  // A number beyond 2^23 has no fraction: adding one rounds, and leaves the integer in the lowest bits.
  auto type = VectorType::get(cast<VectorType>(x.getType()).getShape(), b.getI32Type());
  Value shifted = multiplyAdd(x, perUnit, splat(kRounder + static_cast<double>(offset), type.getNumElements()));
  return arith::BitcastOp::create(b, loc, type, shifted);
}

Value AttentionKernel::digitWords(Value numbers, int64_t digit) {
  int64_t lanes = cast<VectorType>(numbers.getType()).getNumElements();
  Value values = digit == 0 ? Value(arith::ShRSIOp::create(b, loc, numbers, integers(kDigitBits, lanes)))
                            : Value(arith::AndIOp::create(b, loc, numbers, integers(kLargestDigit, lanes)));
  return bytesAsWords(values);
}

Value AttentionKernel::bytesAsWords(Value numbers) {
  int64_t lanes = cast<VectorType>(numbers.getType()).getNumElements();
  Value bytes = arith::TruncIOp::create(b, loc, VectorType::get({lanes}, b.getI8Type()), numbers);
  return vector::BitCastOp::create(b, loc, VectorType::get({lanes / 4}, b.getI32Type()), bytes);
}

Value AttentionKernel::digitFours(ArrayRef<Value> numbers) {
  // Each number takes 16 bits of a lane, and then a byte for each digit; the bytes of four lanes are transposed.
  auto masked = [&](Value value, int64_t mask) -> Value { return arith::AndIOp::create(b, loc, value, integers(mask, kKeyLanes)); };
  auto shifted = [&](Value value, int64_t bits) -> Value { return arith::ShLIOp::create(b, loc, value, integers(bits, kKeyLanes)); };
  Value lanes = numbers[0];
  if (numbers.size() == 2)
    lanes = arith::OrIOp::create(b, loc, masked(lanes, (1 << kIntegerBits) - 1), shifted(numbers[1], 16));
  int64_t digit = kLargestDigit << 16 | kLargestDigit;
  lanes = arith::OrIOp::create(b, loc, masked(lanes, digit), masked(shifted(lanes, 8 - kDigitBits), digit << 8));
  Value bytes = vector::BitCastOp::create(b, loc, VectorType::get({4 * kKeyLanes}, b.getI8Type()), lanes);
  return vector::BitCastOp::create(b, loc, lanes.getType(), transposeBytes(bytes));
}

Value AttentionKernel::transposeBytes(Value bytes) {
  SmallVector<int64_t> mask;
  for (int64_t first = 0; first < 4 * kKeyLanes; first += 16)
    for (int64_t byte = 0; byte < 4; ++byte)
      for (int64_t lane = 0; lane < 4; ++lane)
        mask.push_back(first + 4 * lane + byte);
  return vector::ShuffleOp::create(b, loc, bytes, bytes, mask);
}

Value AttentionKernel::joinDigits(Value upper, Value lower) {
  int64_t lanes = cast<VectorType>(upper.getType()).getNumElements();
  return add(arith::ShLIOp::create(b, loc, upper, integers(kDigitBits, lanes)), lower);
}

SmallVector<Value> AttentionKernel::takeApart(Value bytes) {
  auto byteType = VectorType::get({4 * kKeyLanes}, b.getI8Type()), wordType = VectorType::get({kKeyLanes}, b.getI32Type());
  auto as = [&](VectorType type, Value value) -> Value {
    return value.getType() == type ? value : Value(vector::BitCastOp::create(b, loc, type, value));
  };
  if (cacheBits == 8)
    return {as(byteType, bytes)};
  Value words = as(wordType, bytes), mask = integers(0x0f0f0f0f, kKeyLanes);
  Value upper = arith::ShRUIOp::create(b, loc, words, integers(4, kKeyLanes));
  return {as(byteType, arith::AndIOp::create(b, loc, words, mask)), as(byteType, arith::AndIOp::create(b, loc, upper, mask))};
}

SmallVector<Value> AttentionKernel::keyCodes(Value bytes) {
  SmallVector<Value> codes = takeApart(bytes);
  if (cacheBits == 8 && queryDigits() == 1) {
    auto type = cast<VectorType>(codes[0].getType());
    Value top = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, static_cast<int8_t>(-kByteOffset)));
    codes[0] = arith::XOrIOp::create(b, loc, codes[0], top);
  }
  return codes;
}

Value AttentionKernel::addKeyProducts(Value codes, Value words, Value sum) {
  if (cacheBits == 4 || queryDigits() == 2)
    return addProductsOf(codes, words, sum);
  Value numbers = vector::BitCastOp::create(b, loc, codes.getType(), words);
  return lut::DotOp::create(b, loc, sum.getType(), codes, numbers, sum, b.getI64IntegerAttr(2 * kByteOffset - 1));
}

Value AttentionKernel::addProducts(Value codes, Value word, Value sum) {
  return addProductsOf(codes, broadcastWord(word), sum);
}

Value AttentionKernel::broadcastWord(Value word) {
  return vector::BroadcastOp::create(b, loc, VectorType::get({kKeyLanes}, b.getI32Type()), word);
}

Value AttentionKernel::addProductsOf(Value codes, Value words, Value sum) {
  Value digits = vector::BitCastOp::create(b, loc, codes.getType(), words);
  if (cacheBits == 8)
    return lut::DotOp::create(b, loc, sum.getType(), digits, codes, sum, b.getI64IntegerAttr(kLargestDigit));
  return lut::DotOp::create(b, loc, sum.getType(), codes, digits, sum, b.getI64IntegerAttr(kLargestNibble));
}

void AttentionKernel::emitQueryDigits(const Integers &to, Value queries, Value row) {
  int64_t parities = 8 / cacheBits, together = headLanes * parities;
  double largest = queryDigits() == 2 ? kMiddle - 1 : kLargestByte;
  for (int64_t segment = 0; segment < segments; ++segment) {
    int64_t begin = segment * segmentSize, end = begin + segmentSize;
    Value greatest;
    for (int64_t d = begin; d < end; d += headLanes) {
      Value magnitude = math::AbsFOp::create(b, loc, load(queries, {index(0), index(d)}, headLanes));
      greatest = greatest ? Value(arith::MaximumFOp::create(b, loc, greatest, magnitude)) : magnitude;
    }
    greatest = vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXIMUMF, greatest);
    memref::StoreOp::create(b, loc, arith::DivFOp::create(b, loc, greatest, scalar(largest)), to.steps, ValueRange{row, index(segment)});
    Value perUnit = vector::BroadcastOp::create(b, loc, sumVector(headLanes), arith::DivFOp::create(b, loc, scalar(largest), greatest));
    Value total = integers(0, headLanes);
    for (int64_t d = begin; d < end; d += together) {
      Value elements = load(queries, {index(0), index(d)}, together);
      SmallVector<Value> parts = {elements};
      if (parities == 2) {
        auto halves = vector::DeinterleaveOp::create(b, loc, elements);
        parts = {halves.getRes1(), halves.getRes2()};
      }
      for (auto [half, part] : llvm::enumerate(parts)) {
        Value numbers = roundToInteger(part, perUnit, kMiddle);
        numbers = arith::AndIOp::create(b, loc, numbers, integers((1 << kIntegerBits) - 1, headLanes));
        // Codes beside them are not signed: these are.
        if (to.offsets) {
          numbers = sub(numbers, integers(kMiddle, headLanes));
          total = add(total, numbers);
        }
        for (int64_t digit = 0; digit < queryDigits(); ++digit)
          store(queryDigits() == 1 ? bytesAsWords(numbers) : digitWords(numbers, digit), to.digits, {row, index(queryWord(digit, half, d * cacheBits / 8))});
      }
    }
    // Where 64 bytes of four keys are multiplied, a lane has the digits that its bytes need.
    for (int64_t at = begin * cacheBits / 8; takesWholeBlocks && at < end * cacheBits / 8; at += kBlockBytes)
      for (int64_t digit = 0; digit < queryDigits(); ++digit)
        for (int64_t half = 0; half < parities; ++half) {
          Value words = load(to.digits, {row, index(queryWord(digit, half, at))}, kKeyLanes);
          for (int64_t column = 0; column < 4; ++column)
            store(pickLanes(words, words, {column, column, column, column}), to.blocks, {row, index(blockWord(digit, half, at, column))});
        }
    if (!to.offsets)
      continue;
    Value sum = vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, total);
    Value offset = mul(sum, arith::ConstantIntOp::create(b, loc, b.getI32Type(), cacheBits == 8 ? -kByteOffset : -kNibbleOffset));
    memref::StoreOp::create(b, loc, offset, to.offsets, ValueRange{row, index(segment)});
  }
}

AttentionKernel::Integers AttentionKernel::emitQueryIntegers(Value batches, SmallVectorImpl<Value> &heap) {
  auto allocate = [&](Type element, int64_t columns) -> Value {
    auto type = MemRefType::get({ShapedType::kDynamic, columns}, element);
    heap.push_back(memref::AllocOp::create(b, loc, type, mul(batches, index(numHeads)), b.getI64IntegerAttr(kMachineLine)));
    return heap.back();
  };
  Type integer = b.getI32Type();
  Integers to = {allocate(integer, queryDigits() * headSize / 4), allocate(sums, segments), Value()};
  if (cacheBits == 4 || queryDigits() == 1)
    to.offsets = allocate(integer, segments);
  if (takesWholeBlocks)
    to.blocks = allocate(integer, queryDigits() * headSize);
  scf::ParallelOp::create(b, loc, ValueRange{index(0), index(0)}, ValueRange{batches, index(numHeads)}, ValueRange{index(1), index(1)},
                          [&](OpBuilder &, Location, ValueRange at) {
                            SmallVector<Value> ofTask;
                            Value queries = scratch({1, headSize}, sums, ofTask);
                            emitQuery(queries, index(0), /*rotated=*/{}, at[0], index(0), at[1], firstPosition(at[0]).first);
                            emitQueryDigits(to, queries, add(mul(at[0], index(numHeads)), at[1]));
                            release(ofTask);
                          });
  return to;
}

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

void AttentionKernel::copyScales(Value cache, Value halves, const Keys &keys, ArrayRef<Value> lines, Value column) {
  int64_t bytes = 2 * scalesAtOnce();
  for (int64_t segment = 0; segment < segments; segment += scalesAtOnce())
    for (auto [i, line] : llvm::enumerate(lines)) {
      Value at = mul(add(column, index(i)), index(bytes));
      store(load(cache, {keys.batch, keys.kvHead, line, index(codeBytes() + 2 * segment)}, bytes), halves, {index(segment / scalesAtOnce()), at});
    }
}

SmallVector<Value> AttentionKernel::widenScales(Value halves, Value scales, Value column) {
  int64_t bytesOfLine = 2 * scalesAtOnce();
  SmallVector<Value> widened;
  for (int64_t segment = 0; segment < segments; segment += scalesAtOnce()) {
    Value bytes = load(halves, {index(segment / scalesAtOnce()), mul(column, index(bytesOfLine))}, bytesOfLine * kKeyLanes);
    Value numbers = vector::BitCastOp::create(b, loc, VectorType::get({scalesAtOnce() * kKeyLanes}, b.getF16Type()), bytes);
    SmallVector<Value> parts = {numbers};
    if (scalesAtOnce() == 2) {
      auto split = vector::DeinterleaveOp::create(b, loc, numbers);
      parts = {split.getRes1(), split.getRes2()};
    }
    for (Value part : parts)
      widened.push_back(widen(sums, part));
  }
  for (auto [segment, wide] : llvm::enumerate(widened))
    store(wide, scales, {index(segment), column});
  return widened;
}

void AttentionKernel::prefetchLines(Value cache, const Keys &keys, Value column, int64_t first, int64_t count) {
  // A machine that reads ahead by itself follows one stream best.
  int64_t parts = prefetchBytes ? 2 : 1;
  Value step = mul(arith::DivUIOp::create(b, loc, column, index(kKeyLanes)), index(count / parts));
  for (int64_t part = 0; part < parts; ++part) {
    Value key = add(add(keys.begin, step), index((part * kChunk + first) / parts));
    for (int64_t byte = 0; byte < count / parts * lineBytes(); byte += kMachineLine)
      memref::PrefetchOp::create(b, loc, cache, ValueRange{keys.batch, keys.kvHead, add(key, index(byte / lineBytes())), index(byte % lineBytes())},
                                 /*isWrite=*/false, /*localityHint=*/2, /*isDataCache=*/true);
  }
}

Value AttentionKernel::loadPieces(Value cache, const Keys &keys, ArrayRef<Value> lines, int64_t first, int64_t step, int64_t at) {
  SmallVector<Value> parts;
  for (int64_t i = 0; i < 4; ++i)
    parts.push_back(load(cache, {keys.batch, keys.kvHead, lines[first + i * step], index(at)}, kPieceBytes));
  auto join = [&](Value x, Value y) -> Value {
    int64_t lanes = 2 * cast<VectorType>(x.getType()).getNumElements();
    return vector::ShuffleOp::create(b, loc, x, y, llvm::to_vector(llvm::seq<int64_t>(0, lanes)));
  };
  Value bytes = join(join(parts[0], parts[1]), join(parts[2], parts[3]));
  return vector::BitCastOp::create(b, loc, VectorType::get({kKeyLanes}, b.getI32Type()), bytes);
}

Value AttentionKernel::pickLanes(Value x, Value y, ArrayRef<int64_t> ofFour) {
  SmallVector<int64_t> mask;
  for (int64_t first = 0; first < kKeyLanes; first += 4)
    for (int64_t lane : ofFour)
      mask.push_back(lane < 4 ? first + lane : kKeyLanes + first + lane - 4);
  return vector::ShuffleOp::create(b, loc, x, y, mask);
}

SmallVector<Value> AttentionKernel::transposeFours(ArrayRef<Value> fours) {
  Value low[2], high[2];
  for (int64_t i = 0; i < 2; ++i) {
    low[i] = pickLanes(fours[2 * i], fours[2 * i + 1], {0, 4, 1, 5});
    high[i] = pickLanes(fours[2 * i], fours[2 * i + 1], {2, 6, 3, 7});
  }
  return {pickLanes(low[0], low[1], {0, 1, 4, 5}), pickLanes(low[0], low[1], {2, 3, 6, 7}),
          pickLanes(high[0], high[1], {0, 1, 4, 5}), pickLanes(high[0], high[1], {2, 3, 6, 7})};
}

SmallVector<Value> AttentionKernel::loadColumns(Value cache, const Keys &keys, ArrayRef<Value> lines, int64_t at) {
  // Four lanes hold 16 bytes of a key, and the four vectors those of neighbours: 4 x 4 lanes are transposed in place, which any vector unit does.
  Value fours[4];
  for (int64_t i = 0; i < 4; ++i)
    fours[i] = loadPieces(cache, keys, lines, i, /*step=*/4, at);
  return transposeFours(fours);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

Value AttentionKernel::ofRow(Value buffer, Value row, int64_t column) {
  return memref::LoadOp::create(b, loc, buffer, ValueRange{row, index(column)});
}

SmallVector<Value> AttentionKernel::emitColumnProducts(const Integers &from, ArrayRef<Value> rows, const Keys &keys, ArrayRef<Value> lines,
                                                       int64_t segment) {
  auto wordType = VectorType::get({kKeyLanes}, b.getI32Type());
  Value one = arith::ConstantIntOp::create(b, loc, b.getI32Type(), 0x01010101), codeSums = integers(0, kKeyLanes);
  // Of each row, sums of each digit's products.
  SmallVector<SmallVector<Value, 2>> sofar(rows.size(), SmallVector<Value, 2>(queryDigits(), codeSums));
  if (from.offsets)
    for (auto [row, sum] : llvm::zip_equal(rows, sofar))
      sum.back() = vector::BroadcastOp::create(b, loc, wordType, ofRow(from.offsets, row, segment));
  int64_t bytes = codeBytes() / segments;
  for (int64_t at = segment * bytes; at < (segment + 1) * bytes; at += kPieceBytes)
    for (auto [column, four] : llvm::enumerate(loadColumns(presentKey, keys, lines, at)))
      for (auto [half, codes] : llvm::enumerate(keyCodes(four))) {
        for (auto [row, sum] : llvm::zip_equal(rows, sofar))
          for (int64_t digit = 0; digit < queryDigits(); ++digit)
            sum[digit] = addKeyProducts(codes, broadcastWord(ofRow(from.digits, row, queryWord(digit, half, at) + column)), sum[digit]);
        if (!from.offsets)
          codeSums = addProducts(codes, one, codeSums);
      }
  Value tooMuch = arith::ShLIOp::create(b, loc, codeSums, integers(kIntegerBits - 1, kKeyLanes));
  SmallVector<Value> products;
  for (const auto &sum : sofar) {
    Value numbers = queryDigits() == 1 ? sum[0] : joinDigits(sum[0], sum[1]);
    products.push_back(from.offsets ? numbers : sub(numbers, tooMuch));
  }
  return products;
}

SmallVector<Value> AttentionKernel::emitBlockProducts(const Integers &from, ArrayRef<Value> rows, const Keys &keys, ArrayRef<Value> lines,
                                                      int64_t segment) {
  auto wordType = VectorType::get({kKeyLanes}, b.getI32Type());
  Value middle = arith::ConstantIntOp::create(b, loc, b.getI32Type(), 0x01010101 * (kMiddle >> kDigitBits)), zeros = integers(0, kKeyLanes);
  int64_t bytes = codeBytes() / segments;
  // Lane 4 l + i of four keys' sums belongs to key i, and to a quarter of each block. Two fours share what is loaded of a query: there are more vectors of that than registers.
  SmallVector<SmallVector<Value>> ofRows(rows.size());
  for (int64_t first = 0; first < kKeyLanes; first += 4 * kFoursTogether) {
    SmallVector<SmallVector<SmallVector<Value>>> columns(kFoursTogether);
    SmallVector<Value> tooMuch(kFoursTogether, zeros);
    for (int64_t four = 0; four < kFoursTogether; ++four) {
      for (int64_t at = segment * bytes; at < (segment + 1) * bytes; at += kBlockBytes) {
        Value fours[4];
        for (int64_t i = 0; i < 4; ++i) {
          Value block = load(presentKey, {keys.batch, keys.kvHead, lines[first + 4 * four + i], index(at)}, kBlockBytes);
          fours[i] = vector::BitCastOp::create(b, loc, wordType, block);
        }
        for (Value words : transposeFours(fours))
          columns[four].push_back(keyCodes(words));
      }
      // What is too much of the upper digits' products counts as much as they do.
      if (!from.offsets) {
        for (ArrayRef<Value> codes : columns[four])
          tooMuch[four] = addProducts(codes[0], middle, tooMuch[four]);
        tooMuch[four] = sub(zeros, tooMuch[four]);
      }
    }
    for (auto [row, ofRow] : llvm::zip_equal(rows, ofRows)) {
      SmallVector<Value> totals = tooMuch;
      for (int64_t digit = 0; digit < queryDigits(); ++digit) {
        for (Value &total : totals)
          total = digit == 1 ? Value(arith::ShLIOp::create(b, loc, total, integers(kDigitBits, kKeyLanes))) : total;
        for (int64_t i = 0; i < static_cast<int64_t>(columns[0].size()); ++i)
          for (int64_t half = 0; half < 8 / cacheBits; ++half) {
            int64_t at = segment * bytes + i / 4 * kBlockBytes;
            Value digits = load(from.blocks, {row, index(blockWord(digit, half, at, i % 4))}, kKeyLanes);
            for (auto [total, codes] : llvm::zip_equal(totals, columns))
              total = addKeyProducts(codes[i][half], digits, total);
          }
      }
      llvm::append_range(ofRow, totals);
    }
  }
  SmallVector<Value> products;
  for (auto [row, fours] : llvm::zip_equal(rows, ofRows)) {
    Value numbers = addQuarters(addQuarters(fours[0], fours[1], {0, 1, 4, 5}), addQuarters(fours[2], fours[3], {0, 1, 4, 5}), {0, 2, 4, 6});
    if (from.offsets)
      numbers = add(numbers, vector::BroadcastOp::create(b, loc, wordType, ofRow(from.offsets, row, segment)));
    products.push_back(numbers);
  }
  return products;
}

Value AttentionKernel::addQuarters(Value x, Value y, ArrayRef<int64_t> quarters) {
  // The quarters beside `quarters` of both vectors are added to these.
  int64_t lanes = kKeyLanes / 4, distance = quarters[1] == 1 ? 2 : 1;
  auto pick = [&](int64_t offset) -> Value {
    SmallVector<int64_t> mask;
    for (int64_t quarter : quarters)
      for (int64_t lane = 0; lane < lanes; ++lane)
        mask.push_back((quarter + offset) * lanes + lane);
    return vector::ShuffleOp::create(b, loc, x, y, mask);
  };
  return add(pick(0), pick(distance));
}

void AttentionKernel::emitCodeScores(const Buffers &buffers, int64_t firstRow, int64_t rows, const Keys &keys, const Keys &next, Value position) {
  const Integers &from = buffers.queryIntegers;
  Value firstQuery = add(mul(keys.batch, index(numHeads)), add(mul(keys.kvHead, index(headsPerKV)), index(firstRow)));
  SmallVector<Value> queries;
  for (int64_t row = 0; row < rows; ++row) {
    queries.push_back(add(firstQuery, index(row)));
    store(splat(-std::numeric_limits<double>::infinity(), kKeyLanes), buffers.greatest, {index(firstRow + row), index(0)});
  }
  bool takesScales = cacheGroup && firstRow == 0;
  Value all = sub(keys.end, keys.begin), lastWhole = sub(mul(arith::DivUIOp::create(b, loc, all, index(kKeyLanes)), index(kKeyLanes)), index(kKeyLanes));
  auto copy = [&](ArrayRef<Value> lines, Value column) {
    copyScales(presentKey, buffers.keyHalves, keys, lines, column);
    copyScales(presentValue, buffers.valueHalves, keys, lines, column);
  };
  if (takesScales) {
    for (int64_t segment = 0; segment < segments; ++segment)
      for (Value buffer : {buffers.nothing, buffers.mostScales})
        store(splat(0.0, kKeyLanes), buffer, {index(segment), index(0)});
    copy(linesAt(keys, index(0), kKeyLanes, sub(keys.end, index(1))), index(0));
  }
  forLines(keys, kKeyLanes, [&](ArrayRef<Value> lines, Value column, bool isWhole) {
    if (takesScales && !isWhole)
      copy(lines, column);
    if (firstRow == 0) {
      prefetchLines(presentKey, next, column, /*first=*/0, kKeyLanes);
      prefetchLines(presentValue, next, column, /*first=*/0, kValuesWithKeys);
    }
    SmallVector<SmallVector<Value>> products;
    for (int64_t segment = 0; segment < segments; ++segment)
      products.push_back(takesWholeBlocks ? emitBlockProducts(from, queries, keys, lines, segment)
                                          : emitColumnProducts(from, queries, keys, lines, segment));
    SmallVector<Value> scores(rows), keyScales;
    if (takesScales) {
      keyScales = widenScales(buffers.keyHalves, buffers.keyScales, column);
      for (auto [segment, wide] : llvm::enumerate(widenScales(buffers.valueHalves, buffers.valueScales, column))) {
        Value nothing = load(buffers.nothing, {index(segment), index(0)}, kKeyLanes), most = load(buffers.mostScales, {index(segment), index(0)}, kKeyLanes);
        store(multiplyAdd(wide, splat(0.0, kKeyLanes), nothing), buffers.nothing, {index(segment), index(0)});
        store(greatestOf(wide, most), buffers.mostScales, {index(segment), index(0)});
      }
      // Copies of two bytes are read as vectors a step later, when these stores are done.
      if (isWhole) {
        Value nextColumn = min(add(column, index(kKeyLanes)), lastWhole);
        copy(linesAt(keys, nextColumn, kKeyLanes), nextColumn);
      }
    }
    for (int64_t segment = 0; segment < segments; ++segment) {
      Value scales;
      if (cacheGroup)
        scales = takesScales ? keyScales[segment] : load(buffers.keyScales, {index(segment), column}, kKeyLanes);
      for (int64_t row = 0; row < rows; ++row) {
        Value product = arith::SIToFPOp::create(b, loc, sumVector(kKeyLanes), products[segment][row]);
        Value factor = vector::BroadcastOp::create(b, loc, sumVector(kKeyLanes), ofRow(from.steps, queries[row], segment));
        if (scales)
          factor = arith::MulFOp::create(b, loc, factor, scales);
        scores[row] = scores[row] ? multiplyAdd(product, factor, scores[row]) : Value(arith::MulFOp::create(b, loc, product, factor));
      }
    }
    // No key of a single token lies behind it; it may lie before the window.
    Value positions;
    if (!isWhole || window > 0) {
      auto indexVector = VectorType::get({kKeyLanes}, b.getIndexType());
      positions = add(vector::BroadcastOp::create(b, loc, indexVector, add(keys.begin, column)), vector::StepOp::create(b, loc, indexVector));
    }
    for (auto [i, score] : llvm::enumerate(scores)) {
      Value row = index(firstRow + static_cast<int64_t>(i)), masked = capAndMask(score, positions, position);
      store(masked, buffers.scores, {row, column});
      store(greatestOf(load(buffers.greatest, {row, index(0)}, kKeyLanes), masked), buffers.greatest, {row, index(0)});
    }
  });
}

void AttentionKernel::forLines(const Keys &keys, int64_t count, llvm::function_ref<void(ArrayRef<Value>, Value, bool)> body) {
  Value all = sub(keys.end, keys.begin), whole = mul(arith::DivUIOp::create(b, loc, all, index(count)), index(count));
  forRange(index(0), whole, count, [&](Value column) { body(linesAt(keys, column, count), column, true); });
  Value isRest = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, whole, all);
  auto branch = scf::IfOp::create(b, loc, isRest, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  // The last key stands for those behind it, so that no memory behind it is read.
  body(linesAt(keys, whole, count, sub(keys.end, index(1))), whole, false);
}

SmallVector<Value> AttentionKernel::linesAt(const Keys &keys, Value column, int64_t count, Value last) {
  SmallVector<Value> lines;
  for (int64_t i = 0; i < count; ++i) {
    Value key = add(add(keys.begin, column), index(i));
    lines.push_back(last ? min(key, last) : key);
  }
  return lines;
}

} // namespace lutra
