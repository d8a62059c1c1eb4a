//===- StandardAttention.cpp - Attention and MultiHeadAttention -----------===//
//
// Attention with any mask, built of two products and a softmax: for graphs whose attention is not grouped-query with a
// cache of its own (that is Attention.cpp). Scores are scaled, capped, masked, and normalized, in this order; a row that
// is masked everywhere gives zeros.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/MatrixProduct.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace lutra {
namespace {

/// What the operators say, in one form: q is [batch, heads, tokens, size], k and v have as many heads or fewer.
struct Terms {
  Value q, k, v, mask, validKeys;
  bool isCausal = false;
  float scale = 0, softcap = 0;
  /// The entry of a masked score.
  float filter = -std::numeric_limits<float>::infinity();
  /// How many keys are from before the first token.
  OpFoldResult past;
};

struct Results {
  Value y, scaled, masked, capped, weights;
};

Value permute(Node &node, Value value, ArrayRef<int64_t> order) {
  Dims own = node.getDims(value), dims;
  for (int64_t from : order)
    dims.push_back(own[from]);
  Value init = createEmpty(node, dims, cast<RankedTensorType>(value.getType()).getElementType());
  Value result = linalg::TransposeOp::create(node, value, init, order).getResult()[0];
  node.setDims(result, dims);
  return result;
}

/// [batch, tokens, heads size] as [batch, heads, tokens, size].
FailureOr<Value> splitHeads(Node &node, Value value, int64_t heads) {
  Dims dims = node.getDims(value);
  std::optional<int64_t> width = getConstantIntValue(dims[2]);
  if (heads <= 0 || !width || *width % heads != 0)
    return node.error() << "the last dimension of " << value.getType() << " must be a static multiple of " << heads
                        << " heads";
  Value split =
      buildReshape(node, value, {dims[0], dims[1], node.getIndexAttr(heads), node.getIndexAttr(*width / heads)});
  return permute(node, split, {0, 2, 1, 3});
}

/// The cache and what follows it, along the tokens.
FailureOr<Value> append(Node &node, Value past, Value value) {
  if (!past)
    return value;
  Dims a = node.getDims(past), b = node.getDims(value), dims = b;
  for (unsigned dim : {0u, 1u, 3u}) {
    FailureOr<OpFoldResult> size = node.unify(a[dim], b[dim], "dimension " + Twine(dim) + " of a cache and of what follows it");
    if (failed(size))
      return failure();
    a[dim] = b[dim] = dims[dim] = *size;
  }
  dims[2] = combineSizes<arith::AddIOp>(node, a[2], b[2]);
  Value result = createEmpty(node, dims, node.getF32Type());
  SmallVector<OpFoldResult> offsets(4, node.getIndexAttr(0)), strides(4, node.getIndexAttr(1));
  result = tensor::InsertSliceOp::create(node, node.refine(past, a), result, offsets, a, strides);
  offsets[2] = a[2];
  result = tensor::InsertSliceOp::create(node, node.refine(value, b), result, offsets, b, strides);
  node.setDims(result, dims);
  return result;
}

/// Scores [batch, heads, tokens, keys], or what weights make of values: heads in groups that share a head of `right`.
FailureOr<Value> buildGrouped(Node &node, Value left, Value right, bool transposeRight) {
  Dims a = node.getDims(left), b = node.getDims(right);
  std::optional<int64_t> heads = getConstantIntValue(a[1]), shared = getConstantIntValue(b[1]);
  if (!heads || !shared || *shared == 0 || *heads % *shared != 0)
    return node.error() << "the heads of the query must be a static multiple of those of key and value, but they are "
                        << left.getType() << " and " << right.getType();
  FailureOr<OpFoldResult> batch = node.unify(a[0], b[0], "the batch of query, key and value");
  if (failed(batch))
    return failure();
  Value grouped = buildReshape(node, left, {*batch, b[1], node.getIndexAttr(*heads / *shared), a[2], a[3]});
  Value single = buildReshape(node, right, {*batch, b[1], node.getIndexAttr(1), b[2], b[3]});
  FailureOr<Value> product = buildMatrixProduct(node, grouped, single, false, transposeRight);
  if (failed(product))
    return failure();
  return buildReshape(node, *product, {*batch, a[1], a[2], b[transposeRight ? 2 : 3]});
}

/// One element of a mask that broadcasts to [batch, heads, tokens, keys].
Value readMask(ImplicitLocOpBuilder &b, Value mask, ValueRange at) {
  auto type = cast<RankedTensorType>(mask.getType());
  SmallVector<Value> from(at.take_back(type.getRank()));
  for (auto [index, size] : llvm::zip(from, type.getShape()))
    if (size == 1)
      index = arith::ConstantIndexOp::create(b, 0);
  return tensor::ExtractOp::create(b, mask, from);
}

FailureOr<Value> buildMasked(Node &node, const Terms &terms, Value scores) {
  if (!terms.mask && !terms.isCausal && !terms.validKeys)
    return scores;
  Dims dims = node.getDims(scores);
  if (terms.mask) {
    auto type = cast<RankedTensorType>(terms.mask.getType());
    if (type.getRank() > 4 || !(type.getElementType().isF32() || type.getElementType().isInteger(1)))
      return node.error() << "the mask must be bool or f32 and broadcast to the scores, but is " << type;
    Dims own = node.getDims(terms.mask);
    for (auto [index, size] : llvm::enumerate(own))
      if (getConstantIntValue(size) != 1 &&
          failed(node.unify(dims[4 - own.size() + index], size, "sizes of the mask and of the scores")))
        return failure();
  }
  Type f32 = node.getF32Type();
  Value past = node.toValue(terms.past), tokens = node.toValue(dims[2]);
  return buildGenerate(node, dims, f32, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value score = tensor::ExtractOp::create(b, scores, at), filter = createScalar(b, f32, terms.filter);
    if (terms.mask) {
      Value entry = readMask(b, terms.mask, at);
      score = entry.getType().isF32() ? Value(arith::AddFOp::create(b, score, entry))
                                      : Value(arith::SelectOp::create(b, entry, score, filter));
    }
    Value before = past;
    if (terms.validKeys) {
      Value count = arith::IndexCastOp::create(b, b.getIndexType(),
                                               tensor::ExtractOp::create(b, terms.validKeys, at.take_front(1)));
      Value isValid = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, at[3], count);
      score = arith::SelectOp::create(b, isValid, score, filter);
      before = arith::SubIOp::create(b, count, tokens);
    }
    if (terms.isCausal) {
      Value last = arith::AddIOp::create(b, at[2], before);
      Value isSeen = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, at[3], last);
      score = arith::SelectOp::create(b, isSeen, score, filter);
    }
    return score;
  });
}

FailureOr<Value> buildSoftmax(Node &node, Value scores) {
  Type f32 = node.getF32Type();
  Dims kept = node.getDims(scores);
  kept[3] = node.getIndexAttr(1);
  auto reduce = [&](Value value, float init, bool isMax) {
    Value result = buildReduce(node, value, {3}, node.getF32FloatAttr(init),
                               [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
                                 if (isMax)
                                   return arith::MaximumFOp::create(b, x[0], x[1]);
                                 return createReassociableAdd(b, x[0], x[1]);
                               });
    return buildReshape(node, result, kept);
  };
  // From the lowest finite number on: a row of -inf has exponentials of 0, not of NaN.
  Value top = reduce(scores, std::numeric_limits<float>::lowest(), /*isMax=*/true);
  FailureOr<Value> exps = buildElementwise(node, {scores, top}, f32, [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return math::ExpOp::create(b, arith::SubFOp::create(b, x[0], x[1]));
  });
  if (failed(exps))
    return failure();
  return buildElementwise(node, {*exps, reduce(*exps, 0.0f, /*isMax=*/false)}, f32,
                          [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
                            Value zero = createScalar(b, f32, 0);
                            Value isEmpty = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x[1], zero);
                            return arith::SelectOp::create(b, isEmpty, zero, arith::DivFOp::create(b, x[0], x[1]));
                          });
}

FailureOr<Results> buildAttention(Node &node, Terms terms) {
  Type f32 = node.getF32Type();
  std::optional<int64_t> size = getConstantIntValue(node.getDims(terms.q)[3]);
  if (!size || *size == 0)
    return node.error() << "the size of a head must be static, but the query is " << terms.q.getType();
  if (terms.scale == 0)
    terms.scale = 1.0f / std::sqrt(static_cast<float>(*size));
  Results results;
  FailureOr<Value> raw = buildGrouped(node, terms.q, terms.k, /*transposeRight=*/true);
  if (failed(raw))
    return failure();
  FailureOr<Value> scaled = buildElementwise(node, *raw, f32, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return arith::MulFOp::create(b, x[0], createScalar(b, f32, terms.scale));
  });
  FailureOr<Value> capped = scaled;
  if (succeeded(scaled) && terms.softcap > 0)
    capped = buildElementwise(node, *scaled, f32, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
      Value cap = createScalar(b, f32, terms.softcap);
      return arith::MulFOp::create(b, math::TanhOp::create(b, arith::DivFOp::create(b, x[0], cap)), cap);
    });
  if (failed(capped))
    return failure();
  FailureOr<Value> masked = buildMasked(node, terms, *capped);
  FailureOr<Value> weights = failed(masked) ? masked : buildSoftmax(node, *masked);
  FailureOr<Value> y = failed(weights) ? weights : buildGrouped(node, *weights, terms.v, /*transposeRight=*/false);
  if (failed(y))
    return failure();
  return Results{*y, *scaled, *masked, *capped, *weights};
}

/// [batch, heads, tokens, size] as [batch, tokens, heads size].
Value joinHeads(Node &node, Value value) {
  Value order = permute(node, value, {0, 2, 1, 3});
  Dims dims = node.getDims(order);
  return buildReshape(node, order, {dims[0], dims[1], multiplySizes(node, ArrayRef(dims).drop_front(2))});
}

LogicalResult lowerAttention(Node &node) {
  if (failed(node.check({"Q", "K", "V", "attn_mask?", "past_key?", "past_value?", "nonpad_kv_seqlen?"},
                        {"Y", "present_key?", "present_value?", "qk_matmul_output?"},
                        {"is_causal:i", "kv_num_heads:i", "q_num_heads:i", "qk_matmul_output_mode:i", "scale:f",
                         "softcap:f", "softmax_precision:i"})))
    return failure();
  for (unsigned index : {0u, 1u, 2u, 4u, 5u})
    if (failed(node.requireF32(index)))
      return failure();
  if (node.hasInput(4) != node.hasInput(5))
    return node.error() << "inputs 'past_key' and 'past_value' must both be there, or both be left out";
  int64_t precision = node.getInt("softmax_precision", 1), mode = node.getInt("qk_matmul_output_mode");
  if (precision != 1 && precision != 10 && precision != 16)
    return node.error() << "attribute 'softmax_precision' = " << precision << " is not supported: the softmax is in f32";
  Terms terms;
  bool isFlat = node.getInputType(0).getRank() == 3;
  Value *sides[] = {&terms.q, &terms.k, &terms.v};
  for (auto [index, into] : llvm::enumerate(sides)) {
    if (failed(node.requireRank(index, isFlat ? 3 : 4)))
      return failure();
    *into = node.getInput(index);
    if (!isFlat)
      continue;
    FailureOr<Value> split = splitHeads(node, *into, node.getInt(index == 0 ? "q_num_heads" : "kv_num_heads"));
    if (failed(split))
      return failure();
    *into = *split;
  }
  terms.past = node.getIndexAttr(0);
  if (node.hasInput(4)) {
    if (failed(node.requireRank(4, 4)) || failed(node.requireRank(5, 4)))
      return failure();
    terms.past = node.getDims(node.getInput(4))[2];
  }
  FailureOr<Value> key = append(node, node.getInput(4), terms.k), value = append(node, node.getInput(5), terms.v);
  if (failed(key) || failed(value))
    return failure();
  terms.k = *key;
  terms.v = *value;
  terms.mask = node.getInput(3);
  if (node.hasInput(6)) {
    if (failed(node.requireElement(6, {node.getI64Type()})) || failed(node.requireRank(6, 1)) ||
        failed(node.unify(node.getDims(terms.q)[0], node.getDims(node.getInput(6))[0], "the batch of 'nonpad_kv_seqlen'")))
      return failure();
    terms.validKeys = node.getInput(6);
  }
  terms.isCausal = node.getInt("is_causal") != 0;
  terms.scale = node.getFloat("scale", 0);
  terms.softcap = node.getFloat("softcap", 0);
  FailureOr<Results> results = buildAttention(node, terms);
  if (failed(results))
    return failure();
  Value outputs[] = {isFlat ? joinHeads(node, results->y) : results->y, terms.k, terms.v,
                     mode == 0   ? results->scaled
                     : mode == 1 ? results->capped
                     : mode == 2 ? results->masked
                                 : results->weights};
  for (auto [index, output] : llvm::enumerate(outputs))
    if (index < node.getNumOutputs() && failed(node.setOutput(index, output)))
      return failure();
  return success();
}

LogicalResult lowerMultiHeadAttention(Node &node) {
  if (failed(node.check({"query", "key", "value", "bias?", "key_padding_mask!", "attention_bias?", "past_key?",
                         "past_value?", "past_sequence_length!", "cache_indirection!"},
                        {"output", "present_key?", "present_value?", "qk!"},
                        {"num_heads:i!", "mask_filter_value:f", "scale:f", "unidirectional:i"})))
    return failure();
  for (unsigned index : {0u, 1u, 2u, 3u, 5u, 6u, 7u})
    if (failed(node.requireF32(index)))
      return failure();
  if (node.hasInput(6) != node.hasInput(7))
    return node.error() << "inputs 'past_key' and 'past_value' must both be there, or both be left out";
  int64_t heads = node.getInt("num_heads");
  Terms terms;
  Value *sides[] = {&terms.q, &terms.k, &terms.v};
  for (auto [index, into] : llvm::enumerate(sides)) {
    *into = node.getInput(index);
    if (index > 0 && node.getInputType(index).getRank() == 4)
      continue;
    if (failed(node.requireRank(index, 3)))
      return failure();
    if (node.hasInput(3)) {
      // One list of the biases of query, key and value.
      Dims dims = node.getDims(*into);
      OpFoldResult offset = node.getIndexAttr(0);
      for (size_t before = 0; before < index; ++before)
        offset = combineSizes<arith::AddIOp>(node, offset, node.getDims(node.getInput(before))[2]);
      Value bias = buildSlice(node, node.getInput(3), 0, offset, dims[2]);
      FailureOr<Value> sum =
          buildElementwise(node, {*into, bias}, node.getF32Type(), [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
            return arith::AddFOp::create(b, x[0], x[1]);
          });
      if (failed(sum))
        return failure();
      *into = *sum;
    }
    FailureOr<Value> split = splitHeads(node, *into, heads);
    if (failed(split))
      return failure();
    *into = *split;
  }
  terms.past = node.hasInput(6) ? node.getDims(node.getInput(6))[2] : OpFoldResult(node.getIndexAttr(0));
  FailureOr<Value> key = append(node, node.getInput(6), terms.k), value = append(node, node.getInput(7), terms.v);
  if (failed(key) || failed(value))
    return failure();
  terms.k = *key;
  terms.v = *value;
  terms.mask = node.getInput(5);
  terms.isCausal = node.getInt("unidirectional") != 0;
  terms.scale = node.getFloat("scale", 0);
  terms.filter = node.getFloat("mask_filter_value", -10000.0f);
  FailureOr<Results> results = buildAttention(node, terms);
  if (failed(results))
    return failure();
  return failure(failed(node.setOutput(0, joinHeads(node, results->y))) || failed(node.setOutput(1, terms.k)) ||
                 failed(node.setOutput(2, terms.v)));
}

} // namespace

void addStandardAttention(Registry &registry) {
  registry.add("", "Attention", lowerAttention, Halves::InF32);
  registry.add(microsoftDomain, "MultiHeadAttention", lowerMultiHeadAttention, Halves::InF32);
}

} // namespace lutra
