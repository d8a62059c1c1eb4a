//===- AttentionKernel.cpp - positions and rotary -------------------------===//
//
// What comes before the scores and is not the cache's own, in f32, and the expressions that all parts share.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/LowbitToLoops/AttentionKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

using namespace mlir;

namespace lutra {

/// Larger buffers of a task are not taken from the stack.
static constexpr int64_t kStackBytes = 64 << 10;

int64_t AttentionKernel::vectorLanes(int64_t size) { return std::min<int64_t>(16, size & -size); }

LogicalResult AttentionKernel::verify(lowbit::AttentionOp op) {
  for (Value operand : op->getOperands()) {
    auto type = cast<MemRefType>(operand.getType());
    bool isLength = operand == op.getSeqlens() || operand == op.getTotal();
    bool isCache = llvm::is_contained({op.getPastKey(), op.getPastValue(), op.getPresentKey(), op.getPresentValue()}, operand);
    Type element = type.getElementType();
    bool isRight = isCache && op.getCacheBits() ? element.isInteger(8)
                   : isLength                   ? element.isInteger(32)
                                                : element.isF32() || (isCache && element.isF16());
    if (!isRight)
      return op.emitOpError() << "operand of type " << type << " must have elements of type "
                              << (isLength ? "i32" : isCache ? "f32 or f16" : "f32");
    if (type.getRank() > 0 && !type.isLastDimUnitStride())
      return op.emitOpError() << "operand of type " << type << " must be contiguous in its last dimension";
  }
  int64_t width = cast<MemRefType>(op.getQuery().getType()).getShape().back();
  if (ShapedType::isDynamic(width))
    return op.emitOpError("needs a static last dimension of the query (num_heads * head size)");
  if (op.getCos()) {
    int64_t half = cast<MemRefType>(op.getCos().getType()).getShape().back();
    if (ShapedType::isDynamic(half) || half < 1)
      return op.emitOpError("needs a static, positive last dimension of cos and sin (half the rotary size)");
    if (2 * half > width / static_cast<int64_t>(op.getNumHeads()))
      return op.emitOpError() << "has cos and sin for a rotary size of " << 2 * half << ", more than the head size "
                              << width / static_cast<int64_t>(op.getNumHeads());
  }
  return success();
}

AttentionKernel::AttentionKernel(lowbit::AttentionOp op, ValueRange arguments, FloatType sums, int64_t prefetchBytes, OpBuilder &builder)
    : b(builder), loc(op.getLoc()), sums(sums), numHeads(op.getNumHeads()), kvHeads(op.getKvHeads()),
      headsPerKV(numHeads / kvHeads), window(op.getWindow()),
      cacheBits(op.getCacheBits().value_or(0)), cacheGroup(op.getCacheGroup().value_or(0)), scale(op.getScale().convertToFloat()),
      softcap(op.getSoftcap().convertToFloat()), interleaved(op.getInterleaved()), prefetchBytes(prefetchBytes) {
  // An operand may be given twice, so the arguments are found by position.
  auto at = [&](OperandRange range) -> Value {
    return range.empty() ? Value() : arguments[range.getBeginOperandIndex()];
  };
  query = at(op.getODSOperands(0));
  key = at(op.getODSOperands(1));
  value = at(op.getODSOperands(2));
  pastKey = at(op.getODSOperands(3));
  pastValue = at(op.getODSOperands(4));
  seqlens = at(op.getODSOperands(5));
  total = at(op.getODSOperands(6));
  cosTable = at(op.getODSOperands(7));
  sinTable = at(op.getODSOperands(8));
  sink = at(op.getODSOperands(9));
  keyScale = at(op.getODSOperands(10));
  valueScale = at(op.getODSOperands(11));
  output = at(op.getODSOperands(12));
  presentKey = at(op.getODSOperands(13));
  presentValue = at(op.getODSOperands(14));
  headSize = cast<MemRefType>(query.getType()).getShape().back() / numHeads;
  rotarySize = cosTable ? 2 * cast<MemRefType>(cosTable.getType()).getShape().back() : 0;
  headLanes = vectorLanes(cacheGroup ? std::gcd(headSize, cacheGroup) : headSize);
  headSumLanes = std::min<int64_t>(headLanes, 512 / sums.getWidth());
  // A machine that reads ahead by itself does so best of one stream, or of four whose lines are taken in turn. The order of keys is the order of sums, which is the
  // same everywhere in f64.
  addsByParts = !prefetchBytes && !cacheBits && std::min(kRowsAtOnce, headsPerKV) * headSize > kSumsInRegisters * headSumLanes;
  streams = prefetchBytes || !sums.isF32() || addsByParts || lineBytes() > kMostBytesOfStream ? kMostStreams : 1;
  keysOfStream = kKeysAtOnce / streams;
  int64_t pair = 2 * headSumLanes;
  segmentSize = cacheGroup ? cacheGroup : headSize;
  segments = headSize / segmentSize;
  multipliesCodes = cacheBits != 0 && sums.isF32() && segmentSize % (kPieceBytes * 8 / cacheBits) == 0 && segmentSize <= kLongestSegment;
  takesWholeBlocks = multipliesCodes && segmentSize * cacheBits / 8 % kBlockBytes == 0;
  splitsNibbles = !multipliesCodes && cacheBits == 4 && headSize % pair == 0 && cacheGroup % pair == 0;
}

//===----------------------------------------------------------------------===//
// Small expressions
//===----------------------------------------------------------------------===//

Value AttentionKernel::index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
Value AttentionKernel::scalar(double value) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(sums, value));
}
Value AttentionKernel::splat(double value, int64_t lanes) {
  Attribute element = b.getFloatAttr(sums, value);
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(sumVector(lanes), ArrayRef<Attribute>(element)));
}
Value AttentionKernel::constantLike(double value, Value like) {
  auto vector = dyn_cast<VectorType>(like.getType());
  return vector ? splat(value, vector.getNumElements()) : scalar(value);
}
Value AttentionKernel::add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
Value AttentionKernel::sub(Value x, Value y) { return arith::SubIOp::create(b, loc, x, y); }
Value AttentionKernel::mul(Value x, Value y) { return arith::MulIOp::create(b, loc, x, y); }
Value AttentionKernel::min(Value x, Value y) { return arith::MinSIOp::create(b, loc, x, y); }
Value AttentionKernel::roundUp(Value value, int64_t step) {
  return mul(arith::CeilDivUIOp::create(b, loc, value, index(step)), index(step));
}
Value AttentionKernel::load(Value memref, ValueRange indices, int64_t lanes) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  return vector::LoadOp::create(b, loc, VectorType::get({lanes}, element), memref, indices);
}
Value AttentionKernel::loadAs(FloatType type, Value memref, ValueRange indices, int64_t lanes) {
  return widen(type, load(memref, indices, lanes));
}
Value AttentionKernel::widen(FloatType type, Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  if (element == type)
    return value;
  // By way of f32, which machines without instructions for f16 have code for.
  if (element.isF16() && type.isF64())
    return widen(type, widen(b.getF32Type(), value));
  auto vector = dyn_cast<VectorType>(value.getType());
  return arith::ExtFOp::create(b, loc, vector ? Type(vector.clone(type)) : type, value);
}
void AttentionKernel::store(Value vector, Value memref, ValueRange indices) {
  auto type = cast<VectorType>(vector.getType());
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  if (element != type.getElementType())
    vector = arith::TruncFOp::create(b, loc, type.clone(element), vector);
  vector::StoreOp::create(b, loc, vector, memref, indices);
}
Value AttentionKernel::multiplyAdd(Value x, Value y, Value sum) {
  auto contract = arith::FastMathFlags::contract;
  Value product = arith::MulFOp::create(b, loc, x, y, contract);
  return arith::AddFOp::create(b, loc, product, sum, contract);
}
int64_t AttentionKernel::lineBytes() {
  if (cacheBits)
    return lowbit::AttentionOp::getLineBytes(headSize, cacheBits, cacheGroup);
  return headSize * cast<MemRefType>(presentKey.getType()).getElementTypeBitWidth() / 8;
}
void AttentionKernel::prefetchLine(Value cache, const Keys &keys, Value key, int locality) {
  int64_t elementBytes = cast<MemRefType>(cache.getType()).getElementTypeBitWidth() / 8;
  // The few bytes behind whole lines of the machine are its neighbour's first.
  int64_t count = std::max<int64_t>(lineBytes() / kMachineLine, 1);
  for (int64_t i = 0; i < count; ++i)
    memref::PrefetchOp::create(b, loc, cache,
                               ValueRange{keys.batch, keys.kvHead, key, index(i * kMachineLine / elementBytes)},
                               /*isWrite=*/false, locality, /*isDataCache=*/true);
}
void AttentionKernel::prefetchElements(Value cache, const Keys &keys, Value key, int64_t first, int64_t count) {
  int64_t perLine = kMachineLine * 8 / cast<MemRefType>(cache.getType()).getElementTypeBitWidth();
  for (int64_t d = first; d < first + count; d += perLine)
    memref::PrefetchOp::create(b, loc, cache, ValueRange{keys.batch, keys.kvHead, key, index(d)}, /*isWrite=*/false,
                               /*localityHint=*/3, /*isDataCache=*/true);
}
void AttentionKernel::prefetchAhead(Value cache, const Keys &keys, ArrayRef<Value> lines) {
  if (lines.size() != kKeysAtOnce || !prefetchBytes)
    return;
  // Sums in f64 fill the machine's window.
  int64_t bytes = sums.isF32() ? prefetchBytes : 2 * prefetchBytes;
  int64_t ahead = std::max<int64_t>(bytes / lineBytes(), keysOfStream);
  for (int64_t first = 0; first < kKeysAtOnce; first += keysOfStream) {
    Value last = sub(keys.end, index(keysOfStream)), begin = min(add(lines[first], index(ahead)), last);
    for (int64_t i = 0; i < keysOfStream; ++i)
      prefetchLine(cache, keys, add(begin, index(i)), /*locality=*/3);
  }
}
Value AttentionKernel::scratch(ArrayRef<int64_t> shape, Type element, SmallVectorImpl<Value> &heap) {
  auto type = MemRefType::get(shape, element);
  IntegerAttr alignment = b.getI64IntegerAttr(kMachineLine);
  if (type.getNumElements() * type.getElementTypeBitWidth() / 8 <= kStackBytes)
    return memref::AllocaOp::create(b, loc, type, ValueRange(), alignment);
  heap.push_back(memref::AllocOp::create(b, loc, type, ValueRange(), alignment));
  return heap.back();
}
void AttentionKernel::forRange(Value begin, Value end, int64_t step, llvm::function_ref<void(Value)> body) {
  scf::ForOp::create(b, loc, begin, end, index(step), ValueRange(), [&](OpBuilder &, Location, Value iv, ValueRange) {
    body(iv);
    scf::YieldOp::create(b, loc);
  });
}

std::pair<Value, Value> AttentionKernel::tokenAndHead(Value row, Value kvHead) {
  Value token = arith::DivUIOp::create(b, loc, row, index(headsPerKV));
  Value headInGroup = arith::RemUIOp::create(b, loc, row, index(headsPerKV));
  return {token, add(mul(kvHead, index(headsPerKV)), headInGroup)};
}

//===----------------------------------------------------------------------===//
// Positions and rotary
//===----------------------------------------------------------------------===//

std::pair<Value, Value> AttentionKernel::firstPosition(Value batch) {
  auto loadIndex = [&](Value memref, ValueRange indices) -> Value {
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), memref::LoadOp::create(b, loc, memref, indices));
  };
  Value isPrompt =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, loadIndex(total, {}), numTokens);
  Value appended = sub(add(loadIndex(seqlens, batch), index(1)), numTokens);
  Value first = arith::SelectOp::create(b, loc, isPrompt, index(0), appended);
  Value end = add(first, numTokens);
  Value limit = cacheLength;
  if (cosTable)
    limit = min(limit, memref::DimOp::create(b, loc, cosTable, 0));
  Value fits = arith::AndIOp::create(
      b, loc, arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, first, index(0)),
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, end, limit));
  return {first, fits};
}

Value AttentionKernel::checkPositions() {
  Value batches = memref::DimOp::create(b, loc, query, 0);
  Value yes = arith::ConstantIntOp::create(b, loc, 1, 1);
  auto loop = scf::ForOp::create(b, loc, index(0), batches, index(1), ValueRange{yes},
                                 [&](OpBuilder &, Location, Value batch, ValueRange all) {
                                   Value fits = firstPosition(batch).second;
                                   fits = arith::AndIOp::create(b, loc, all[0], fits);
                                   scf::YieldOp::create(b, loc, fits);
                                 });
  cf::AssertOp::create(b, loc, loop.getResult(0),
                       "attention: a new token's position lies outside the key-value cache or the rotary tables; is the "
                       "attention mask as long as the past and the new tokens together, and the context not full?");
  return arith::SelectOp::create(b, loc, loop.getResult(0), numTokens, index(0));
}

void AttentionKernel::rotateHead(Value source, ArrayRef<Value> sourceIndices, Value target,
                                 ArrayRef<Value> targetIndices, Value position, Value factor) {
  auto at = [&](ArrayRef<Value> base, int64_t offset) {
    SmallVector<Value> indices(base);
    indices.back() = add(indices.back(), index(offset));
    return indices;
  };
  auto scaled = [&](Value vector) -> Value {
    if (!factor)
      return vector;
    return arith::MulFOp::create(b, loc, vector, vector::BroadcastOp::create(b, loc, vector.getType(), factor));
  };
  int64_t half = rotarySize / 2;
  int64_t lanes = half ? vectorLanes(half) : 0;
  for (int64_t i = 0; i < half; i += lanes) {
    Value cosine = load(cosTable, {position, index(i)}, lanes);
    Value sine = load(sinTable, {position, index(i)}, lanes);
    Value x, y;
    if (interleaved) {
      auto split =
          vector::DeinterleaveOp::create(b, loc, scaled(load(source, at(sourceIndices, 2 * i), 2 * lanes)));
      x = split.getRes1();
      y = split.getRes2();
    } else {
      x = scaled(load(source, at(sourceIndices, i), lanes));
      y = scaled(load(source, at(sourceIndices, half + i), lanes));
    }
    Value rotatedX = arith::SubFOp::create(b, loc, arith::MulFOp::create(b, loc, x, cosine),
                                           arith::MulFOp::create(b, loc, y, sine));
    Value rotatedY = arith::AddFOp::create(b, loc, arith::MulFOp::create(b, loc, y, cosine),
                                           arith::MulFOp::create(b, loc, x, sine));
    if (interleaved) {
      store(vector::InterleaveOp::create(b, loc, rotatedX, rotatedY), target, at(targetIndices, 2 * i));
    } else {
      store(rotatedX, target, at(targetIndices, i));
      store(rotatedY, target, at(targetIndices, half + i));
    }
  }
  int64_t rest = headSize - rotarySize;
  lanes = rest ? vectorLanes(rest) : 1;
  for (int64_t d = rotarySize; d < headSize; d += lanes)
    store(scaled(load(source, at(sourceIndices, d), lanes)), target, at(targetIndices, d));
}

int64_t AttentionKernel::keysOfChunk() {
  if (cacheBits)
    return kChunk;
  return std::clamp<int64_t>(llvm::bit_floor<uint64_t>(kChunkBytes / lineBytes()), kChunk, kLongChunk);
}

Value AttentionKernel::firstKeyOf(Value position, Value step) {
  if (window <= 0)
    return index(0);
  Value oldest = arith::MaxSIOp::create(b, loc, sub(position, index(window - 1)), index(0));
  return mul(arith::DivUIOp::create(b, loc, oldest, step), step);
}

} // namespace lutra
