// What a cache of codes must be (C3), and the shapes of its lines (C1).
// RUN: lutra-opt %s --split-input-file --verify-diagnostics

!q = tensor<1x?x32xf32>
!f = tensor<1x2x?x16xf32>
!c = tensor<1x2x?x18xi8>
func.func @group_of_floats(%q: !q, %c: !f, %len: tensor<1xi32>, %total: tensor<i32>) {
  // expected-error @+1 {{'cache_group' and scales are for a cache of codes: expected 'cache_bits' with them (C3)}}
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total : !q, !q, !q, !f, !f, tensor<1xi32>, tensor<i32>) outs(%q, %c, %c : !q, !f, !f)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_group = 16 : i64} -> !q, !f, !f
  return
}

// -----

!q = tensor<1x?x32xf32>
!c = tensor<1x2x?x18xi8>
func.func @bits(%q: !q, %c: !c, %len: tensor<1xi32>, %total: tensor<i32>) {
  // expected-error @+1 {{'cache_bits' must be 8 or 4, but is 2 (C3)}}
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total : !q, !q, !q, !c, !c, tensor<1xi32>, tensor<i32>) outs(%q, %c, %c : !q, !c, !c)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 2 : i64, cache_group = 16 : i64} -> !q, !c, !c
  return
}

// -----

!q = tensor<1x?x32xf32>
!c = tensor<1x2x?x18xi8>
func.func @no_scales(%q: !q, %c: !c, %len: tensor<1xi32>, %total: tensor<i32>) {
  // expected-error @+1 {{expected 'cache_group', or k_scale and v_scale after the other inputs, beside 'cache_bits'}}
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total : !q, !q, !q, !c, !c, tensor<1xi32>, tensor<i32>) outs(%q, %c, %c : !q, !c, !c)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64} -> !q, !c, !c
  return
}

// -----

!q = tensor<1x?x32xf32>
!c = tensor<1x2x?x18xi8>
func.func @group(%q: !q, %c: !c, %len: tensor<1xi32>, %total: tensor<i32>) {
  // expected-error @+1 {{'cache_group' must divide the head size 16, but is 5 (C3)}}
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total : !q, !q, !q, !c, !c, tensor<1xi32>, tensor<i32>) outs(%q, %c, %c : !q, !c, !c)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64, cache_group = 5 : i64} -> !q, !c, !c
  return
}

// -----

!q = tensor<1x?x30xf32>
!c = tensor<1x2x?x9xi8>
func.func @odd_head(%q: !q, %c: !c, %len: tensor<1xi32>, %total: tensor<i32>) {
  // expected-error @+1 {{codes of 4 bits need an even head size and 'cache_group', but they are 15 and 15 (C3)}}
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total : !q, !q, !q, !c, !c, tensor<1xi32>, tensor<i32>) outs(%q, %c, %c : !q, !c, !c)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 4 : i64, cache_group = 15 : i64} -> !q, !c, !c
  return
}

// -----

!q = tensor<1x?x?xf32>
!c = tensor<1x2x?x18xi8>
func.func @dynamic_head(%q: !q, %c: !c, %len: tensor<1xi32>, %total: tensor<i32>) {
  // expected-error @+1 {{a cache of codes needs a query of rank 3 whose last dimension gives heads of a positive, static size (C3)}}
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total : !q, !q, !q, !c, !c, tensor<1xi32>, tensor<i32>) outs(%q, %c, %c : !q, !c, !c)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64, cache_group = 16 : i64} -> !q, !c, !c
  return
}

// -----

// 16 codes of 4 bits and the scales of two groups are 12 bytes.
!q = tensor<1x?x32xf32>
!c = tensor<1x2x?x10xi8>
func.func @line(%q: !q, %c: !c, %len: tensor<1xi32>, %total: tensor<i32>) {
  // expected-error @+1 {{a line of past_key is 10, but must be 12 (C1)}}
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total : !q, !q, !q, !c, !c, tensor<1xi32>, tensor<i32>) outs(%q, %c, %c : !q, !c, !c)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 4 : i64, cache_group = 8 : i64} -> !q, !c, !c
  return
}

// -----

!q = tensor<1x?x32xf32>
!c = tensor<1x2x?x16xi8>
func.func @scales_of_channels(%q: !q, %c: !c, %len: tensor<1xi32>, %total: tensor<i32>, %s: tensor<16xf32>) {
  // expected-error @+1 {{kv_heads*H of k_scale is 16, but must be 32 (C1)}}
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total, %s, %s : !q, !q, !q, !c, !c, tensor<1xi32>, tensor<i32>, tensor<16xf32>, tensor<16xf32>) outs(%q, %c, %c : !q, !c, !c)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64} -> !q, !c, !c
  return
}

// -----

!q = tensor<1x?x32xf32>
!c = tensor<1x2x?x16xf32>
func.func @floats_for_codes(%q: !q, %c: !c, %len: tensor<1xi32>, %total: tensor<i32>, %s: tensor<32xf32>) {
  // expected-error @+1 {{past_key must be B x kv_heads x P x a line x 'i8', but is 'tensor<1x2x?x16xf32>' (C1)}}
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total, %s, %s : !q, !q, !q, !c, !c, tensor<1xi32>, tensor<i32>, tensor<32xf32>, tensor<32xf32>) outs(%q, %c, %c : !q, !c, !c)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64} -> !q, !c, !c
  return
}
