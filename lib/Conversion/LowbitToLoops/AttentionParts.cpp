//===- AttentionParts.cpp - one new token: values of many sums ------------===//
//
// Where a line's values for all rows are more sums than registers hold, and the machine reads ahead by itself, the sums
// stay in memory: a key of each stream is taken part by part for all rows, as scores are made, so that memory is read
// once, evenly and in the order that the machine follows. (Several passes over a few keys leave memory waiting for
// those that read nothing new.) Weights are made a vector ahead of the values that they multiply, while these are on
// their way.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LowbitToLoops/AttentionKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

using namespace mlir;

namespace lutra {

/// Parts of a line whose code is emitted one after the other.
static constexpr int64_t kUnrolledParts = 2;
/// The machine's lines that a stream is asked for before it begins: half of the page (4 KiB) that its prefetcher would
/// follow by itself.
static constexpr int64_t kLinesOfBeginning = 32;

void AttentionKernel::forBranch(Value condition, llvm::function_ref<void()> body) {
  auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body();
}

void AttentionKernel::askForBeginnings(Value cache, const Keys &next, Value column, const Walk &walk) {
  Value ahead = sub(add(column, index(kLinesOfBeginning * streams)), walk.streamed);
  Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, ahead, index(0));
  forBranch(isLast, [&] {
    int64_t linesOfKey = std::max<int64_t>(lineBytes() / kMachineLine, 1);
    int64_t perLine = kMachineLine * 8 / cast<MemRefType>(cache.getType()).getElementTypeBitWidth();
    Value line = arith::DivUIOp::create(b, loc, ahead, index(streams)), last = sub(next.end, index(1));
    Value step = arith::DivUIOp::create(b, loc, line, index(linesOfKey));
    Value element = mul(arith::RemUIOp::create(b, loc, line, index(linesOfKey)), index(perLine));
    Value perStream = walkThrough(next).perStream;
    for (int64_t stream = 0; stream < streams; ++stream) {
      Value key = min(add(add(next.begin, mul(perStream, index(stream))), step), last);
      memref::PrefetchOp::create(b, loc, cache, ValueRange{next.batch, next.kvHead, key, element}, /*isWrite=*/false,
                                 /*localityHint=*/3, /*isDataCache=*/true);
    }
  });
}

AttentionKernel::Keys AttentionKernel::keysAfter(const Keys &keys, Value position) {
  Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, keys.end, position);
  Keys next = {keys.batch, keys.kvHead, keys.end, {}};
  Value neighbour = min(add(keys.kvHead, index(1)), index(kvHeads - 1));
  next.kvHead = arith::SelectOp::create(b, loc, isLast, neighbour, keys.kvHead);
  next.begin = arith::SelectOp::create(b, loc, isLast, firstKeyOf(position, chunkKeys), keys.end);
  next.end = min(add(next.begin, chunkKeys), add(position, index(1)));
  return next;
}

void AttentionKernel::emitValueStep(const Buffers &buffers, int64_t firstRow, int64_t rows, const Keys &keys,
                                    ArrayRef<Value> lines, Value column, const State &state, Value stateRow) {
  SmallVector<SmallVector<Value>> weights(rows);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < static_cast<int64_t>(lines.size()); ++i) {
      Value weight =
          memref::LoadOp::create(b, loc, buffers.scores, ValueRange{index(firstRow + row), add(column, index(i))});
      weights[row].push_back(vector::BroadcastOp::create(b, loc, sumVector(headSumLanes), weight));
    }
  int64_t unrolled = std::gcd(headSize, kUnrolledParts * headSumLanes);
  // The size of a head, which the optimizer is not to see: of a loop that it unrolls it keeps the sums from step to
  // step, in registers that there are not.
  Value end = min(index(headSize), mul(cacheLength, index(headSize)));
  forRange(index(0), end, unrolled, [&](Value first) {
    for (int64_t d = 0; d < unrolled; d += headSumLanes) {
      Value at = add(first, index(d));
      SmallVector<Value> sofar;
      for (int64_t row = 0; row < rows; ++row)
        sofar.push_back(load(state.values, {add(stateRow, index(row)), at}, headSumLanes));
      for (auto [i, key] : llvm::enumerate(lines)) {
        Value elements = loadCache(sums, presentValue, keys, key, at, headSumLanes);
        for (int64_t row = 0; row < rows; ++row)
          sofar[row] = multiplyAdd(weights[row][i], elements, sofar[row]);
      }
      for (int64_t row = 0; row < rows; ++row)
        store(sofar[row], state.values, {add(stateRow, index(row)), at});
    }
  });
}

void AttentionKernel::emitValuesByParts(const Buffers &buffers, int64_t firstRow, int64_t rows, const Keys &keys,
                                        const Walk &walk, const State &state, Value stateRow, Value position) {
  Value numKeys = roundUp(sub(keys.end, keys.begin), kKeyLanes);
  auto weigh = [&](Value column) {
    for (int64_t row = firstRow; row < firstRow + rows; ++row) {
      Value shift = memref::LoadOp::create(b, loc, buffers.shifts, index(row));
      shift = vector::BroadcastOp::create(b, loc, sumVector(kKeyLanes), shift);
      Value total = load(buffers.totals, {index(row), index(0)}, kKeyLanes);
      total = arith::AddFOp::create(b, loc, total, weighKeys(buffers.scores, index(row), column, shift, keys));
      store(total, buffers.totals, {index(row), index(0)});
    }
  };
  bool isLastGroup = firstRow + rows == headsPerKV;
  Keys next = keysAfter(keys, position);
  weigh(index(0));
  forRange(index(0), numKeys, kKeyLanes, [&](Value block) {
    Value end = add(block, index(kKeyLanes));
    forBranch(arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, end, numKeys), [&] { weigh(end); });
    forRange(block, min(end, walk.streamed), kKeysAtOnce, [&](Value column) {
      if (isLastGroup)
        askForBeginnings(presentKey, next, column, walk);
      SmallVector<Value> lines = walk.keysAt(*this, arith::DivUIOp::create(b, loc, column, index(streams)));
      emitValueStep(buffers, firstRow, rows, keys, lines, column, state, stateRow);
    });
  });
  forRange(walk.rest, keys.end, 1, [&](Value key) {
    emitValueStep(buffers, firstRow, rows, keys, key, sub(key, keys.begin), state, stateRow);
  });
}

} // namespace lutra
