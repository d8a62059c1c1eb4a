//===- AttentionCache.h - what GroupQueryAttention's cache holds *- C++ -*-===//
//
// k_quant_type, v_quant_type, kv_cache_bit_width and the scales: a cache of floats, or of codes with a scale for all of it or
// for each channel.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_ATTENTIONCACHE_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_ATTENTIONCACHE_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// The elements of a key-value cache.
struct AttentionCache {
  /// f32, or i8 for codes.
  mlir::Type element;
  /// The last dimension: a head's elements, or the bytes of its codes.
  int64_t line;
  /// 8 or 4, or 0 for floats.
  int64_t bits = 0;
  /// [kv_num_heads * head size], where there are codes.
  mlir::Value keyScale = {}, valueScale = {};

  /// Whether the model declares its caches as unsigned: pairs of codes.
  bool isUnsigned() const { return bits == 4; }
};

/// What the node says about its cache of `heads` heads of `size` elements. `pasts` and `scales` are the inputs of keys and values.
mlir::FailureOr<AttentionCache> getAttentionCache(Node &node, int64_t heads, int64_t size, std::pair<unsigned, unsigned> pasts,
                                                  std::pair<unsigned, unsigned> scales);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_ATTENTIONCACHE_H
