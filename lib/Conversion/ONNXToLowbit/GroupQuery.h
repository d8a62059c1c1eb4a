//===- GroupQuery.h - the parts of a GroupQueryAttention --------*- C++ -*-===//
//
// What lowbit.attention does not say is done before it (norms of heads, explicit positions) or, where it concerns the
// scores, instead of it, by products and a softmax.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_GROUPQUERY_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_GROUPQUERY_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// The inputs of GroupQueryAttention.
namespace group_query {
enum Input : unsigned {
  Query,
  Key,
  Value_,
  PastKey,
  PastValue,
  SeqlensK,
  TotalLength,
  CosCache,
  SinCache,
  PositionIds,
  AttentionBias,
  HeadSink,
  KeyScale,
  ValueScale,
  QueryNorm,
  KeyNorm
};
} // namespace group_query

/// A GroupQueryAttention with its operands in one form.
struct GroupQuery {
  int64_t queryHeads, cacheHeads, headSize;
  /// [batch, tokens, heads size].
  mlir::Value query, key, value;
  /// [batch, heads, past, line].
  mlir::Value pastKey, pastValue;
  /// [batch] of i32, and the largest total length as a tensor of rank 0 and as a size.
  mlir::Value seqlens, total;
  mlir::OpFoldResult totalSize;
  /// Null without rotary, or once the heads are turned.
  mlir::Value cos, sin;
  /// Null, or [heads].
  mlir::Value sink;
  float scale, softcap;
  /// Keys that a token sees, itself included; -1: all.
  int64_t window;
};

/// Norms of the heads of query and key, where the node has weights of such.
mlir::LogicalResult normalizeHeads(Node &node, GroupQuery &attention);

/// Turns the heads of query and key by `position_ids`, where the node has them.
mlir::LogicalResult rotateByPositionIds(Node &node, GroupQuery &attention);

/// Whether the node says or asks something of its scores that lowbit.attention does not know.
bool needsScores(Node &node);

/// The whole of a node whose scores matter, after the functions above.
mlir::LogicalResult lowerWithScores(Node &node, GroupQuery &attention);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_GROUPQUERY_H
