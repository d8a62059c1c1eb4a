//===- Rotary.h - heads turned by their positions ---------------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_ROTARY_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_ROTARY_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// How heads are turned. `cos` and `sin` are [positions, pairs], or without `positions` [batch, tokens, pairs].
struct Rotation {
  mlir::Value cos, sin;
  /// [batch, tokens] of i64 within the rows of the caches (buildCheckedPositions), or null.
  mlir::Value positions;
  int64_t headSize, rotated;
  bool isInterleaved;
};

/// The heads of `input`, [batch, tokens, heads size] or [batch, heads, tokens, size], turned.
mlir::Value buildRotation(Node &node, mlir::Value input, const Rotation &rotation);

/// `positions` ([batch, tokens] of i64), checked at run time to be below `limit`; what is used is clamped.
mlir::FailureOr<mlir::Value> buildCheckedPositions(Node &node, mlir::Value positions, int64_t limit);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_ROTARY_H
