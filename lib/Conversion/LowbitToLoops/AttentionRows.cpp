//===- AttentionRows.cpp - blocks of rows of a prompt ---------------------===//
//
// Layout of a block: rows are (token, query head of the key-value head) pairs, token-major, padded to a multiple of four by
// repeating the last. Keys are transposed 16 at a time into a small tile, so that one vector lane is one key: scores then need
// no horizontal sums, and a tile serves all rows of the block. A single token has too few rows to pay for that (AttentionSingle.cpp).
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

void AttentionKernel::emit() {
  numTokens = memref::DimOp::create(b, loc, query, 1);
  cacheLength = memref::DimOp::create(b, loc, presentKey, 2);
  Value newTokens = checkPositions();
  copyPast(pastKey, presentKey);
  copyPast(pastValue, presentValue);

  Value isSingle = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, newTokens, index(1));
  auto branch = scf::IfOp::create(b, loc, isSingle, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  emitSingleToken();
  b.setInsertionPointToStart(branch.elseBlock());
  Value batches = memref::DimOp::create(b, loc, query, 0);
  scf::ParallelOp::create(b, loc, ValueRange{index(0), index(0)}, ValueRange{batches, newTokens},
                          ValueRange{index(1), index(1)},
                          [&](OpBuilder &, Location, ValueRange at) {
                            SmallVector<Value> heap;
                            Value rotated = cacheBits ? scratch({headSize}, b.getF32Type(), heap) : Value();
                            appendToCache(at[0], at[1], rotated);
                            release(heap);
                          });
  Value rows = mul(newTokens, index(headsPerKV));
  Value blocks = arith::CeilDivUIOp::create(b, loc, rows, index(kBlockRows));
  scf::ParallelOp::create(b, loc, ValueRange{index(0), index(0), index(0)},
                          ValueRange{batches, index(kvHeads), blocks}, ValueRange{index(1), index(1), index(1)},
                          [&](OpBuilder &, Location, ValueRange at) {
                            Value firstRow = mul(at[2], index(kBlockRows));
                            emitBlock(at[0], at[1], firstRow, min(index(kBlockRows), sub(rows, firstRow)));
                          });
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

AttentionKernel::State AttentionKernel::allocateState(Value rows) {
  auto allocate = [&](ArrayRef<int64_t> shape) -> Value {
    return memref::AllocOp::create(b, loc, MemRefType::get(shape, sums), rows, b.getI64IntegerAttr(64));
  };
  int64_t dynamic = ShapedType::kDynamic;
  return {allocate(dynamic), allocate(dynamic), allocate({dynamic, headSize})};
}

void AttentionKernel::release(ArrayRef<Value> buffers) {
  for (Value buffer : buffers)
    memref::DeallocOp::create(b, loc, buffer);
}

void AttentionKernel::loadLineScales(Keys &keys, ArrayRef<Value> buffers) {
  if (buffers.empty())
    return;
  emitLineScales(presentKey, buffers[0], keys);
  emitLineScales(presentValue, buffers[1], keys);
  keys.keyScales = buffers[0];
  keys.valueScales = buffers[1];
}

Value AttentionKernel::loadSink(Value head) {
  if (!sink)
    return {};
  Value score = memref::LoadOp::create(b, loc, sink, head);
  return score.getType() == sums ? score : arith::ExtFOp::create(b, loc, sums, score);
}

void AttentionKernel::initialize(const State &state, Value row, Value sinkScore) {
  Value greatest = sinkScore ? sinkScore : scalar(-std::numeric_limits<double>::infinity());
  memref::StoreOp::create(b, loc, greatest, state.greatest, row);
  memref::StoreOp::create(b, loc, scalar(sinkScore ? 1.0 : 0.0), state.total, row);
  for (int64_t d = 0; d < headSize; d += headSumLanes)
    store(splat(0.0, headSumLanes), state.values, {row, index(d)});
}

void AttentionKernel::emitOutput(ArrayRef<Value> values, Value total, Value batch, Value token, Value head) {
  Value inverse = vector::BroadcastOp::create(b, loc, sumVector(headSumLanes),
                                              arith::DivFOp::create(b, loc, scalar(1.0), total));
  Value column = mul(head, index(headSize)), kvHead;
  if (valueScale)
    kvHead = arith::DivUIOp::create(b, loc, head, index(headsPerKV));
  for (auto [part, value] : llvm::enumerate(values)) {
    int64_t d = static_cast<int64_t>(part) * headSumLanes;
    Value result = arith::MulFOp::create(b, loc, value, inverse);
    if (valueScale)
      result = scaledByChannel(result, valueScale, kvHead, d);
    store(result, output, {batch, token, add(column, index(d))});
  }
}

//===----------------------------------------------------------------------===//
// A block of rows
//===----------------------------------------------------------------------===//

void AttentionKernel::emitQuery(Value queries, Value row, Value rotated, Value batch, Value token, Value head,
                                Value position) {
  Value column = mul(head, index(headSize));
  if (sums.isF32()) {
    rotateHead(query, {batch, token, column}, queries, {row, index(0)}, position, scalar(scale));
  } else {
    // Rotated in f32 as the keys are, then scaled in the type of sums.
    rotateHead(query, {batch, token, column}, rotated, {index(0)}, position, /*factor=*/{});
    for (int64_t d = 0; d < headSize; d += headSumLanes)
      store(arith::MulFOp::create(b, loc, loadAs(sums, rotated, index(d), headSumLanes), splat(scale, headSumLanes)),
            queries, {row, index(d)});
  }
  if (!keyScale)
    return;
  Value kvHead = arith::DivUIOp::create(b, loc, head, index(headsPerKV));
  for (int64_t d = 0; d < headSize; d += headSumLanes)
    store(scaledByChannel(load(queries, {row, index(d)}, headSumLanes), keyScale, kvHead, d), queries, {row, index(d)});
}

void AttentionKernel::emitBlock(Value batch, Value kvHead, Value firstRow, Value numRows) {
  Value lastRow = sub(add(firstRow, numRows), index(1));
  Value first = firstPosition(batch).first;
  Value endKey = add(add(first, tokenAndHead(lastRow, kvHead).first), index(1));
  Value firstKey = firstKeyOf(add(first, tokenAndHead(firstRow, kvHead).first), index(kKeyLanes));
  Value paddedRows = roundUp(numRows, kRowsAtOnce);
  auto tokenAndHeadOf = [&](Value row) { return tokenAndHead(min(add(firstRow, row), lastRow), kvHead); };
  auto positionOf = [&](Value row) { return add(first, tokenAndHeadOf(row).first); };

  SmallVector<Value> heap, lineScales;
  Value queries = scratch({kBlockRows, headSize}, sums, heap);
  Value rotated = sums.isF32() ? Value() : scratch({headSize}, b.getF32Type(), heap);
  Value keyTile = scratch({headSize, kKeyLanes}, b.getF32Type(), heap);
  Value scores = scratch({kBlockRows, kChunk}, sums, heap);
  if (hasLineScales())
    lineScales = {scratch({kChunk}, sums, heap), scratch({kChunk}, sums, heap)};
  State state = {scratch({kBlockRows}, sums, heap), scratch({kBlockRows}, sums, heap),
                 scratch({kBlockRows, headSize}, sums, heap)};
  forRange(index(0), paddedRows, 1, [&](Value row) {
    auto [token, head] = tokenAndHeadOf(row);
    initialize(state, row, loadSink(head));
    emitQuery(queries, row, rotated, batch, token, head, add(first, token));
  });
  forRange(firstKey, endKey, kChunk, [&](Value begin) {
    Keys keys = {batch, kvHead, begin, min(add(begin, index(kChunk)), endKey)};
    loadLineScales(keys, lineScales);
    forRange(begin, keys.end, kKeyLanes, [&](Value key) {
      emitKeyTile(keyTile, keys, key);
      forRange(index(0), paddedRows, kRowsAtOnce,
               [&](Value row) { emitTileScores(queries, keyTile, scores, row, key, keys, positionOf); });
    });
    Value numKeys = roundUp(sub(keys.end, begin), kKeyLanes);
    forRange(index(0), paddedRows, 1, [&](Value row) { emitWeights(scores, row, numKeys, keys, state, row); });
    forRange(index(0), paddedRows, kRowsAtOnce,
             [&](Value row) { emitValues(scores, row, kRowsAtOnce, keys, state, row); });
  });
  forRange(index(0), numRows, 1, [&](Value row) {
    auto [token, head] = tokenAndHeadOf(row);
    SmallVector<Value> values;
    for (int64_t d = 0; d < headSize; d += headSumLanes)
      values.push_back(load(state.values, {row, index(d)}, headSumLanes));
    emitOutput(values, memref::LoadOp::create(b, loc, state.total, row), batch, token, head);
  });
  release(heap);
}

} // namespace lutra
