//===- Attention.cpp - GroupQueryAttention --------------------------------===//
//
// The operator is one op, `lowbit.attention`, whose `present` may live in the memory of `past`. What this op does not say
// (norms of heads, biases, explicit positions) is GroupQuery.cpp's; what neither knows is refused by name.
//
//===----------------------------------------------------------------------===//

#include "dialects/lowbit/IR/Lowbit.h"
#include "lib/Conversion/ONNXToLowbit/AttentionCache.h"
#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/GroupQuery.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <cmath>

using namespace mlir;

namespace lutra {

using namespace group_query;

namespace {

struct Heads {
  int64_t query, keyValue, size;
};

LogicalResult checkAttention(Node &node) {
  if (failed(node.check({"query", "key?", "value?", "past_key?", "past_value?", "seqlens_k", "total_sequence_length",
                         "cos_cache?", "sin_cache?", "position_ids?", "attention_bias?", "head_sink?", "k_scale?",
                         "v_scale?", "q_norm_weight?", "k_norm_weight?", "query_seqlens!"},
                        {"output", "present_key?", "present_value?", "output_qk?"},
                        {"num_heads:i!", "kv_num_heads:i!", "scale:f", "softcap:f", "local_window_size:i",
                         "do_rotary:i", "rotary_interleaved:i", "smooth_softmax:i", "qk_output:i", "k_quant_type:s",
                         "v_quant_type:s", "kv_cache_bit_width:i", "causal:i", "q_norm_epsilon:f", "k_norm_epsilon:f",
                         "qk_norm_epsilon:f"})))
    return failure();
  for (unsigned index : {Query, Key, Value_, CosCache, SinCache, HeadSink})
    if (failed(node.requireF32(index)))
      return failure();
  if (failed(node.requireElement(SeqlensK, {node.getI32Type()})) ||
      failed(node.requireElement(TotalLength, {node.getI32Type()})) || failed(node.requireRank(Query, 3)) ||
      failed(node.requireRank(Key, 3)) || failed(node.requireRank(Value_, 3)) || failed(node.requireRank(PastKey, 4)) ||
      failed(node.requireRank(PastValue, 4)) || failed(node.requireRank(CosCache, 2)) ||
      failed(node.requireRank(SinCache, 2)))
    return failure();
  if (node.hasInput(Key) != node.hasInput(Value_))
    return node.error() << "inputs 'key' and 'value' must both be there, or both be left out (packed QKV)";
  if (node.hasInput(PastKey) != node.hasInput(PastValue))
    return node.error() << "inputs 'past_key' and 'past_value' must both be there, or both be left out";
  if (node.getInt("do_rotary", 0) && !(node.hasInput(CosCache) && node.hasInput(SinCache)))
    return node.error() << "attribute 'do_rotary' = 1 needs inputs 'cos_cache' and 'sin_cache'";
  return success();
}

/// The numbers and the size of the heads, from the attributes and the width of the query.
FailureOr<Heads> getHeads(Node &node) {
  Heads heads = {node.getInt("num_heads"), node.getInt("kv_num_heads"), 0};
  if (heads.keyValue <= 0 || heads.query <= 0 || heads.query % heads.keyValue != 0)
    return node.error() << "'num_heads' must be a multiple of 'kv_num_heads', but they are " << heads.query << " and "
                        << heads.keyValue;
  int64_t width = node.getInputType(Query).getDimSize(2);
  int64_t count = node.hasInput(Key) ? heads.query : heads.query + 2 * heads.keyValue;
  if (ShapedType::isDynamic(width) || width % count != 0 || width == 0)
    return node.error() << "the last dimension of input 'query' must be a static multiple of " << count << " ("
                        << (node.hasInput(Key) ? "num_heads" : "num_heads + 2 kv_num_heads, for packed QKV")
                        << "), but the input is " << node.getInputType(Query);
  heads.size = width / count;
  return heads;
}

/// `value` with its sizes unified with `dims`, which they may refine.
FailureOr<Value> matchDims(Node &node, unsigned index, Dims &dims) {
  Value value = node.getInput(index);
  for (auto [dim, size, wanted] : llvm::enumerate(node.getDims(value), dims)) {
    FailureOr<OpFoldResult> unified = node.unify(
        wanted, size, "dimension " + Twine(dim) + " of input '" + node.getInputName(index) + "' and of the others");
    if (failed(unified))
      return failure();
    wanted = *unified;
  }
  return node.refine(value, dims);
}

/// The lengths of the sequences as [batch]; [batch, 1] is what a ReduceSum that keeps dimensions gives.
FailureOr<Value> getSeqlens(Node &node, OpFoldResult batch) {
  Value seqlens = node.getInput(SeqlensK);
  Dims dims = node.getDims(seqlens);
  if (dims.size() == 2 && getConstantIntValue(dims[1]) == 1)
    dims.pop_back();
  if (dims.size() != 1)
    return node.error() << "input 'seqlens_k' must be [batch] or [batch, 1], but is " << node.getInputType(SeqlensK);
  Value flat = buildReshape(node, seqlens, dims);
  FailureOr<OpFoldResult> unified = node.unify(batch, dims[0], "the batch of inputs 'query' and 'seqlens_k'");
  if (failed(unified))
    return failure();
  return node.refine(flat, {*unified});
}

/// The total length as a tensor of rank 0, and as a size.
FailureOr<std::pair<Value, OpFoldResult>> getTotal(Node &node) {
  Value total = node.getInput(TotalLength);
  if (!node.getInputType(TotalLength).hasStaticShape() || node.getInputType(TotalLength).getNumElements() != 1)
    return node.error() << "input 'total_sequence_length' must be a scalar, but is " << node.getInputType(TotalLength);
  Value scalar;
  if (std::optional<SmallVector<Value>> scalars = getScalars(node, total))
    scalar = scalars->front();
  else
    scalar = tensor::ExtractOp::create(node, buildReshape(node, total, {}));
  return std::pair(createFromScalars(node, scalar, node.getI32Type(), /*rank0=*/true), getSize(node, scalar));
}

/// The destination of the present keys or values (output `index`). A result of the graph is written into its own buffer
/// when empty tensors are eliminated. Any other is a buffer by itself: two equal tensor.empty ops are one value to CSE,
/// and the op writes both of its caches.
Value createPresent(Node &node, unsigned index, ArrayRef<OpFoldResult> dims, Type element) {
  Value empty = createEmpty(node, dims, element);
  if (node.isOnlyReturned(index))
    return empty;
  auto sizes = empty.getDefiningOp<tensor::EmptyOp>().getDynamicSizes();
  return bufferization::AllocTensorOp::create(node, cast<RankedTensorType>(empty.getType()), sizes);
}

LogicalResult lowerGroupQueryAttention(Node &node) {
  if (failed(checkAttention(node)))
    return failure();
  FailureOr<Heads> heads = getHeads(node);
  if (failed(heads))
    return failure();
  int64_t queryWidth = heads->query * heads->size, cacheWidth = heads->keyValue * heads->size;
  auto index = [&](int64_t value) -> OpFoldResult { return node.getIndexAttr(value); };

  Value query = node.getInput(Query), key, value;
  Dims dims = node.getDims(query);
  if (node.hasInput(Key)) {
    dims[2] = index(cacheWidth);
    FailureOr<Value> matchedKey = matchDims(node, Key, dims), matchedValue = matchDims(node, Value_, dims);
    if (failed(matchedKey) || failed(matchedValue))
      return failure();
    key = *matchedKey;
    value = *matchedValue;
    dims[2] = index(queryWidth);
    query = node.refine(query, dims);
  } else {
    Value packed = query;
    query = buildSlice(node, packed, 2, index(0), index(queryWidth));
    key = buildSlice(node, packed, 2, index(queryWidth), index(cacheWidth));
    value = buildSlice(node, packed, 2, index(queryWidth + cacheWidth), index(cacheWidth));
    dims[2] = index(queryWidth);
  }

  FailureOr<AttentionCache> cache =
      getAttentionCache(node, heads->keyValue, heads->size, {PastKey, PastValue}, {KeyScale, ValueScale});
  if (failed(cache))
    return failure();
  Dims pastDims = {dims[0], index(heads->keyValue), index(0), index(cache->line)};
  Value pastKey, pastValue;
  if (node.hasInput(PastKey)) {
    pastDims[2] = node.getDims(node.getInput(PastKey))[2];
    FailureOr<Value> matchedKey = matchDims(node, PastKey, pastDims),
                     matchedValue = matchDims(node, PastValue, pastDims);
    if (failed(matchedKey) || failed(matchedValue))
      return failure();
    pastKey = *matchedKey;
    pastValue = *matchedValue;
  } else {
    pastKey = pastValue = createEmpty(node, pastDims, cache->element);
  }
  FailureOr<Value> seqlens = getSeqlens(node, dims[0]);
  FailureOr<std::pair<Value, OpFoldResult>> total = getTotal(node);
  if (failed(seqlens) || failed(total))
    return failure();
  // present is as long as the longest sequence; a past that is a longer buffer than that is the caller's to slice.
  auto [totalTensor, totalSize] = *total;
  for (auto [what, size] : {std::pair("the new tokens", dims[1]), std::pair("past_key", pastDims[2])}) {
    if (isEqualConstantIntOrValue(size, index(0)))
      continue;
    Value fits = arith::CmpIOp::create(node, arith::CmpIPredicate::sle, node.toValue(size), node.toValue(totalSize));
    node.assertThat(fits, Twine(what) + " must not be longer than total_sequence_length");
  }

  Value cos, sin, sink;
  if (node.getInt("do_rotary", 0)) {
    Dims tableDims = node.getDims(node.getInput(CosCache));
    std::optional<int64_t> width = getConstantIntValue(tableDims[1]);
    if (!width || 2 * *width > heads->size)
      return node.error() << "the last dimension of input 'cos_cache' must be at most half the head size "
                          << heads->size << ", but the input is " << node.getInputType(CosCache);
    FailureOr<Value> matchedSin = matchDims(node, SinCache, tableDims);
    if (failed(matchedSin))
      return failure();
    cos = node.refine(node.getInput(CosCache), tableDims);
    sin = *matchedSin;
  }
  if (node.hasInput(HeadSink)) {
    if (failed(node.requireShape(HeadSink, heads->query)))
      return failure();
    sink = node.refine(node.getInput(HeadSink), {index(heads->query)});
  } else if (node.getInt("smooth_softmax", 0) > 0) {
    // One more term exp(0) in the denominator.
    auto type = RankedTensorType::get({heads->query}, node.getF32Type());
    sink = arith::ConstantOp::create(node, DenseElementsAttr::get(type, 0.0f));
  }

  float scale = node.getFloat("scale", 0.0f);
  if (scale == 0.0f)
    scale = 1.0f / std::sqrt(static_cast<float>(heads->size));
  GroupQuery parts = {heads->query, heads->keyValue, heads->size, query,     key,  value, pastKey, pastValue, *seqlens,
                      totalTensor,  totalSize,       cos,         sin,       sink, scale, node.getFloat("softcap", 0.0f),
                      node.getInt("local_window_size", -1)};
  if (failed(normalizeHeads(node, parts)) || failed(rotateByPositionIds(node, parts)))
    return failure();
  if (needsScores(node))
    return lowerWithScores(node, parts);

  Dims presentDims = {dims[0], index(heads->keyValue), totalSize, index(cache->line)};
  Value output = createEmpty(node, dims, node.getF32Type());
  Value presentKey = createPresent(node, 1, presentDims, cache->element),
        presentValue = createPresent(node, 2, presentDims, cache->element);
  auto attention = lowbit::AttentionOp::create(
      node, TypeRange{output.getType(), presentKey.getType(), presentValue.getType()}, parts.query, parts.key, value,
      pastKey, pastValue, *seqlens, totalTensor, parts.cos, parts.sin, sink, cache->keyScale, cache->valueScale, output, presentKey,
      presentValue, heads->query, heads->keyValue, APFloat(scale), APFloat(parts.softcap), parts.window,
      node.getInt("rotary_interleaved", 0) != 0, cache->bits ? node.getI64IntegerAttr(cache->bits) : IntegerAttr(),
      /*cache_group=*/IntegerAttr());
  for (unsigned i = 0; i < 3; ++i) {
    node.setDims(attention.getResults()[i], i == 0 ? dims : presentDims);
    if (failed(node.setOutput(i, attention.getResults()[i], i != 0 && cache->isUnsigned())))
      return failure();
  }
  return success();
}

} // namespace

void addAttention(Registry &registry) {
  registry.add(microsoftDomain, "GroupQueryAttention", lowerGroupQueryAttention, Halves::InF32);
}

} // namespace lutra
