// Attention over caches of codes: with scales in the lines, and with scales of channels after all optional inputs.
// RUN: lutra-opt %s | lutra-opt | FileCheck %s

!q = tensor<1x?x32xf32>
!lines = tensor<1x2x?x12xi8>
!codes = tensor<1x2x?x16xi8>
// CHECK-LABEL: func @lines
// CHECK: lowbit.attention ins(%{{[^:]*}}, %arg{{[0-9]}} : {{.*}}, tensor<1xi32>, tensor<i32>) outs
// CHECK-SAME: cache_bits = 4 : i64, cache_group = 8 : i64
func.func @lines(%q: !q, %c: !lines, %len: tensor<1xi32>, %total: tensor<i32>) -> !lines {
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total : !q, !q, !q, !lines, !lines, tensor<1xi32>, tensor<i32>) outs(%q, %c, %c : !q, !lines, !lines)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 4 : i64, cache_group = 8 : i64} -> !q, !lines, !lines
  return %o#1 : !lines
}

// CHECK-LABEL: func @channels
// CHECK: lowbit.attention ins({{.*}} : {{.*}}, tensor<i32>, tensor<2xf32>, tensor<32xf32>, tensor<32xf32>) outs
// CHECK-SAME: cache_bits = 8 : i64
func.func @channels(%q: !q, %c: !codes, %len: tensor<1xi32>, %total: tensor<i32>, %sink: tensor<2xf32>, %k: tensor<32xf32>) -> !codes {
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total, %sink, %k, %k : !q, !q, !q, !codes, !codes, tensor<1xi32>, tensor<i32>, tensor<2xf32>, tensor<32xf32>, tensor<32xf32>) outs(%q, %c, %c : !q, !codes, !codes)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64} -> !q, !codes, !codes
  return %o#1 : !codes
}
