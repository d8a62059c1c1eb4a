//===- MultiHeadAttention.cpp - ONNX Runtime's MultiHeadAttention ----------===//
//
// Keys and values of as many heads as the query, a cache that is appended to, and masks of several shapes.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/ComposedAttention.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace lutra {
namespace {

/// The padding mask, as what is added to the scores, and the bias, which is added as well; null without either.
FailureOr<Value> getMask(Node &node, const AttentionTerms &terms, float filter) {
  Value bias = node.getInput(5);
  if (!node.hasInput(4))
    return bias;
  if (failed(node.requireElement(4, {node.getI32Type()})))
    return failure();
  Value padding = node.getInput(4);
  Dims own = node.getDims(padding), q = node.getDims(terms.q), k = node.getDims(terms.k);
  if (own.size() < 1 || own.size() > 3)
    return node.error() << "input 'key_padding_mask' must be [batch], [batch, keys] or [batch, tokens, keys], but is "
                        << padding.getType();
  // The batch of a list, which may also hold offsets of packed sequences: 3 batch + 2 of them are not taken.
  SmallVector<OpFoldResult> wanted = {q[0]};
  if (own.size() == 3)
    wanted.push_back(q[2]);
  if (own.size() > 1)
    wanted.push_back(k[2]);
  for (auto [dim, a, b] : llvm::enumerate(wanted, own))
    if (failed(node.unify(a, b, "dimension " + Twine(dim) + " of input 'key_padding_mask' and of the scores")))
      return failure();
  Type f32 = node.getF32Type();
  Dims dims = {q[0], node.getIndexAttr(1), own.size() == 3 ? q[2] : OpFoldResult(node.getIndexAttr(1)), k[2]};
  Value added = buildGenerate(node, dims, f32, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    SmallVector<Value> from = {at[0]};
    if (own.size() == 3)
      from.push_back(at[2]);
    if (own.size() > 1)
      from.push_back(at[3]);
    Value entry = tensor::ExtractOp::create(b, padding, from);
    // A list counts the keys of each sequence; anything else says of each key whether it counts.
    Value key = own.size() == 1 ? Value(arith::IndexCastOp::create(b, entry.getType(), at[3]))
                                : createScalar(b, entry.getType(), 0);
    Value isKept = arith::CmpIOp::create(b, own.size() == 1 ? arith::CmpIPredicate::slt : arith::CmpIPredicate::ne, key,
                                         entry);
    return arith::SelectOp::create(b, isKept, createScalar(b, f32, 0), createScalar(b, f32, filter));
  });
  if (!bias)
    return added;
  return buildElementwise(node, {added, bias}, f32, [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return arith::AddFOp::create(b, x[0], x[1]);
  });
}

LogicalResult lowerMultiHeadAttention(Node &node) {
  if (failed(node.check({"query", "key", "value", "bias?", "key_padding_mask?", "attention_bias?", "past_key?",
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
  AttentionTerms terms;
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
  FailureOr<Value> key = appendToCache(node, node.getInput(6), terms.k), value = appendToCache(node, node.getInput(7), terms.v);
  if (failed(key) || failed(value))
    return failure();
  terms.k = *key;
  terms.v = *value;
  FailureOr<Value> mask = getMask(node, terms, node.getFloat("mask_filter_value", -10000.0f));
  if (failed(mask))
    return failure();
  terms.mask = *mask;
  terms.isCausal = node.getInt("unidirectional") != 0;
  terms.scale = node.getFloat("scale", 0);
  terms.filter = node.getFloat("mask_filter_value", -10000.0f);
  FailureOr<AttentionResults> results = buildAttention(node, terms);
  if (failed(results))
    return failure();
  return failure(failed(node.setOutput(0, joinHeads(node, results->y))) || failed(node.setOutput(1, terms.k)) ||
                 failed(node.setOutput(2, terms.v)));
}

} // namespace

void addMultiHeadAttention(Registry &registry) {
  registry.add(microsoftDomain, "MultiHeadAttention", lowerMultiHeadAttention, Halves::InF32);
}

} // namespace lutra
