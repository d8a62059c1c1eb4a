//===- AttentionCache.cpp - what GroupQueryAttention's cache holds --------===//
#include "lib/Conversion/ONNXToLowbit/AttentionCache.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"

using namespace mlir;

namespace lutra {

/// The scales of `input` as [heads * size]: one for all elements of a cache, or one for each channel of each head.
static FailureOr<Value> getScales(Node &node, unsigned input, StringRef type, int64_t channels) {
  int64_t wanted = type == "PER_TENSOR" ? 1 : channels;
  if (!node.hasInput(input))
    return node.error() << "input '" << node.getInputName(input) << "' is missing: a quantized cache needs it";
  if (failed(node.requireF32(input)))
    return failure();
  RankedTensorType found = node.getInputType(input);
  if (!found.hasStaticShape() || found.getNumElements() != wanted)
    return node.error() << "input '" << node.getInputName(input) << "' must have " << wanted << " elements for '" << type
                        << "' scales, but is " << found;
  Value scales = buildReshape(node, node.getInput(input), {node.getIndexAttr(wanted)});
  return wanted == channels ? scales : buildBroadcast(node, scales, {node.getIndexAttr(channels)});
}

FailureOr<AttentionCache> getAttentionCache(Node &node, int64_t heads, int64_t size, std::pair<unsigned, unsigned> pasts,
                                            std::pair<unsigned, unsigned> scales) {
  StringRef keyType = node.getString("k_quant_type", "NONE"), valueType = node.getString("v_quant_type", "NONE");
  for (auto [name, type] : {std::pair("k_quant_type", keyType), std::pair("v_quant_type", valueType)})
    if (type != "NONE" && type != "PER_TENSOR" && type != "PER_CHANNEL")
      return node.error() << "attribute '" << name << "' = '" << type
                          << "' is not supported: only 'NONE', 'PER_TENSOR' and 'PER_CHANNEL' are";
  if ((keyType == "NONE") != (valueType == "NONE"))
    return node.error() << "attributes 'k_quant_type' and 'v_quant_type' must both be 'NONE', or neither, but they are '"
                        << keyType << "' and '" << valueType << "'";
  int64_t bits = node.getInt("kv_cache_bit_width", 0);
  if (keyType == "NONE") {
    if (failed(node.requireInt("kv_cache_bit_width", 0)) || failed(node.requireF32(pasts.first)) ||
        failed(node.requireF32(pasts.second)))
      return failure();
    for (unsigned input : {scales.first, scales.second})
      if (node.hasInput(input))
        return node.error() << "input '" << node.getInputName(input)
                            << "' needs attribute 'k_quant_type' or 'v_quant_type' to say what it scales";
    return AttentionCache{node.getF32Type(), size};
  }
  if (bits != 8 && bits != 4)
    return node.error() << "attribute 'kv_cache_bit_width' of a quantized cache must be 8 or 4, but is " << bits;
  if (bits == 4 && size % 2 != 0)
    return node.error() << "'kv_cache_bit_width' = 4 needs an even head size, but it is " << size;
  AttentionCache cache = {node.getI8Type(), size * bits / 8, bits};
  for (unsigned input : {pasts.first, pasts.second}) {
    if (!node.hasInput(input))
      continue;
    Type element = node.getInputType(input).getElementType();
    if (!element.isInteger(8) || node.isUnsigned(node.getInput(input)) != cache.isUnsigned())
      return node.error() << "input '" << node.getInputName(input) << "' must be " << (cache.isUnsigned() ? "ui8" : "i8")
                          << " where 'kv_cache_bit_width' is " << bits << ", but its elements are "
                          << (node.isUnsigned(node.getInput(input)) ? "u" : "") << element;
  }
  FailureOr<Value> keyScale = getScales(node, scales.first, keyType, heads * size);
  FailureOr<Value> valueScale = getScales(node, scales.second, valueType, heads * size);
  if (failed(keyScale) || failed(valueScale))
    return failure();
  cache.keyScale = *keyScale;
  cache.valueScale = *valueScale;
  return cache;
}

} // namespace lutra
