//===- AttentionKernel.cpp - the loops of lowbit.attention ----------------===//
//
// Layout of a block: rows are (token, query head of the key-value head) pairs, token-major. Keys are taken 16 at a time and
// transposed into a small tile, so that one vector lane is one key: scores then need no horizontal sums, and a tile serves
// all rows of the block. Four rows are computed at once; a block is padded to four by repeating its last row.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/LowbitToLoops/AttentionKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lutra {

/// Keys per tile: the lanes of a score vector.
static constexpr int64_t kKeyLanes = 16;
/// Rows per block: enough to pay for a key tile's transposition, few enough to keep their scores in the L2 cache.
static constexpr int64_t kBlockRows = 32;
/// Rows computed together: independent accumulators that hide the latency of fma.
static constexpr int64_t kRowsAtOnce = 4;
/// Elements of a head accumulated together when multiplying by the values.
static constexpr int64_t kValueColumns = 64;

/// The largest power of two, at most 16, that divides `size`.
static int64_t vectorLanes(int64_t size) {
  return std::min<int64_t>(16, size & -size);
}

LogicalResult AttentionKernel::verify(lowbit::AttentionOp op) {
  for (Value operand : op->getOperands()) {
    auto type = cast<MemRefType>(operand.getType());
    bool isLength = operand == op.getSeqlens() || operand == op.getTotal();
    if (isLength ? !type.getElementType().isInteger(32) : !type.getElementType().isF32())
      return op.emitOpError() << "operand of type " << type << " must have elements of type "
                              << (isLength ? "i32" : "f32");
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

AttentionKernel::AttentionKernel(lowbit::AttentionOp op, ValueRange arguments, OpBuilder &builder)
    : b(builder), loc(op.getLoc()), numHeads(op.getNumHeads()), kvHeads(op.getKvHeads()),
      headsPerKV(numHeads / kvHeads), window(op.getWindow()), scale(op.getScale().convertToFloat()),
      softcap(op.getSoftcap().convertToFloat()), interleaved(op.getInterleaved()) {
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
  output = at(op.getODSOperands(10));
  presentKey = at(op.getODSOperands(11));
  presentValue = at(op.getODSOperands(12));
  headSize = cast<MemRefType>(query.getType()).getShape().back() / numHeads;
  rotarySize = cosTable ? 2 * cast<MemRefType>(cosTable.getType()).getShape().back() : 0;
  headLanes = vectorLanes(headSize);
}

//===----------------------------------------------------------------------===//
// Small expressions
//===----------------------------------------------------------------------===//

Value AttentionKernel::index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
Value AttentionKernel::scalar(float value) {
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
}
Value AttentionKernel::splat(float value, int64_t lanes) {
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(VectorType::get({lanes}, b.getF32Type()), value));
}
Value AttentionKernel::add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
Value AttentionKernel::sub(Value x, Value y) { return arith::SubIOp::create(b, loc, x, y); }
Value AttentionKernel::mul(Value x, Value y) { return arith::MulIOp::create(b, loc, x, y); }
Value AttentionKernel::min(Value x, Value y) { return arith::MinSIOp::create(b, loc, x, y); }
Value AttentionKernel::load(Value memref, ValueRange indices, int64_t lanes) {
  return vector::LoadOp::create(b, loc, VectorType::get({lanes}, b.getF32Type()), memref, indices);
}
void AttentionKernel::store(Value vector, Value memref, ValueRange indices) {
  vector::StoreOp::create(b, loc, vector, memref, indices);
}

std::pair<Value, Value> AttentionKernel::tokenAndHead(Value row, Value kvHead) {
  Value token = arith::DivUIOp::create(b, loc, row, index(headsPerKV));
  Value headInGroup = arith::RemUIOp::create(b, loc, row, index(headsPerKV));
  return {token, add(mul(kvHead, index(headsPerKV)), headInGroup)};
}

//===----------------------------------------------------------------------===//
// Positions and the cache
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

void AttentionKernel::copyPast(Value past, Value present) {
  Value differ = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                       memref::ExtractAlignedPointerAsIndexOp::create(b, loc, past),
                                       memref::ExtractAlignedPointerAsIndexOp::create(b, loc, present));
  auto ifOp = scf::IfOp::create(b, loc, differ, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  Value batches = memref::DimOp::create(b, loc, past, 0);
  Value length = min(memref::DimOp::create(b, loc, past, 2), cacheLength);
  scf::ParallelOp::create(
      b, loc, ValueRange{index(0), index(0)}, ValueRange{batches, index(kvHeads)}, ValueRange{index(1), index(1)},
      [&](OpBuilder &, Location, ValueRange at) {
        scf::ForOp::create(b, loc, index(0), length, index(1), ValueRange(),
                           [&](OpBuilder &, Location, Value position, ValueRange) {
                             for (int64_t d = 0; d < headSize; d += headLanes) {
                               SmallVector<Value> indices{at[0], at[1], position, index(d)};
                               store(load(past, indices, headLanes), present, indices);
                             }
                             scf::YieldOp::create(b, loc);
                           });
      });
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

void AttentionKernel::appendToCache(Value newTokens) {
  Value batches = memref::DimOp::create(b, loc, query, 0);
  scf::ParallelOp::create(
      b, loc, ValueRange{index(0), index(0)}, ValueRange{batches, newTokens}, ValueRange{index(1), index(1)},
      [&](OpBuilder &, Location, ValueRange at) {
        Value batch = at[0], token = at[1];
        Value position = add(firstPosition(batch).first, token);
        scf::ForOp::create(b, loc, index(0), index(kvHeads), index(1), ValueRange(),
                           [&](OpBuilder &, Location, Value head, ValueRange) {
                             Value column = mul(head, index(headSize));
                             rotateHead(key, {batch, token, column}, presentKey, {batch, head, position, index(0)},
                                        position, /*factor=*/{});
                             for (int64_t d = 0; d < headSize; d += headLanes)
                               store(load(value, {batch, token, add(column, index(d))}, headLanes), presentValue,
                                     {batch, head, position, index(d)});
                             scf::YieldOp::create(b, loc);
                           });
      });
}

//===----------------------------------------------------------------------===//
// A block of rows
//===----------------------------------------------------------------------===//

void AttentionKernel::emit() {
  numTokens = memref::DimOp::create(b, loc, query, 1);
  cacheLength = memref::DimOp::create(b, loc, presentKey, 2);
  Value newTokens = checkPositions();
  copyPast(pastKey, presentKey);
  copyPast(pastValue, presentValue);
  appendToCache(newTokens);

  Value batches = memref::DimOp::create(b, loc, query, 0);
  Value rows = mul(newTokens, index(headsPerKV));
  Value blocks = arith::CeilDivUIOp::create(b, loc, rows, index(kBlockRows));
  scf::ParallelOp::create(b, loc, ValueRange{index(0), index(0), index(0)},
                          ValueRange{batches, index(kvHeads), blocks}, ValueRange{index(1), index(1), index(1)},
                          [&](OpBuilder &, Location, ValueRange at) {
                            Value firstRow = mul(at[2], index(kBlockRows));
                            emitBlock(at[0], at[1], firstRow, min(index(kBlockRows), sub(rows, firstRow)));
                          });
}

void AttentionKernel::emitBlock(Value batch, Value kvHead, Value firstRow, Value numRows) {
  Value lastRow = sub(add(firstRow, numRows), index(1));
  Value position = firstPosition(batch).first;
  Value endKey = add(add(position, tokenAndHead(lastRow, kvHead).first), index(1));
  Value firstKey = index(0);
  if (window > 0) {
    Value oldest = sub(add(position, tokenAndHead(firstRow, kvHead).first), index(window - 1));
    oldest = arith::MaxSIOp::create(b, loc, oldest, index(0));
    firstKey = mul(arith::DivUIOp::create(b, loc, oldest, index(kKeyLanes)), index(kKeyLanes));
  }
  Value numKeys = mul(arith::CeilDivUIOp::create(b, loc, sub(endKey, firstKey), index(kKeyLanes)), index(kKeyLanes));
  Value paddedRows = mul(arith::CeilDivUIOp::create(b, loc, numRows, index(kRowsAtOnce)), index(kRowsAtOnce));

  Type f32 = b.getF32Type();
  Value queries = memref::AllocOp::create(b, loc, MemRefType::get({kBlockRows, headSize}, f32));
  Value keyTile = memref::AllocOp::create(b, loc, MemRefType::get({headSize, kKeyLanes}, f32));
  Value inverses = memref::AllocOp::create(b, loc, MemRefType::get({kBlockRows}, f32));
  Value scores = memref::AllocOp::create(b, loc, MemRefType::get({kBlockRows, ShapedType::kDynamic}, f32),
                                         ValueRange{numKeys});
  auto forRows = [&](int64_t step, llvm::function_ref<void(Value)> body) {
    scf::ForOp::create(b, loc, index(0), paddedRows, index(step), ValueRange(),
                       [&](OpBuilder &, Location, Value row, ValueRange) {
                         body(row);
                         scf::YieldOp::create(b, loc);
                       });
  };

  forRows(1, [&](Value row) {
    auto [token, head] = tokenAndHead(min(add(firstRow, row), lastRow), kvHead);
    rotateHead(query, {batch, token, mul(head, index(headSize))}, queries, {row, index(0)}, add(position, token),
               scalar(scale));
  });

  scf::ForOp::create(
      b, loc, firstKey, endKey, index(kKeyLanes), ValueRange(), [&](OpBuilder &, Location, Value key, ValueRange) {
        // The rows past the last key repeat it: their scores are masked, and no memory past it is read.
        Value lastKey = sub(endKey, index(1));
        scf::ForOp::create(
            b, loc, index(0), index(headSize), index(headLanes), ValueRange(),
            [&](OpBuilder &, Location, Value d, ValueRange) {
              Value tile = arith::ConstantOp::create(
                  b, loc, DenseElementsAttr::get(VectorType::get({kKeyLanes, headLanes}, f32), 0.0f));
              for (int64_t i = 0; i < kKeyLanes; ++i) {
                Value row = load(presentKey, {batch, kvHead, min(add(key, index(i)), lastKey), d}, headLanes);
                tile = vector::InsertOp::create(b, loc, row, tile, i);
              }
              Value transposed = vector::TransposeOp::create(b, loc, tile, ArrayRef<int64_t>{1, 0});
              for (int64_t i = 0; i < headLanes; ++i)
                store(vector::ExtractOp::create(b, loc, transposed, i), keyTile, {add(d, index(i)), index(0)});
              scf::YieldOp::create(b, loc);
            });
        forRows(kRowsAtOnce, [&](Value row) {
          emitScores(queries, keyTile, scores, row, key, firstKey, firstRow, lastRow, position);
        });
        scf::YieldOp::create(b, loc);
      });

  forRows(1, [&](Value row) {
    emitSoftmax(scores, inverses, row, numKeys, tokenAndHead(min(add(firstRow, row), lastRow), kvHead).second);
  });
  forRows(kRowsAtOnce, [&](Value row) {
    emitOutput(scores, inverses, batch, kvHead, row, firstKey, endKey, firstRow, lastRow);
  });
  for (Value buffer : {queries, keyTile, inverses, scores})
    memref::DeallocOp::create(b, loc, buffer);
}

void AttentionKernel::emitScores(Value queries, Value keyTile, Value scores, Value row, Value key, Value firstKey,
                                 Value firstRow, Value lastRow, Value position) {
  auto vectorType = VectorType::get({kKeyLanes}, b.getF32Type());
  SmallVector<Value> zeros(kRowsAtOnce, splat(0.0f, kKeyLanes));
  auto loop = scf::ForOp::create(
      b, loc, index(0), index(headSize), index(1), zeros, [&](OpBuilder &, Location, Value d, ValueRange sums) {
        Value keys = load(keyTile, {d, index(0)}, kKeyLanes);
        SmallVector<Value> next;
        for (int64_t i = 0; i < kRowsAtOnce; ++i) {
          Value element = memref::LoadOp::create(b, loc, queries, ValueRange{add(row, index(i)), d});
          next.push_back(vector::FMAOp::create(b, loc, vector::BroadcastOp::create(b, loc, vectorType, element), keys,
                                               sums[i]));
        }
        scf::YieldOp::create(b, loc, next);
      });

  auto indexVector = VectorType::get({kKeyLanes}, b.getIndexType());
  Value keyPositions = add(vector::BroadcastOp::create(b, loc, indexVector, key),
                           vector::StepOp::create(b, loc, indexVector));
  Value masked = splat(-std::numeric_limits<float>::infinity(), kKeyLanes);
  for (int64_t i = 0; i < kRowsAtOnce; ++i) {
    Value score = loop.getResult(i);
    if (softcap > 0) {
      Value cap = splat(softcap, kKeyLanes);
      score = arith::MulFOp::create(b, loc, cap,
                                    math::TanhOp::create(b, loc, arith::DivFOp::create(b, loc, score, cap)));
    }
    Value localRow = add(row, index(i));
    Value token = arith::DivUIOp::create(b, loc, min(add(firstRow, localRow), lastRow), index(headsPerKV));
    Value rowPosition = vector::BroadcastOp::create(b, loc, indexVector, add(position, token));
    Value visible = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, keyPositions, rowPosition);
    if (window > 0) {
      Value windowVector = vector::BroadcastOp::create(b, loc, indexVector, index(window));
      Value inWindow = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, add(keyPositions, windowVector),
                                             rowPosition);
      visible = arith::AndIOp::create(b, loc, visible, inWindow);
    }
    store(arith::SelectOp::create(b, loc, visible, score, masked), scores, {localRow, sub(key, firstKey)});
  }
}

void AttentionKernel::emitSoftmax(Value scores, Value inverses, Value row, Value numKeys, Value queryHead) {
  // The order of a reduction within a vector is the compiler's choice: fixed in a compiled model, whatever the threads.
  auto reassociate = arith::FastMathFlags::reassoc;
  float lowest = -std::numeric_limits<float>::infinity();
  auto maxLoop = scf::ForOp::create(
      b, loc, index(0), numKeys, index(kKeyLanes), ValueRange{splat(lowest, kKeyLanes)},
      [&](OpBuilder &, Location, Value key, ValueRange so) {
        Value next = arith::MaximumFOp::create(b, loc, so[0], load(scores, {row, key}, kKeyLanes));
        scf::YieldOp::create(b, loc, next);
      });
  Value maximum = vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXIMUMF, maxLoop.getResult(0));
  Value sinkScore;
  if (sink) {
    sinkScore = memref::LoadOp::create(b, loc, sink, ValueRange{queryHead});
    maximum = arith::MaximumFOp::create(b, loc, maximum, sinkScore);
  }
  Value shift = vector::BroadcastOp::create(b, loc, VectorType::get({kKeyLanes}, b.getF32Type()), maximum);
  Value masked = splat(lowest, kKeyLanes);
  Value zero = splat(0.0f, kKeyLanes);
  auto sumLoop = scf::ForOp::create(
      b, loc, index(0), numKeys, index(kKeyLanes), ValueRange{zero},
      [&](OpBuilder &, Location, Value key, ValueRange so) {
        Value score = load(scores, {row, key}, kKeyLanes);
        Value weight = math::ExpOp::create(b, loc, arith::SubFOp::create(b, loc, score, shift));
        Value isMasked = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, score, masked);
        weight = arith::SelectOp::create(b, loc, isMasked, zero, weight);
        store(weight, scores, {row, key});
        scf::YieldOp::create(b, loc, arith::AddFOp::create(b, loc, so[0], weight).getResult());
      });
  Value denominator =
      vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, sumLoop.getResult(0), reassociate);
  if (sink) {
    Value extra = math::ExpOp::create(b, loc, arith::SubFOp::create(b, loc, sinkScore, maximum));
    denominator = arith::AddFOp::create(b, loc, denominator, extra);
  }
  memref::StoreOp::create(b, loc, arith::DivFOp::create(b, loc, scalar(1.0f), denominator), inverses, ValueRange{row});
}

void AttentionKernel::emitOutput(Value scores, Value inverses, Value batch, Value kvHead, Value row, Value firstKey,
                                 Value endKey, Value firstRow, Value lastRow) {
  auto vectorType = VectorType::get({headLanes}, b.getF32Type());
  for (int64_t column = 0; column < headSize; column += kValueColumns) {
    int64_t parts = std::min(kValueColumns, headSize - column) / headLanes;
    SmallVector<Value> zeros(kRowsAtOnce * parts, splat(0.0f, headLanes));
    auto loop = scf::ForOp::create(
        b, loc, firstKey, endKey, index(1), zeros, [&](OpBuilder &, Location, Value key, ValueRange sums) {
          SmallVector<Value> values, next;
          for (int64_t part = 0; part < parts; ++part)
            values.push_back(
                load(presentValue, {batch, kvHead, key, index(column + part * headLanes)}, headLanes));
          for (int64_t i = 0; i < kRowsAtOnce; ++i) {
            Value weight = memref::LoadOp::create(b, loc, scores,
                                                  ValueRange{add(row, index(i)), sub(key, firstKey)});
            Value weights = vector::BroadcastOp::create(b, loc, vectorType, weight);
            for (int64_t part = 0; part < parts; ++part)
              next.push_back(vector::FMAOp::create(b, loc, weights, values[part], sums[i * parts + part]));
          }
          scf::YieldOp::create(b, loc, next);
        });
    for (int64_t i = 0; i < kRowsAtOnce; ++i) {
      Value localRow = add(row, index(i));
      auto [token, head] = tokenAndHead(min(add(firstRow, localRow), lastRow), kvHead);
      Value inverse = vector::BroadcastOp::create(
          b, loc, vectorType, memref::LoadOp::create(b, loc, inverses, ValueRange{localRow}));
      for (int64_t part = 0; part < parts; ++part) {
        Value outputColumn = add(mul(head, index(headSize)), index(column + part * headLanes));
        store(arith::MulFOp::create(b, loc, loop.getResult(i * parts + part), inverse), output,
              {batch, token, outputColumn});
      }
    }
  }
}

} // namespace lutra
