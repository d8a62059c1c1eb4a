//===- AttentionCache.cpp - lines of the key-value cache ------------------===//
//
// Writing and reading what one head keeps for one position: f32, f16, or codes with scales (docs/spec/numerics.md, "Quantized
// caches"). Codes are read as floats; what is multiplied by their scale, and when, depends on what shares it. A scale of a
// channel belongs to the query and to the output, one of a line to the score and to the weight, and only those of groups
// within a line are multiplied element by element.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LowbitToLoops/AttentionKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lutra {

/// A lane of 4-bit codes counts from 0, as -8.
static constexpr int64_t kNibbleOffset = 8;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

Value AttentionKernel::groupScale(FloatType type, Value cache, const Keys &keys, Value key, Value d) {
  Value group = arith::DivUIOp::create(b, loc, d, index(cacheGroup));
  Value at = add(index(headSize * cacheBits / 8), mul(group, index(2)));
  Value bytes = load(cache, {keys.batch, keys.kvHead, key, at}, 2);
  Value half = vector::BitCastOp::create(b, loc, VectorType::get({1}, b.getF16Type()), bytes);
  return widen(type, vector::ExtractOp::create(b, loc, half, ArrayRef<int64_t>{0}));
}

Value AttentionKernel::loadCodes(FloatType type, Value cache, const Keys &keys, Value key, Value d, int64_t lanes) {
  auto wanted = VectorType::get({lanes}, type);
  if (cacheBits == 8)
    return arith::SIToFPOp::create(b, loc, wanted, load(cache, {keys.batch, keys.kvHead, key, d}, lanes));
  // Each byte becomes the low half of eight: shifted by 28, its upper four bits are the lowest of the high half. (Little endian.)
  Value at = arith::DivUIOp::create(b, loc, d, index(2));
  Value bytes = load(cache, {keys.batch, keys.kvHead, key, at}, lanes / 2);
  auto wide = VectorType::get({lanes / 2}, b.getI64Type()), narrow = VectorType::get({lanes}, b.getI32Type());
  auto integers = [&](VectorType type, int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, b.getIntegerAttr(type.getElementType(), value).getValue()));
  };
  Value low = arith::ExtUIOp::create(b, loc, wide, bytes);
  Value both = arith::OrIOp::create(b, loc, low, arith::ShLIOp::create(b, loc, low, integers(wide, 28)));
  Value codes = arith::AndIOp::create(b, loc, vector::BitCastOp::create(b, loc, narrow, both), integers(narrow, 15));
  codes = arith::SubIOp::create(b, loc, codes, integers(narrow, kNibbleOffset));
  return arith::SIToFPOp::create(b, loc, wanted, codes);
}

Value AttentionKernel::loadCache(FloatType type, Value cache, const Keys &keys, Value key, Value d, int64_t lanes) {
  if (!cacheBits)
    return loadAs(type, cache, {keys.batch, keys.kvHead, key, d}, lanes);
  Value codes = loadCodes(type, cache, keys, key, d, lanes);
  if (cacheGroup == 0 || hasLineScales())
    return codes;
  Value scale = groupScale(type, cache, keys, key, d);
  return arith::MulFOp::create(b, loc, codes, vector::BroadcastOp::create(b, loc, codes.getType(), scale));
}

SmallVector<Value> AttentionKernel::loadParts(Value cache, const Keys &keys, Value key, int64_t first, int64_t parts) {
  SmallVector<Value> elements;
  if (!splitsNibbles) {
    for (int64_t part = 0; part < parts; ++part)
      elements.push_back(loadCache(sums, cache, keys, key, index((first + part) * headSumLanes), headSumLanes));
    return elements;
  }
  // A lane of bytes holds an element of each of two parts. (u - 8) d is u d - 8 d, exactly: these have at most 15 bits.
  auto integers = VectorType::get({headSumLanes}, b.getI32Type());
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(integers, static_cast<int32_t>(value)));
  };
  Value scales, offsets;
  for (int64_t part = first; part < first + parts; part += 2) {
    if (cacheGroup && !hasLineScales() && (part == first || part * headSumLanes % cacheGroup == 0)) {
      Value scale = groupScale(sums, cache, keys, key, index(part * headSumLanes));
      Value offset = arith::MulFOp::create(b, loc, scale, scalar(-kNibbleOffset));
      scales = vector::BroadcastOp::create(b, loc, sumVector(headSumLanes), scale);
      offsets = vector::BroadcastOp::create(b, loc, sumVector(headSumLanes), offset);
    }
    Value at = index(part * headSumLanes / 2);
    Value pairs = arith::ExtUIOp::create(b, loc, integers, load(cache, {keys.batch, keys.kvHead, key, at}, headSumLanes));
    Value low = arith::AndIOp::create(b, loc, pairs, constant(15)), high = arith::ShRUIOp::create(b, loc, pairs, constant(4));
    for (Value codes : {low, high}) {
      Value wide = arith::SIToFPOp::create(b, loc, sumVector(headSumLanes), codes);
      elements.push_back(scales ? multiplyAdd(wide, scales, offsets)
                                : Value(arith::AddFOp::create(b, loc, wide, splat(-kNibbleOffset, headSumLanes))));
    }
  }
  return elements;
}

void AttentionKernel::splitPairs(Value queries, Value row) {
  for (int64_t d = 0; d < headSize; d += 2 * headSumLanes) {
    auto halves = vector::DeinterleaveOp::create(b, loc, load(queries, {row, index(d)}, 2 * headSumLanes));
    store(halves.getRes1(), queries, {row, index(d)});
    store(halves.getRes2(), queries, {row, index(d + headSumLanes)});
  }
}

void AttentionKernel::joinPairs(MutableArrayRef<Value> parts) {
  for (size_t i = 0; i + 1 < parts.size(); i += 2) {
    Value even = parts[i], odd = parts[i + 1];
    for (int64_t half = 0; half < 2; ++half) {
      SmallVector<int64_t> order;
      for (int64_t lane = half * headSumLanes / 2; lane < (half + 1) * headSumLanes / 2; ++lane)
        order.append({lane, headSumLanes + lane});
      parts[i + half] = vector::ShuffleOp::create(b, loc, even, odd, order);
    }
  }
}

void AttentionKernel::emitLineScales(Value cache, Value scales, const Keys &keys) {
  // The lines past the last key repeat it: what they scale is masked, and no memory past it is read.
  Value lastKey = sub(keys.end, index(1)), zero = index(0);
  Value padded = roundUp(sub(keys.end, keys.begin), kKeyLanes);
  forRange(zero, padded, 1, [&](Value i) {
    Value scale = groupScale(sums, cache, keys, min(add(keys.begin, i), lastKey), zero);
    memref::StoreOp::create(b, loc, scale, scales, i);
  });
}

Value AttentionKernel::scaledByChannel(Value vector, Value scales, Value kvHead, int64_t d) {
  int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
  Value factors = loadAs(sums, scales, add(mul(kvHead, index(headSize)), index(d)), lanes);
  return arith::MulFOp::create(b, loc, vector, factors);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

void AttentionKernel::storeCodes(Value quotients, bool isSymmetric, Value cache, ArrayRef<Value> line, int64_t d) {
  auto type = cast<VectorType>(quotients.getType());
  int64_t lanes = type.getNumElements(), largest = (int64_t(1) << (cacheBits - 1)) - 1;
  auto floats = [&](double value) -> Value {
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, static_cast<float>(value)));
  };
  auto bytes = [&](VectorType type, int8_t value) -> Value {
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, value));
  };
  Value rounded = math::RoundEvenOp::create(b, loc, quotients);
  // A quotient that is no number becomes the largest code.
  rounded = arith::MinNumFOp::create(b, loc, rounded, floats(largest));
  rounded = arith::MaxNumFOp::create(b, loc, rounded, floats(isSymmetric ? -largest : -largest - 1));
  auto byteType = VectorType::get({lanes}, b.getI8Type());
  Value codes = arith::FPToSIOp::create(b, loc, byteType, rounded);
  SmallVector<Value> indices(line);
  if (cacheBits == 8) {
    indices.push_back(index(d));
    vector::StoreOp::create(b, loc, codes, cache, indices);
    return;
  }
  codes = arith::AddIOp::create(b, loc, codes, bytes(byteType, kNibbleOffset));
  auto halves = vector::DeinterleaveOp::create(b, loc, codes);
  auto pairType = VectorType::get({lanes / 2}, b.getI8Type());
  Value high = arith::ShLIOp::create(b, loc, halves.getRes2(), bytes(pairType, 4));
  indices.push_back(index(d / 2));
  vector::StoreOp::create(b, loc, arith::OrIOp::create(b, loc, halves.getRes1(), high), cache, indices);
}

void AttentionKernel::writeLine(Value source, ArrayRef<Value> sourceIndices, Value cache, ArrayRef<Value> line,
                                Value channelScales) {
  auto f32 = b.getF32Type();
  auto vectorType = VectorType::get({headLanes}, f32);
  auto elements = [&](int64_t d) {
    SmallVector<Value> indices(sourceIndices);
    indices.back() = add(indices.back(), index(d));
    return load(source, indices, headLanes);
  };
  if (!cacheBits) {
    for (int64_t d = 0; d < headSize; d += headLanes) {
      SmallVector<Value> indices(line);
      indices.push_back(index(d));
      store(elements(d), cache, indices);
    }
    return;
  }
  if (channelScales) {
    for (int64_t d = 0; d < headSize; d += headLanes) {
      Value scales = load(channelScales, add(mul(line[1], index(headSize)), index(d)), headLanes);
      storeCodes(arith::DivFOp::create(b, loc, elements(d), scales), /*isSymmetric=*/false, cache, line, d);
    }
    return;
  }
  double largest = (1 << (cacheBits - 1)) - 1;
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  for (int64_t first = 0; first < headSize; first += cacheGroup) {
    Value greatest;
    for (int64_t d = first; d < first + cacheGroup; d += headLanes) {
      Value magnitude = math::AbsFOp::create(b, loc, elements(d));
      greatest = greatest ? Value(arith::MaximumFOp::create(b, loc, greatest, magnitude)) : magnitude;
    }
    greatest = vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXIMUMF, greatest);
    Value exact = arith::DivFOp::create(b, loc, greatest, arith::ConstantOp::create(b, loc, b.getF32FloatAttr(largest)));
    Value half = arith::TruncFOp::create(b, loc, b.getF16Type(), exact);
    Value halfVector = vector::BroadcastOp::create(b, loc, VectorType::get({1}, b.getF16Type()), half);
    SmallVector<Value> indices(line);
    indices.push_back(index(headSize * cacheBits / 8 + first / cacheGroup * 2));
    vector::StoreOp::create(
        b, loc, vector::BitCastOp::create(b, loc, VectorType::get({2}, b.getI8Type()), halfVector), cache, indices);
    Value scale = arith::ExtFOp::create(b, loc, f32, half);
    Value isZero = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, scale, zero);
    Value scales = vector::BroadcastOp::create(b, loc, vectorType, scale);
    Value zeros = vector::BroadcastOp::create(b, loc, vectorType, zero);
    for (int64_t d = first; d < first + cacheGroup; d += headLanes) {
      Value quotients = arith::DivFOp::create(b, loc, elements(d), scales);
      quotients = arith::SelectOp::create(b, loc, isZero, zeros, quotients);
      storeCodes(quotients, /*isSymmetric=*/true, cache, line, d);
    }
  }
}

void AttentionKernel::appendToCache(Value batch, Value token, Value rotated) {
  Value position = add(firstPosition(batch).first, token);
  forRange(index(0), index(kvHeads), 1, [&](Value head) {
    Value column = mul(head, index(headSize));
    SmallVector<Value> line = {batch, head, position};
    // Codes are of a whole group, so a head is rotated beside the cache first.
    if (cacheBits) {
      rotateHead(key, {batch, token, column}, rotated, {index(0)}, position, /*factor=*/{});
      writeLine(rotated, {index(0)}, presentKey, line, keyScale);
    } else {
      rotateHead(key, {batch, token, column}, presentKey, {batch, head, position, index(0)}, position, /*factor=*/{});
    }
    writeLine(value, {batch, token, column}, presentValue, line, valueScale);
  });
}

void AttentionKernel::copyPast(Value past, Value present) {
  Value differ = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                       memref::ExtractAlignedPointerAsIndexOp::create(b, loc, past),
                                       memref::ExtractAlignedPointerAsIndexOp::create(b, loc, present));
  auto ifOp = scf::IfOp::create(b, loc, differ, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  int64_t lineSize = cacheBits ? lowbit::AttentionOp::getLineBytes(headSize, cacheBits, cacheGroup) : headSize;
  Value batches = memref::DimOp::create(b, loc, past, 0);
  Value length = min(memref::DimOp::create(b, loc, past, 2), cacheLength);
  scf::ParallelOp::create(
      b, loc, ValueRange{index(0), index(0)}, ValueRange{batches, index(kvHeads)}, ValueRange{index(1), index(1)},
      [&](OpBuilder &, Location, ValueRange at) {
        scf::ForOp::create(b, loc, index(0), length, index(1), ValueRange(),
                           [&](OpBuilder &, Location, Value position, ValueRange) {
                             int64_t lanes;
                             for (int64_t d = 0; d < lineSize; d += lanes) {
                               SmallVector<Value> indices{at[0], at[1], position, index(d)};
                               lanes = std::min<int64_t>(16, llvm::bit_floor<uint64_t>(lineSize - d));
                               store(load(past, indices, lanes), present, indices);
                             }
                             scf::YieldOp::create(b, loc);
                           });
      });
}

} // namespace lutra
