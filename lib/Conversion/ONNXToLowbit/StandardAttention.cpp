//===- StandardAttention.cpp - Attention ----------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/ComposedAttention.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace lutra {
namespace {

LogicalResult lowerAttention(Node &node) {
  if (failed(node.check({"Q", "K", "V", "attn_mask?", "past_key?", "past_value?", "nonpad_kv_seqlen?"},
                        {"Y", "present_key?", "present_value?", "qk_matmul_output?"},
                        {"is_causal:i", "kv_num_heads:i", "q_num_heads:i", "qk_matmul_output_mode:i", "scale:f",
                         "softcap:f", "softmax_precision:i", "left_window_size:i", "right_window_size:i"})))
    return failure();
  for (unsigned index : {0u, 1u, 2u, 4u, 5u})
    if (failed(node.requireF32(index)))
      return failure();
  if (node.hasInput(4) != node.hasInput(5))
    return node.error() << "inputs 'past_key' and 'past_value' must both be there, or both be left out";
  int64_t precision = node.getInt("softmax_precision", 1), mode = node.getInt("qk_matmul_output_mode");
  if (precision != 1 && precision != 10 && precision != 16)
    return node.error() << "attribute 'softmax_precision' = " << precision << " is not supported: the softmax is in f32";
  AttentionTerms terms;
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
  FailureOr<Value> key = appendToCache(node, node.getInput(4), terms.k), value = appendToCache(node, node.getInput(5), terms.v);
  if (failed(key) || failed(value))
    return failure();
  terms.k = *key;
  terms.v = *value;
  terms.mask = node.getInput(3);
  terms.isMaskPadded = true;
  terms.left = node.getInt("left_window_size", -1);
  terms.right = node.getInt("right_window_size", -1);
  if (terms.left < -1 || terms.right < -1)
    return node.error() << "attributes 'left_window_size' and 'right_window_size' must be -1 (no bound) or more, but they are "
                        << terms.left << " and " << terms.right;
  if (node.hasInput(6)) {
    if (failed(node.requireElement(6, {node.getI64Type()})) || failed(node.requireRank(6, 1)) ||
        failed(node.unify(node.getDims(terms.q)[0], node.getDims(node.getInput(6))[0], "the batch of 'nonpad_kv_seqlen'")))
      return failure();
    terms.validKeys = node.getInput(6);
  }
  terms.isCausal = node.getInt("is_causal") != 0;
  terms.scale = node.getFloat("scale", 0);
  terms.softcap = node.getFloat("softcap", 0);
  FailureOr<AttentionResults> results = buildAttention(node, terms);
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

} // namespace

void addStandardAttention(Registry &registry) { registry.add("", "Attention", lowerAttention, Halves::InF32); }

} // namespace lutra
