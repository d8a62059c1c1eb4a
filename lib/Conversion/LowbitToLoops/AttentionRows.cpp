//===- AttentionRows.cpp - blocks of rows and single tokens ---------------===//
//
// Layout of a block: rows are (token, query head of the key-value head) pairs, token-major, padded to a multiple of four by
// repeating the last. Keys are transposed 16 at a time into a small tile, so that one vector lane is one key: scores then need
// no horizontal sums, and a tile serves all rows of the block. A single token has too few rows to pay for that: its scores are
// sums along the heads, added up in a tree of shuffles.
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
                          [&](OpBuilder &, Location, ValueRange at) { appendToCache(at[0], at[1]); });
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
  int64_t dynamic = ShapedType::kDynamic;
  return {allocate({dynamic}, sums, rows), allocate({dynamic}, sums, rows), allocate({dynamic, headSize}, sums, rows)};
}

void AttentionKernel::release(const State &state) {
  for (Value buffer : {state.greatest, state.total, state.values})
    memref::DeallocOp::create(b, loc, buffer);
}

SmallVector<Value> AttentionKernel::allocateLineScales() {
  if (!hasLineScales())
    return {};
  return {allocate({kChunk}, sums), allocate({kChunk}, sums)};
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

void AttentionKernel::emitQuery(Value queries, Value row, Value batch, Value token, Value head, Value position) {
  Value column = mul(head, index(headSize));
  if (sums.isF32()) {
    rotateHead(query, {batch, token, column}, queries, {row, index(0)}, position, scalar(scale));
  } else {
    // Rotated in f32 as the keys are, then scaled in the type of sums.
    Value rotated = allocate({headSize}, b.getF32Type());
    rotateHead(query, {batch, token, column}, rotated, {index(0)}, position, /*factor=*/{});
    for (int64_t d = 0; d < headSize; d += headSumLanes)
      store(arith::MulFOp::create(b, loc, loadAs(sums, rotated, index(d), headSumLanes), splat(scale, headSumLanes)),
            queries, {row, index(d)});
    memref::DeallocOp::create(b, loc, rotated);
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
  Value firstKey = firstKeyOf(add(first, tokenAndHead(firstRow, kvHead).first), kKeyLanes);
  Value paddedRows = roundUp(numRows, kRowsAtOnce);
  auto tokenAndHeadOf = [&](Value row) { return tokenAndHead(min(add(firstRow, row), lastRow), kvHead); };
  auto positionOf = [&](Value row) { return add(first, tokenAndHeadOf(row).first); };

  Value queries = allocate({kBlockRows, headSize}, sums);
  Value keyTile = allocate({headSize, kKeyLanes}, b.getF32Type());
  Value scores = allocate({kBlockRows, kChunk}, sums);
  SmallVector<Value> buffers = {queries, keyTile, scores}, lineScales = allocateLineScales();
  llvm::append_range(buffers, lineScales);
  State state = allocateState(index(kBlockRows));
  forRange(index(0), paddedRows, 1, [&](Value row) {
    auto [token, head] = tokenAndHeadOf(row);
    initialize(state, row, loadSink(head));
    emitQuery(queries, row, batch, token, head, add(first, token));
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
  for (Value buffer : buffers)
    memref::DeallocOp::create(b, loc, buffer);
  release(state);
}

//===----------------------------------------------------------------------===//
// A single token
//===----------------------------------------------------------------------===//

void AttentionKernel::emitSingleToken() {
  Value batches = memref::DimOp::create(b, loc, query, 0);
  forRange(index(0), batches, 1, [&](Value batch) { appendToCache(batch, index(0)); });

  // The state of a head lies in a row for each chunk, the heads that share keys beside each other.
  Value chunks = arith::CeilDivUIOp::create(b, loc, cacheLength, index(kChunk));
  State state = allocateState(mul(mul(batches, index(numHeads)), chunks));
  auto rowOf = [&](Value batch, Value kvHead, Value chunk) {
    return mul(add(mul(add(mul(batch, index(kvHeads)), kvHead), chunks), chunk), index(headsPerKV));
  };
  scf::ParallelOp::create(
      b, loc, ValueRange{index(0), index(0), index(0)}, ValueRange{batches, index(kvHeads), chunks},
      ValueRange{index(1), index(1), index(1)}, [&](OpBuilder &, Location, ValueRange at) {
        Value position = firstPosition(at[0]).first, begin = mul(at[2], index(kChunk));
        Value isSeen = arith::AndIOp::create(
            b, loc, arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, begin, position),
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, begin, firstKeyOf(position, kChunk)));
        auto seen = scf::IfOp::create(b, loc, isSeen, /*withElseRegion=*/false);
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(seen.thenBlock());
        Keys keys = {at[0], at[1], begin, min(add(begin, index(kChunk)), add(position, index(1)))};
        Value firstRow = rowOf(at[0], at[1], at[2]);
        Value queries = allocate({headsPerKV, headSize}, sums), scores = allocate({headsPerKV, kChunk}, sums);
        SmallVector<Value> buffers = {queries, scores}, lineScales = allocateLineScales();
        llvm::append_range(buffers, lineScales);
        loadLineScales(keys, lineScales);
        forRange(index(0), index(headsPerKV), 1, [&](Value row) {
          initialize(state, add(firstRow, row));
          emitQuery(queries, row, at[0], index(0), add(mul(at[1], index(headsPerKV)), row), position);
        });
        Value numKeys = roundUp(sub(keys.end, begin), kKeyLanes);
        for (int64_t row = 0; row < headsPerKV; row += kRowsAtOnce)
          forRange(begin, add(begin, numKeys), kKeysAtOnce, [&](Value key) {
            emitRowScores(queries, scores, row, std::min(kRowsAtOnce, headsPerKV - row), key, keys, position);
          });
        forRange(index(0), index(headsPerKV), 1,
                 [&](Value row) { emitWeights(scores, row, numKeys, keys, state, add(firstRow, row)); });
        for (int64_t row = 0; row < headsPerKV; row += kRowsAtOnce)
          emitValues(scores, index(row), std::min(kRowsAtOnce, headsPerKV - row), keys, state, add(firstRow, index(row)),
                     row == 0 ? position : Value());
        for (Value buffer : buffers)
          memref::DeallocOp::create(b, loc, buffer);
      });

  scf::ParallelOp::create(b, loc, ValueRange{index(0), index(0)}, ValueRange{batches, index(numHeads)},
                          ValueRange{index(1), index(1)}, [&](OpBuilder &, Location, ValueRange at) {
                            auto [shared, kvHead] = std::pair(
                                arith::RemUIOp::create(b, loc, at[1], index(headsPerKV)).getResult(),
                                arith::DivUIOp::create(b, loc, at[1], index(headsPerKV)).getResult());
                            Value position = firstPosition(at[0]).first;
                            Value begin = arith::DivUIOp::create(b, loc, firstKeyOf(position, kChunk), index(kChunk));
                            Value end = add(arith::DivUIOp::create(b, loc, position, index(kChunk)), index(1));
                            mergeAndOutput(state, add(rowOf(at[0], kvHead, begin), shared),
                                           add(rowOf(at[0], kvHead, end), shared), at[0], at[1]);
                          });
  release(state);
}

void AttentionKernel::mergeAndOutput(const State &state, Value row, Value end, Value batch, Value head) {
  Value sinkScore = loadSink(head);
  Value lowest = sinkScore ? sinkScore : scalar(-std::numeric_limits<double>::infinity());
  auto greatest = scf::ForOp::create(
      b, loc, row, end, index(headsPerKV), lowest, [&](OpBuilder &, Location, Value at, ValueRange so) {
        Value chunk = memref::LoadOp::create(b, loc, state.greatest, at);
        scf::YieldOp::create(b, loc, arith::MaximumFOp::create(b, loc, so[0], chunk).getResult());
      });
  auto factorOf = [&](Value score) -> Value {
    return math::ExpOp::create(b, loc, arith::SubFOp::create(b, loc, score, greatest.getResult(0)));
  };
  SmallVector<Value> initial(headSize / headSumLanes, splat(0.0, headSumLanes));
  initial.push_back(sinkScore ? factorOf(sinkScore) : scalar(0.0));
  auto merged = scf::ForOp::create(
      b, loc, row, end, index(headsPerKV), initial, [&](OpBuilder &, Location, Value at, ValueRange so) {
        Value factor = factorOf(memref::LoadOp::create(b, loc, state.greatest, at));
        Value factors = vector::BroadcastOp::create(b, loc, sumVector(headSumLanes), factor);
        SmallVector<Value> next;
        for (int64_t d = 0; d < headSize; d += headSumLanes)
          next.push_back(multiplyAdd(factors, load(state.values, {at, index(d)}, headSumLanes), so[d / headSumLanes]));
        Value total = arith::MulFOp::create(b, loc, factor, memref::LoadOp::create(b, loc, state.total, at));
        next.push_back(arith::AddFOp::create(b, loc, so.back(), total));
        scf::YieldOp::create(b, loc, next);
      });
  SmallVector<Value> results(merged.getResults());
  Value total = results.pop_back_val();
  emitOutput(results, total, batch, index(0), head);
}

} // namespace lutra
