//===- ComposedAttention.h - attention of products and a softmax -*- C++ -*-===//
//
// Attention with any mask, built of two products and a softmax: for operators that are not grouped-query attention over
// a cache of its own (lowbit.attention), or ask it for more than that computes. Scores are scaled, capped, masked, and
// normalized, in this order; a row that is masked everywhere gives zeros.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_COMPOSEDATTENTION_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_COMPOSEDATTENTION_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

#include <limits>

namespace lutra {

/// What the operators say, in one form: q is [batch, heads, tokens, size], k and v have as many heads or fewer.
struct AttentionTerms {
  mlir::Value q, k, v;
  /// What is added to scores (f32), or which of them count (bool): broadcast to [batch, heads, tokens, keys], or null.
  mlir::Value mask;
  /// Whether keys beyond those of `mask` are masked; otherwise it must have as many.
  bool isMaskPadded = false;
  /// How many keys of each sequence count, [batch], or null.
  mlir::Value validKeys;
  /// The position of the first token: of each sequence ([batch] of integers), or else `past` keys are from before it.
  mlir::Value firsts;
  mlir::OpFoldResult past;
  bool isCausal = false;
  /// A token at p sees keys from p - left to p + right; a side below 0 has no bound.
  int64_t left = -1, right = -1;
  float scale = 0, softcap = 0;
  /// The entry of a masked score.
  float filter = -std::numeric_limits<float>::infinity();
  /// One more term exp(sink) of the sums of each head, [heads], or null.
  mlir::Value sink;
};

/// y is [batch, heads, tokens, size], the rest are stages of [batch, heads, tokens, keys].
struct AttentionResults {
  mlir::Value y, scaled, masked, capped, weights;
};

mlir::FailureOr<AttentionResults> buildAttention(Node &node, AttentionTerms terms);

/// Scores of [batch, heads, tokens, keys] with the mask added, and `terms.filter` where a token does not see a key.
mlir::FailureOr<mlir::Value> buildMaskedScores(Node &node, const AttentionTerms &terms, mlir::Value scores);

/// [batch, tokens, heads size] as [batch, heads, tokens, size], and back.
mlir::FailureOr<mlir::Value> splitHeads(Node &node, mlir::Value value, int64_t heads);
mlir::Value joinHeads(Node &node, mlir::Value value);

/// The cache, if there is one, and what follows it, along the tokens.
mlir::FailureOr<mlir::Value> appendToCache(Node &node, mlir::Value past, mlir::Value value);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_COMPOSEDATTENTION_H
