//===- GroupQuery.cpp - the parts of a GroupQueryAttention ----------------===//

#include "lib/Conversion/ONNXToLowbit/GroupQuery.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/ComposedAttention.h"
#include "lib/Conversion/ONNXToLowbit/Norms.h"
#include "lib/Conversion/ONNXToLowbit/Rotary.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace lutra {

using namespace group_query;

/// The norm of each head of `value`, which is [batch, tokens, heads size].
static FailureOr<Value> buildHeadNorm(Node &node, Value value, int64_t heads, const GroupQuery &attention, unsigned weight,
                                      StringRef epsilonName) {
  if (failed(node.requireF32(weight)) || failed(node.requireShape(weight, attention.headSize)))
    return failure();
  float epsilon = node.getFloat(epsilonName, node.getFloat("qk_norm_epsilon", 1e-6f));
  if (!(epsilon > 0))
    return node.error() << "attribute '" << epsilonName << "' must be positive";
  Dims flat = node.getDims(value);
  Dims split = {flat[0], flat[1], node.getIndexAttr(heads), node.getIndexAttr(attention.headSize)};
  FailureOr<Value> normed =
      buildRmsNorm(node, buildReshape(node, value, split), node.refine(node.getInput(weight), split.back()), epsilon);
  if (failed(normed))
    return failure();
  return buildReshape(node, *normed, flat);
}

LogicalResult normalizeHeads(Node &node, GroupQuery &attention) {
  if (node.hasInput(QueryNorm) != node.hasInput(KeyNorm))
    return node.error() << "inputs 'q_norm_weight' and 'k_norm_weight' must both be there, or both be left out";
  if (!node.hasInput(QueryNorm))
    return success();
  FailureOr<Value> query =
      buildHeadNorm(node, attention.query, attention.queryHeads, attention, QueryNorm, "q_norm_epsilon");
  FailureOr<Value> key = buildHeadNorm(node, attention.key, attention.cacheHeads, attention, KeyNorm, "k_norm_epsilon");
  if (failed(query) || failed(key))
    return failure();
  attention.query = *query;
  attention.key = *key;
  return success();
}

/// Whether every token is new: the number of tokens is the total length.
static Value createIsPrompt(Node &node, const GroupQuery &attention) {
  return arith::CmpIOp::create(node, arith::CmpIPredicate::eq, node.toValue(node.getDims(attention.query)[1]),
                               node.toValue(attention.totalSize));
}

/// The position of the first token of each sequence, as [batch] of i64.
static FailureOr<Value> buildFirsts(Node &node, const GroupQuery &attention) {
  Type i64 = node.getI64Type();
  Value isPrompt = createIsPrompt(node, attention);
  Value tokens = createScalarFromSize(node, node.getDims(attention.query)[1], i64);
  return buildElementwise(node, attention.seqlens, i64, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value length = arith::AddIOp::create(b, arith::ExtSIOp::create(b, i64, x[0]), createScalar(b, i64, 1));
    return arith::SelectOp::create(b, isPrompt, createScalar(b, i64, 0), arith::SubIOp::create(b, length, tokens));
  });
}

/// Turns the heads of query and key, of which token t of sequence b stands at `at`(b, t).
static LogicalResult rotate(Node &node, GroupQuery &attention, Body at) {
  auto cosType = cast<RankedTensorType>(attention.cos.getType());
  if (cosType.isDynamicDim(0) || cosType.getDimSize(0) == 0)
    return node.error() << "input 'cos_cache' must have a static shape and a row, but is " << cosType;
  Dims dims = node.getDims(attention.query);
  dims.pop_back();
  FailureOr<Value> positions =
      buildCheckedPositions(node, buildGenerate(node, dims, node.getI64Type(), at), cosType.getDimSize(0));
  if (failed(positions))
    return failure();
  Rotation rotation = {attention.cos,      attention.sin,  *positions, attention.headSize, 2 * cosType.getDimSize(1),
                       node.getInt("rotary_interleaved", 0) != 0};
  attention.query = buildRotation(node, attention.query, rotation);
  attention.key = buildRotation(node, attention.key, rotation);
  attention.cos = attention.sin = {};
  return success();
}

LogicalResult rotateByPositionIds(Node &node, GroupQuery &attention) {
  if (!node.hasInput(PositionIds))
    return success();
  if (!attention.cos)
    return node.error() << "input 'position_ids' needs attribute 'do_rotary' = 1";
  if (failed(node.requireElement(PositionIds, {node.getI64Type()})) || failed(node.requireRank(PositionIds, 2)))
    return failure();
  Value ids = node.getInput(PositionIds);
  Dims own = node.getDims(ids), dims = node.getDims(attention.query);
  for (unsigned dim : {0u, 1u})
    if (failed(node.unify(dims[dim], own[dim], dim == 0 ? "the batch of inputs 'query' and 'position_ids'"
                                                        : "the tokens of inputs 'query' and 'position_ids'")))
      return failure();
  Value isPrompt = createIsPrompt(node, attention), zero = node.toValue(node.getIndexAttr(0));
  return rotate(node, attention, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    // A prompt is taken to be in order: its first position says where it begins, for all sequences.
    Value first = tensor::ExtractOp::create(b, ids, ValueRange{zero, zero});
    Value inOrder = arith::AddIOp::create(b, first, arith::IndexCastOp::create(b, first.getType(), at[1]));
    return arith::SelectOp::create(b, isPrompt, inOrder, tensor::ExtractOp::create(b, ids, at));
  });
}

bool needsScores(Node &node) {
  return node.hasInput(AttentionBias) || node.getNumOutputs() > 3 || node.getInt("causal", 1) == 0;
}

/// The cache with the new tokens in it: [batch, heads, total, size].
static Value buildPresent(Node &node, const GroupQuery &attention, Value past, Value added, Value firsts) {
  Type f32 = node.getF32Type();
  Dims own = node.getDims(past), dims = own;
  dims[2] = attention.totalSize;
  SmallVector<OpFoldResult> offsets(4, node.getIndexAttr(0)), strides(4, node.getIndexAttr(1));
  Value cleared = createFilled(node, dims, node.getF32FloatAttr(0.0f));
  Value before = tensor::InsertSliceOp::create(node, past, cleared, offsets, own, strides);
  node.setDims(before, dims);
  Value tokens = node.toValue(node.getDims(added)[1]);
  Value isSome = arith::CmpIOp::create(node, arith::CmpIPredicate::sgt, tokens, node.toValue(node.getIndexAttr(0)));
  node.assertThat(isSome, "there must be a token");
  return buildGenerate(node, dims, f32, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1);
    Value first = arith::IndexCastOp::create(b, b.getIndexType(), tensor::ExtractOp::create(b, firsts, at.take_front(1)));
    Value token = arith::SubIOp::create(b, at[2], first);
    Value isNew = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, token, tokens);
    Value last = arith::SubIOp::create(b, tokens, one);
    Value inside = arith::MinSIOp::create(b, arith::MaxSIOp::create(b, token, zero), last);
    Value head = arith::MulIOp::create(b, at[1], arith::ConstantIndexOp::create(b, attention.headSize));
    Value column = arith::AddIOp::create(b, head, at[3]);
    Value fresh = tensor::ExtractOp::create(b, added, ValueRange{at[0], inside, column});
    return arith::SelectOp::create(b, isNew, fresh, tensor::ExtractOp::create(b, before, at));
  });
}

LogicalResult lowerWithScores(Node &node, GroupQuery &attention) {
  int64_t shown = node.getInt("qk_output", 0), causal = node.getInt("causal", 1);
  if (node.getNumOutputs() > 3 && shown != 1 && shown != 2)
    return node.error() << "output 'output_qk' needs attribute 'qk_output' = 1 or 2, but it is " << shown;
  if (causal != 0 && causal != 1)
    return node.error() << "attribute 'causal' must be 0 or 1, but is " << causal;
  if (causal == 0 && attention.window > 0)
    return node.error() << "attribute 'local_window_size' must be -1 where 'causal' is 0, but is " << attention.window;
  if (failed(node.requireInt("kv_cache_bit_width", 0)) || failed(node.requireF32(AttentionBias)) ||
      failed(node.requireRank(AttentionBias, 4)))
    return failure();
  FailureOr<Value> firsts = buildFirsts(node, attention);
  if (failed(firsts))
    return failure();
  auto createPosition = [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value first = tensor::ExtractOp::create(b, *firsts, at.take_front(1));
    return arith::AddIOp::create(b, first, arith::IndexCastOp::create(b, first.getType(), at[1]));
  };
  if (attention.cos && failed(rotate(node, attention, createPosition)))
    return failure();

  AttentionTerms terms;
  terms.k = buildPresent(node, attention, attention.pastKey, attention.key, *firsts);
  terms.v = buildPresent(node, attention, attention.pastValue, attention.value, *firsts);
  FailureOr<Value> query = splitHeads(node, attention.query, attention.queryHeads);
  if (failed(query))
    return failure();
  terms.q = *query;
  terms.mask = node.getInput(AttentionBias);
  terms.firsts = *firsts;
  terms.past = node.getIndexAttr(0);
  terms.isCausal = causal == 1;
  terms.left = attention.window > 0 ? attention.window - 1 : -1;
  terms.scale = attention.scale;
  terms.softcap = attention.softcap;
  terms.sink = attention.sink;
  FailureOr<AttentionResults> results = buildAttention(node, terms);
  if (failed(results) || failed(node.setOutput(0, joinHeads(node, results->y))) ||
      failed(node.setOutput(1, terms.k)) || failed(node.setOutput(2, terms.v)))
    return failure();
  if (node.getNumOutputs() <= 3)
    return success();
  if (shown == 2)
    return node.setOutput(3, results->weights);
  // What no token sees is shown as 0.
  terms.filter = 0;
  FailureOr<Value> scores = buildMaskedScores(node, terms, results->capped);
  return failed(scores) ? failure() : node.setOutput(3, *scores);
}

} // namespace lutra
