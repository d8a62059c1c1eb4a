//===- AttentionKernel.h - the loops of lowbit.attention --------*- C++ -*-===//
//
// The body of the function that computes one kind of lowbit.attention on buffers. All loops are built here with the
// vector dialect; nothing is left to a vectorizer.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_LOWBITTOLOOPS_ATTENTIONKERNEL_H
#define LUTRA_CONVERSION_LOWBITTOLOOPS_ATTENTIONKERNEL_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Builders.h"

namespace lutra {

/// Builds the body of attention functions for one `op`: its attributes and static sizes are constants of the code, its
/// operands are the function's arguments.
class AttentionKernel {
public:
  /// Refuses, with a diagnostic on `op`, what the loops cannot compute: a head size that is not static, or that is odd with
  /// rotary; cos/sin tables of a dynamic width; element types other than f32 (data) and i32 (lengths).
  static llvm::LogicalResult verify(lowbit::AttentionOp op);

  /// `arguments` are values for op's operands, in op's order, at the insertion point of `builder`.
  AttentionKernel(lowbit::AttentionOp op, mlir::ValueRange arguments, mlir::OpBuilder &builder);

  /// Emits everything: position checks, the cache update and the blocks of rows.
  void emit();

private:
  // Small expressions, in index arithmetic unless named otherwise.
  mlir::Value index(int64_t value);
  mlir::Value scalar(float value);
  mlir::Value splat(float value, int64_t lanes);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value load(mlir::Value memref, mlir::ValueRange indices, int64_t lanes);
  void store(mlir::Value vector, mlir::Value memref, mlir::ValueRange indices);

  /// Position of the first new token of sequence `batch`, and whether its new tokens fit the cache and the rotary tables.
  std::pair<mlir::Value, mlir::Value> firstPosition(mlir::Value batch);
  /// Asserts that every sequence fits; returns how many new tokens may be processed (S, or 0 when one does not fit).
  mlir::Value checkPositions();
  /// Copies past into present unless they are the same memory.
  void copyPast(mlir::Value past, mlir::Value present);
  /// Rotates keys and appends keys and values to the cache.
  void appendToCache(mlir::Value numTokens);
  /// Writes `lanes(d)` for a head of `source` starting at `sourceIndices`, rotated for `position`, times `factor`.
  void rotateHead(mlir::Value source, llvm::ArrayRef<mlir::Value> sourceIndices, mlir::Value target,
                  llvm::ArrayRef<mlir::Value> targetIndices, mlir::Value position, mlir::Value factor);
  /// One block of rows (query tokens x query heads of one key-value head).
  void emitBlock(mlir::Value batch, mlir::Value kvHead, mlir::Value firstRow, mlir::Value numRows);
  /// scores[row, key] of `rowsAtOnce` rows against the 16 keys in `keyTile`.
  void emitScores(mlir::Value queries, mlir::Value keyTile, mlir::Value scores, mlir::Value row, mlir::Value key,
                  mlir::Value firstKey, mlir::Value firstRow, mlir::Value lastRow, mlir::Value position);
  /// Softmax numerators of `row` in place; stores 1 / denominator.
  void emitSoftmax(mlir::Value scores, mlir::Value inverses, mlir::Value row, mlir::Value numKeys, mlir::Value queryHead);
  /// output rows = probabilities x values.
  void emitOutput(mlir::Value scores, mlir::Value inverses, mlir::Value batch, mlir::Value kvHead, mlir::Value row,
                  mlir::Value firstKey, mlir::Value endKey, mlir::Value firstRow, mlir::Value lastRow);
  /// The token and the query head of a row, rows being ordered by token, then head.
  std::pair<mlir::Value, mlir::Value> tokenAndHead(mlir::Value row, mlir::Value kvHead);

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Value query, key, value, pastKey, pastValue, seqlens, total, cosTable, sinTable, sink, output, presentKey,
      presentValue;
  int64_t numHeads, kvHeads, headsPerKV, headSize, rotarySize, window;
  float scale, softcap;
  bool interleaved;
  /// Lanes of a vector along a head: a power of two that divides its size.
  int64_t headLanes;
  mlir::Value numTokens, cacheLength;
};

} // namespace lutra

#endif // LUTRA_CONVERSION_LOWBITTOLOOPS_ATTENTIONKERNEL_H
