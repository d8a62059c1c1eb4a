// Caches of codes: what is stored, and what is read (docs/spec/numerics.md, "Quantized caches").
// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics

// One token after none, 8 bits. Keys 127 and 50.4: the scale is 1 (0x3c00: bytes 0, 60), the codes 127 and 50. Values 254 and -3: the scale is 2 (bytes 0, 64), -3/2 is a tie
// and rounds to -2, so the output reads -4.
func.func @scale_of_a_line() -> (tensor<1x1x2xf32>, tensor<1x1x1x4xi8>, tensor<1x1x1x4xi8>) {
  %q = arith.constant dense<1.0> : tensor<1x1x2xf32>
  %k = arith.constant dense<[[[127.0, 50.4]]]> : tensor<1x1x2xf32>
  %v = arith.constant dense<[[[254.0, -3.0]]]> : tensor<1x1x2xf32>
  %p = arith.constant dense<> : tensor<1x1x0x4xi8>
  %len = arith.constant dense<0> : tensor<1xi32>
  %total = arith.constant dense<1> : tensor<i32>
  %eo = tensor.empty() : tensor<1x1x2xf32>
  %ek = tensor.empty() : tensor<1x1x1x4xi8>
  %o:3 = lowbit.attention ins(%q, %k, %v, %p, %p, %len, %total : tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>,
      tensor<1x1x0x4xi8>, tensor<1x1x0x4xi8>, tensor<1xi32>, tensor<i32>)
      outs(%eo, %ek, %ek : tensor<1x1x2xf32>, tensor<1x1x1x4xi8>, tensor<1x1x1x4xi8>)
      {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64, cache_group = 2 : i64}
      -> tensor<1x1x2xf32>, tensor<1x1x1x4xi8>, tensor<1x1x1x4xi8>
  // expected-remark@below {{result 0: 'tensor<1x1x2xf32>' = [[[254, -4]]]}}
  // expected-remark@below {{result 1: 'tensor<1x1x1x4xi8>' = [[[[127, 50, 0, 60]]]]}}
  // expected-remark@below {{result 2: 'tensor<1x1x1x4xi8>' = [[[[127, -2, 0, 64]]]]}}
  return %o#0, %o#1, %o#2 : tensor<1x1x2xf32>, tensor<1x1x1x4xi8>, tensor<1x1x1x4xi8>
}

// 4 bits in groups of 2: 7 and -2 with scale 1 are 15 and 6 (bytes 0x6f), then zeros with scale 0 are 8 and 8 (0x88 is -120).
func.func @groups_of_a_line() -> (tensor<1x1x4xf32>, tensor<1x1x1x6xi8>) {
  %q = arith.constant dense<1.0> : tensor<1x1x4xf32>
  %v = arith.constant dense<[[[7.0, -2.0, 0.0, 0.0]]]> : tensor<1x1x4xf32>
  %p = arith.constant dense<> : tensor<1x1x0x6xi8>
  %len = arith.constant dense<0> : tensor<1xi32>
  %total = arith.constant dense<1> : tensor<i32>
  %eo = tensor.empty() : tensor<1x1x4xf32>
  %ek = tensor.empty() : tensor<1x1x1x6xi8>
  %o:3 = lowbit.attention ins(%q, %v, %v, %p, %p, %len, %total : tensor<1x1x4xf32>, tensor<1x1x4xf32>, tensor<1x1x4xf32>,
      tensor<1x1x0x6xi8>, tensor<1x1x0x6xi8>, tensor<1xi32>, tensor<i32>)
      outs(%eo, %ek, %ek : tensor<1x1x4xf32>, tensor<1x1x1x6xi8>, tensor<1x1x1x6xi8>)
      {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 4 : i64, cache_group = 2 : i64}
      -> tensor<1x1x4xf32>, tensor<1x1x1x6xi8>, tensor<1x1x1x6xi8>
  // expected-remark@below {{result 0: 'tensor<1x1x4xf32>' = [[[7, -2, 0, 0]]]}}
  // expected-remark@below {{result 1: 'tensor<1x1x1x6xi8>' = [[[[111, -120, 0, 60, 0, 0]]]]}}
  return %o#0, %o#1 : tensor<1x1x4xf32>, tensor<1x1x1x6xi8>
}

// Given scales: -9/1 is clamped to -8 in 4 bits, 3/2 is a tie and rounds to 2.
func.func @scales_of_channels() -> (tensor<1x1x2xf32>, tensor<1x1x1x1xi8>) {
  %q = arith.constant dense<1.0> : tensor<1x1x2xf32>
  %v = arith.constant dense<[[[-9.0, 3.0]]]> : tensor<1x1x2xf32>
  %s = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %p = arith.constant dense<> : tensor<1x1x0x1xi8>
  %len = arith.constant dense<0> : tensor<1xi32>
  %total = arith.constant dense<1> : tensor<i32>
  %eo = tensor.empty() : tensor<1x1x2xf32>
  %ek = tensor.empty() : tensor<1x1x1x1xi8>
  %o:3 = lowbit.attention ins(%q, %v, %v, %p, %p, %len, %total, %s, %s : tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>,
      tensor<1x1x0x1xi8>, tensor<1x1x0x1xi8>, tensor<1xi32>, tensor<i32>, tensor<2xf32>, tensor<2xf32>)
      outs(%eo, %ek, %ek : tensor<1x1x2xf32>, tensor<1x1x1x1xi8>, tensor<1x1x1x1xi8>)
      {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 4 : i64}
      -> tensor<1x1x2xf32>, tensor<1x1x1x1xi8>, tensor<1x1x1x1xi8>
  // expected-remark@below {{result 0: 'tensor<1x1x2xf32>' = [[[-8, 4]]]}}
  // expected-remark@below {{result 1: 'tensor<1x1x1x1xi8>' = [[[[-96]]]]}}
  return %o#0, %o#1 : tensor<1x1x2xf32>, tensor<1x1x1x1xi8>
}
