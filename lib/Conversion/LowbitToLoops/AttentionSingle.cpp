//===- AttentionSingle.cpp - one new token against the cache --------------===//
//
// A single token reads every key and value once and computes little with each, so what counts is how memory is read. A chunk
// is cut into parts that are walked side by side: some hardware follows several streams further ahead than one, and where one of them meets a new page
// the others go on. Zen follows one stream best, or four whose lines are taken in turn, and is asked
// only for what such four begin with (AttentionParts.cpp). Software asks for lines where the hardware does not by itself: at the beginning of streams, a little
// ahead, since the arithmetic keeps loads from being issued early, and for whole chunks of codes, which are small.
//
// Scores lie in the order in which keys were taken, which only the sums see: it depends on the number of keys alone.
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

/// Where values are taken in several passes, because a line has more than are carried: keys that each pass takes.
static constexpr int64_t kKeysOfPass = 8;

//===----------------------------------------------------------------------===//
// The walk through a chunk
//===----------------------------------------------------------------------===//

SmallVector<Value> AttentionKernel::Walk::keysAt(AttentionKernel &kernel, Value step) const {
  SmallVector<Value> keys;
  for (int64_t stream = 0; stream < kernel.streams; ++stream) {
    Value first = kernel.add(kernel.add(begin, kernel.mul(perStream, kernel.index(stream))), step);
    for (int64_t i = 0; i < kernel.keysOfStream; ++i)
      keys.push_back(kernel.add(first, kernel.index(i)));
  }
  return keys;
}

AttentionKernel::Walk AttentionKernel::walkThrough(const Keys &keys) {
  Value blocks = arith::DivUIOp::create(b, loc, sub(keys.end, keys.begin), index(kKeysAtOnce));
  Value streamed = mul(blocks, index(kKeysAtOnce));
  return {keys.begin, mul(blocks, index(keysOfStream)), streamed, add(keys.begin, streamed)};
}

void AttentionKernel::forBlocks(const Walk &walk, const Keys &keys,
                                llvm::function_ref<void(ArrayRef<Value>, Value)> streamed,
                                llvm::function_ref<void(ArrayRef<Value>, Value)> rest) {
  forRange(index(0), walk.perStream, keysOfStream,
           [&](Value step) { streamed(walk.keysAt(*this, step), mul(step, index(streams))); });
  Value isRest = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, walk.rest, keys.end);
  auto branch = scf::IfOp::create(b, loc, isRest, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  // The last key stands for those behind it, so that no memory behind it is read.
  Value last = sub(keys.end, index(1));
  SmallVector<Value> repeated;
  for (int64_t i = 0; i < kKeysAtOnce; ++i)
    repeated.push_back(min(add(walk.rest, index(i)), last));
  rest(repeated, walk.streamed);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

Value AttentionKernel::lineScales(Value cache, const Keys &keys, ArrayRef<Value> lines) {
  SmallVector<Value> halves;
  for (Value key : lines)
    halves.push_back(groupScale(b.getF16Type(), cache, keys, key, index(0)));
  auto type = VectorType::get({static_cast<int64_t>(lines.size())}, b.getF16Type());
  return widen(sums, vector::FromElementsOp::create(b, loc, type, halves));
}

SmallVector<Value> AttentionKernel::emitDots(Value queries, int64_t firstRow, int64_t rows, const Keys &keys,
                                             ArrayRef<Value> lines) {
  bool blends = headSumLanes >= static_cast<int64_t>(lines.size());
  int64_t parts = headSize / headSumLanes;
  SmallVector<SmallVector<Value>> products(rows);
  // A part of a query is multiplied by those of all keys, so that it is loaded once. Of one stream a key's lines are read in their order, which the
  // machine's prefetcher follows: heads of 128 take twice the time otherwise.
  if (!cacheBits && blends && streams > 1) {
    for (int64_t part = 0; part < parts; ++part) {
      SmallVector<Value> elements;
      for (Value key : lines)
        elements.push_back(loadParts(presentKey, keys, key, part, 1)[0]);
      for (int64_t row = 0; row < rows; ++row) {
        Value q = load(queries, {index(firstRow + row), index(part * headSumLanes)}, headSumLanes);
        products[row].resize(lines.size());
        for (auto [product, element] : llvm::zip_equal(products[row], elements))
          product = product ? multiplyAdd(q, element, product) : Value(arith::MulFOp::create(b, loc, q, element));
      }
    }
    SmallVector<Value> merged;
    for (SmallVector<Value> &ofRow : products) {
      for (int64_t bit = 1; ofRow.size() > 1; bit *= 2) {
        SmallVector<Value> half;
        for (size_t i = 0; i + 1 < ofRow.size(); i += 2)
          half.push_back(blendAndAdd(ofRow[i], ofRow[i + 1], bit));
        ofRow = std::move(half);
      }
      merged.push_back(sumHalves(ofRow[0], lines.size()));
    }
    return merged;
  }
  // Of 2^n keys whose products were merged, the n of each entry.
  SmallVector<int64_t> levels;
  for (Value key : lines) {
    SmallVector<Value> elements = loadParts(presentKey, keys, key, 0, parts);
    for (int64_t row = 0; row < rows; ++row) {
      Value dot;
      for (auto [part, element] : llvm::enumerate(elements)) {
        Value q = load(queries, {index(firstRow + row), index(part * headSumLanes)}, headSumLanes);
        dot = dot ? multiplyAdd(q, element, dot) : Value(arith::MulFOp::create(b, loc, q, element));
      }
      products[row].push_back(dot);
    }
    levels.push_back(0);
    // Merged as soon as possible, so that few are alive.
    while (blends && levels.size() > 1 && levels.back() == levels[levels.size() - 2]) {
      int64_t level = levels.pop_back_val();
      levels.back() = level + 1;
      for (SmallVector<Value> &ofRow : products) {
        Value second = ofRow.pop_back_val();
        ofRow.back() = blendAndAdd(ofRow.back(), second, int64_t(1) << level);
      }
    }
  }
  SmallVector<Value> dots;
  for (SmallVector<Value> &ofRow : products)
    dots.push_back(blends ? sumHalves(ofRow[0], lines.size()) : sumLanes(ofRow));
  return dots;
}

void AttentionKernel::emitScores(Value queries, Value scores, int64_t firstRow, int64_t rows, const Keys &keys,
                                 const Walk &walk, Value position) {
  auto indexVector = VectorType::get({kKeysAtOnce}, b.getIndexType());
  auto emit = [&](ArrayRef<Value> lines, Value column, Value positions, bool isRest) {
    if (firstRow == 0 && cacheBits) {
      for (Value key : lines)
        prefetchLine(presentValue, keys, key);
    } else if (firstRow == 0)
      prefetchAhead(presentKey, keys, lines);
    if (addsByParts && firstRow + rows == headsPerKV && !isRest)
      askForBeginnings(presentValue, keys, column, walk);
    SmallVector<Value> dots = emitDots(queries, firstRow, rows, keys, lines);
    Value scales = hasLineScales() ? lineScales(presentKey, keys, lines) : Value();
    for (auto [row, dot] : llvm::enumerate(dots)) {
      Value score = scales ? Value(arith::MulFOp::create(b, loc, dot, scales)) : dot;
      store(capAndMask(score, positions, position), scores, {index(firstRow + row), column});
    }
  };
  forBlocks(
      walk, keys,
      [&](ArrayRef<Value> lines, Value column) {
        // No key of a single token lies behind it; it may lie before the window.
        Value positions =
            window > 0 ? Value(vector::FromElementsOp::create(b, loc, indexVector, lines)) : Value();
        emit(lines, column, positions, /*isRest=*/false);
      },
      [&](ArrayRef<Value> lines, Value column) {
        Value positions = add(vector::BroadcastOp::create(b, loc, indexVector, walk.rest),
                              vector::StepOp::create(b, loc, indexVector));
        emit(lines, column, positions, /*isRest=*/true);
      });
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

void AttentionKernel::emitWeightedValues(Value scores, int64_t row, int64_t rows, const Keys &keys, const Walk &walk,
                                         const State &state, Value stateRow, Value position) {
  // A pass takes whole lines for as few rows as its sums allow: memory is read in order by the first, and what the others read is near.
  int64_t allParts = headSize / headSumLanes, partsOfPass = std::min(allParts, kSumsInRegisters);
  int64_t rowsOfPass = std::clamp<int64_t>(kSumsInRegisters / partsOfPass, 1, rows);
  if (!sums.isF32()) {
    // Elements become f64 in each pass, which takes as long as to multiply them: here passes share out a line's.
    partsOfPass = std::clamp<int64_t>(llvm::bit_floor<uint64_t>(kSumsInRegisters / rows), 2, 8);
    rowsOfPass = rows;
  }
  int64_t passes = llvm::divideCeil(rows, rowsOfPass) * llvm::divideCeil(allParts, partsOfPass);
  bool takesTurns = passes > 1;
  // A chunk's keys and those of the next lie this far apart; the last chunk's are its own next.
  Value next = min(chunkKeys, sub(position, sub(keys.end, index(1))));
  auto columnOf = [&](int64_t part) { return index(part * headSumLanes); };
  struct Pass {
    int64_t number, row, rows, first, parts;
  };
  auto accumulate = [&](ArrayRef<Value> lines, const Pass &pass, Value column, ValueRange before) {
    SmallVector<Value> sofar(before);
    if (row == 0 && pass.number == 0 && !cacheBits && !takesTurns)
      prefetchAhead(presentValue, keys, lines);
    for (auto [i, key] : llvm::enumerate(lines)) {
      if (row == 0 && pass.number == 0 && cacheBits)
        prefetchLine(presentKey, keys, add(key, next));
      // Each pass asks for its share of the lines that the next steps take.
      if (row == 0 && takesTurns && !cacheBits && prefetchBytes) {
        int64_t begin = allParts * pass.number / passes, end = allParts * (pass.number + 1) / passes;
        prefetchElements(presentValue, keys, min(add(key, index(kKeysOfPass / streams)), sub(keys.end, index(1))), begin * headSumLanes, (end - begin) * headSumLanes);
      }
      SmallVector<Value> elements = loadParts(presentValue, keys, key, pass.first, pass.parts);
      for (int64_t r = 0; r < pass.rows; ++r) {
        Value weight = memref::LoadOp::create(b, loc, scores, ValueRange{index(row + pass.row + r), add(column, index(i))});
        Value weights = vector::BroadcastOp::create(b, loc, sumVector(headSumLanes), weight);
        for (int64_t part = 0; part < pass.parts; ++part)
          sofar[r * pass.parts + part] = multiplyAdd(weights, elements[part], sofar[r * pass.parts + part]);
      }
    }
    return sofar;
  };
  // What a pass adds up are sums of the state before and behind.
  auto forPasses = [&](llvm::function_ref<ValueRange(const Pass &, ValueRange)> body) {
    int64_t number = 0;
    for (int64_t firstRow = 0; firstRow < rows; firstRow += rowsOfPass)
      for (int64_t first = 0; first < allParts; first += partsOfPass) {
        Pass pass = {number++, firstRow, std::min(rowsOfPass, rows - firstRow), first, std::min(partsOfPass, allParts - first)};
        auto placeOf = [&](int64_t r, int64_t part) { return SmallVector<Value>{add(stateRow, index(firstRow + r)), columnOf(first + part)}; };
        SmallVector<Value> initial;
        for (int64_t r = 0; r < pass.rows; ++r)
          for (int64_t part = 0; part < pass.parts; ++part)
            initial.push_back(load(state.values, placeOf(r, part), headSumLanes));
        ValueRange all = body(pass, initial);
        for (int64_t r = 0; r < pass.rows; ++r)
          for (int64_t part = 0; part < pass.parts; ++part)
            store(all[r * pass.parts + part], state.values, placeOf(r, part));
      }
  };
  auto addSteps = [&](Value begin, Value end, const Pass &pass, ValueRange initial) -> ValueRange {
    return scf::ForOp::create(b, loc, begin, end, index(keysOfStream), initial, [&](OpBuilder &, Location, Value step, ValueRange sofar) {
             scf::YieldOp::create(b, loc, accumulate(walk.keysAt(*this, step), pass, mul(step, index(streams)), sofar));
           }).getResults();
  };
  auto addRest = [&](const Pass &pass, ValueRange initial) -> ValueRange {
    return scf::ForOp::create(b, loc, walk.rest, keys.end, index(1), initial, [&](OpBuilder &, Location, Value key, ValueRange sofar) {
             scf::YieldOp::create(b, loc, accumulate(key, pass, sub(key, keys.begin), sofar));
           }).getResults();
  };
  if (!takesTurns) {
    forPasses([&](const Pass &pass, ValueRange initial) { return addRest(pass, addSteps(index(0), walk.perStream, pass, initial)); });
    return;
  }
  // If the first of several passes read a chunk, memory would wait for the others: they take turns every few keys. Key by key: of several, LLVM loads all elements first, which leaves no registers for the sums.
  auto takeTurns = [&](Value columns, int64_t keysOfPass, llvm::function_ref<std::pair<Value, Value>(Value)> keyAndColumnOf) {
    forRange(index(0), columns, keysOfPass, [&](Value begin) {
      Value end = min(add(begin, index(keysOfPass)), columns);
      forPasses([&](const Pass &pass, ValueRange initial) -> ValueRange {
        return scf::ForOp::create(b, loc, begin, end, index(1), initial, [&](OpBuilder &, Location, Value at, ValueRange sofar) {
                 auto [key, column] = keyAndColumnOf(at);
                 scf::YieldOp::create(b, loc, accumulate(key, pass, column, sofar));
               }).getResults();
      });
    });
  };
  takeTurns(walk.streamed, kKeysOfPass, [&](Value column) {
    Value stream = arith::RemUIOp::create(b, loc, column, index(streams)), step = arith::DivUIOp::create(b, loc, column, index(streams));
    return std::pair(add(add(walk.begin, mul(walk.perStream, stream)), step), column);
  });
  forPasses(addRest);
}

//===----------------------------------------------------------------------===//
// The token
//===----------------------------------------------------------------------===//

void AttentionKernel::emitChunk(Keys keys, Value position, const State &state, Value firstRow, const Buffers &buffers) {
  Walk walk = walkThrough(keys);
  Value numKeys = roundUp(sub(keys.end, keys.begin), kKeyLanes), token = index(0);
  forRange(index(0), index(headsPerKV), 1, [&](Value row) {
    initialize(state, add(firstRow, row));
    Value head = add(mul(keys.kvHead, index(headsPerKV)), row);
    emitQuery(buffers.queries, row, buffers.rotated, keys.batch, token, head, position);
    if (splitsNibbles)
      splitPairs(buffers.queries, row);
    // What the last vector has too much is no key.
    store(splat(-std::numeric_limits<double>::infinity(), kKeyLanes), buffers.scores, {row, sub(numKeys, index(kKeyLanes))});
  });
  for (int64_t row = 0; row < headsPerKV; row += kRowsAtOnce)
    emitScores(buffers.queries, buffers.scores, row, std::min(kRowsAtOnce, headsPerKV - row), keys, walk, position);
  if (hasLineScales()) {
    auto storeScales = [&](ArrayRef<Value> lines, Value column) {
      store(lineScales(presentValue, keys, lines), buffers.valueScales, column);
    };
    forBlocks(walk, keys, storeScales, storeScales);
    keys.valueScales = buffers.valueScales;
  }
  if (addsByParts) {
    forRange(index(0), index(headsPerKV), 1, [&](Value row) {
      Value shift = emitShift(buffers.scores, row, numKeys, state, add(firstRow, row));
      memref::StoreOp::create(b, loc, shift, buffers.shifts, row);
      store(splat(0.0, kKeyLanes), buffers.totals, {row, index(0)});
    });
    for (int64_t row = 0; row < headsPerKV; row += kRowsAtOnce)
      emitValuesByParts(buffers, row, std::min(kRowsAtOnce, headsPerKV - row), keys, walk, state, add(firstRow, index(row)), position);
    forRange(index(0), index(headsPerKV), 1,
             [&](Value row) { addToTotal(load(buffers.totals, {row, index(0)}, kKeyLanes), state, add(firstRow, row)); });
    return;
  }
  forRange(index(0), index(headsPerKV), 1, [&](Value row) {
    // Memory has nothing else to do meanwhile: what each stream of these values and of the next chunk's keys begins with.
    if (!cacheBits && prefetchBytes)
      for (int64_t stream = 0; stream < streams; ++stream) {
        Value key = add(add(keys.begin, mul(walk.perStream, index(stream))), row);
        prefetchLine(presentValue, keys, min(key, sub(keys.end, index(1))));
        prefetchLine(presentKey, keys, min(add(key, chunkKeys), position));
      }
    // Weights in f64 take longer: their rows ask for the first keys of a stream each.
    auto askForValues = [&](Value column) {
      Value first = add(keys.begin, mul(walk.perStream, arith::RemUIOp::create(b, loc, row, index(streams))));
      Value step = arith::DivUIOp::create(b, loc, column, index(kKeyLanes));
      prefetchLine(presentValue, keys, min(add(first, step), sub(keys.end, index(1))), /*locality=*/2);
    };
    bool asks = !cacheBits && !sums.isF32() && prefetchBytes;
    emitWeights(buffers.scores, row, numKeys, keys, state, add(firstRow, row), asks ? llvm::function_ref<void(Value)>(askForValues) : nullptr);
  });
  for (int64_t row = 0; row < headsPerKV; row += kRowsAtOnce)
    emitWeightedValues(buffers.scores, row, std::min(kRowsAtOnce, headsPerKV - row), keys, walk, state,
                       add(firstRow, index(row)), position);
}

void AttentionKernel::emitSingleToken() {
  Value batches = memref::DimOp::create(b, loc, query, 0);
  SmallVector<Value> heap;
  Value rotated = cacheBits ? scratch({headSize}, b.getF32Type(), heap) : Value();
  forRange(index(0), batches, 1, [&](Value batch) { appendToCache(batch, index(0), rotated); });

  Integers queries = multipliesCodes ? emitQueryIntegers(batches, heap) : Integers();

  int64_t mostKeys = keysOfChunk();
  // Where few are kept, chunks are shorter, so that there are some for each thread.
  chunkKeys = index(kChunk);
  if (mostKeys > kChunk) {
    Value isLong = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, cacheLength, index(kLongCache));
    chunkKeys = arith::SelectOp::create(b, loc, isLong, index(mostKeys), chunkKeys);
  }
  // The state of a head lies in a row for each chunk, the heads that share keys beside each other.
  Value chunks = arith::CeilDivUIOp::create(b, loc, cacheLength, chunkKeys);
  State state = allocateState(mul(mul(batches, index(numHeads)), chunks));
  auto rowOf = [&](Value batch, Value kvHead, Value chunk) {
    return mul(add(mul(add(mul(batch, index(kvHeads)), kvHead), chunks), chunk), index(headsPerKV));
  };
  scf::ParallelOp::create(
      b, loc, ValueRange{index(0), index(0), index(0)}, ValueRange{batches, index(kvHeads), chunks},
      ValueRange{index(1), index(1), index(1)}, [&](OpBuilder &, Location, ValueRange at) {
        SmallVector<Value> taskHeap;
        Buffers buffers;
        if (multipliesCodes) {
          buffers.queryIntegers = queries;
          allocateCodeBuffers(buffers, taskHeap);
        } else {
          buffers.queries = scratch({headsPerKV, headSize}, sums, taskHeap);
          buffers.scores = scratch({headsPerKV, mostKeys}, sums, taskHeap);
          if (addsByParts) {
            buffers.shifts = scratch({headsPerKV}, sums, taskHeap);
            buffers.totals = scratch({headsPerKV, kKeyLanes}, sums, taskHeap);
          }
          if (!sums.isF32())
            buffers.rotated = scratch({headSize}, b.getF32Type(), taskHeap);
          if (hasLineScales())
            buffers.valueScales = scratch({mostKeys}, sums, taskHeap);
        }
        Value position = firstPosition(at[0]).first, begin = mul(at[2], chunkKeys);
        Value isSeen = arith::AndIOp::create(
            b, loc, arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, begin, position),
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, begin, firstKeyOf(position, chunkKeys)));
        auto seen = scf::IfOp::create(b, loc, isSeen, /*withElseRegion=*/false);
        {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(seen.thenBlock());
          Keys keys = {at[0], at[1], begin, min(add(begin, chunkKeys), add(position, index(1)))};
          if (multipliesCodes)
            emitCodesChunk(keys, position, state, rowOf(at[0], at[1], at[2]), buffers);
          else
            emitChunk(keys, position, state, rowOf(at[0], at[1], at[2]), buffers);
        }
        release(taskHeap);
      });

  scf::ParallelOp::create(b, loc, ValueRange{index(0), index(0)}, ValueRange{batches, index(numHeads)},
                          ValueRange{index(1), index(1)}, [&](OpBuilder &, Location, ValueRange at) {
                            auto [shared, kvHead] = std::pair(
                                arith::RemUIOp::create(b, loc, at[1], index(headsPerKV)).getResult(),
                                arith::DivUIOp::create(b, loc, at[1], index(headsPerKV)).getResult());
                            Value position = firstPosition(at[0]).first;
                            Value begin = arith::DivUIOp::create(b, loc, firstKeyOf(position, chunkKeys), chunkKeys);
                            Value end = add(arith::DivUIOp::create(b, loc, position, chunkKeys), index(1));
                            mergeAndOutput(state, add(rowOf(at[0], kvHead, begin), shared),
                                           add(rowOf(at[0], kvHead, end), shared), at[0], at[1]);
                          });
  release({state.greatest, state.total, state.values});
  release(heap);
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
    return weightOf(arith::SubFOp::create(b, loc, score, greatest.getResult(0)));
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
  if (splitsNibbles)
    joinPairs(results);
  emitOutput(results, total, batch, index(0), head);
}

} // namespace lutra
