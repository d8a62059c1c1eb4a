// Caches of codes: a line is the head's codes and their scales.
// RUN: lutra-opt %s --lutra-narrow-cache=kind=i8 | FileCheck %s --check-prefixes=CHECK,I8
// RUN: lutra-opt %s --lutra-narrow-cache=kind=i4 | FileCheck %s --check-prefixes=CHECK,I4
// RUN: not lutra-opt %s --lutra-narrow-cache=kind=i2 2>&1 | FileCheck %s --check-prefix=REFUSED
// REFUSED: error: lutra-narrow-cache: option 'kind' is 'i2', expected f16, i8 or i4

// CHECK-LABEL: func.func @main
// I8-SAME: %[[PK:[a-z0-9]*]]: tensor<1x1x?x66xi8>, %[[PV:[a-z0-9]*]]: tensor<1x1x?x66xi8>
// I8-SAME: memref<1x1x?x66xi8>, %{{.*}}: memref<1x1x?x66xi8>
// I4-SAME: %[[PK:[a-z0-9]*]]: tensor<1x1x?x36xi8>, %[[PV:[a-z0-9]*]]: tensor<1x1x?x36xi8>
// I4-SAME: memref<1x1x?x36xi8>, %{{.*}}: memref<1x1x?x36xi8>
// CHECK: lowbit.attention ins(%{{.*}}, %{{.*}}, %{{.*}}, %[[PK]], %[[PV]]
// I8-SAME: cache_bits = 8 : i64, cache_group = 64 : i64
// I4-SAME: cache_bits = 4 : i64, cache_group = 32 : i64
// I8: materialize_in_destination %{{.*}} : (tensor<1x1x?x66xi8>, memref<1x1x?x66xi8>)
// I4: materialize_in_destination %{{.*}} : (tensor<1x1x?x36xi8>, memref<1x1x?x36xi8>)
func.func @main(%q: tensor<1x?x64xf32>, %pk: tensor<1x1x?x64xf32>, %pv: tensor<1x1x?x64xf32>, %len: tensor<1xi32>, %total: tensor<i32>, %t: index,
                %n: index, %k: memref<1x1x?x64xf32>, %v: memref<1x1x?x64xf32>) -> tensor<1x?x64xf32> {
  %e = tensor.empty(%t) : tensor<1x1x?x64xf32>
  %o = tensor.empty(%n) : tensor<1x?x64xf32>
  %r:3 = lowbit.attention ins(%q, %q, %q, %pk, %pv, %len, %total : tensor<1x?x64xf32>, tensor<1x?x64xf32>, tensor<1x?x64xf32>, tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>, tensor<1xi32>, tensor<i32>)
    outs(%o, %e, %e : tensor<1x?x64xf32>, tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
    -> tensor<1x?x64xf32>, tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>
  bufferization.materialize_in_destination %r#1 in restrict writable %k : (tensor<1x1x?x64xf32>, memref<1x1x?x64xf32>) -> ()
  bufferization.materialize_in_destination %r#2 in restrict writable %v : (tensor<1x1x?x64xf32>, memref<1x1x?x64xf32>) -> ()
  return %r#0 : tensor<1x?x64xf32>
}
