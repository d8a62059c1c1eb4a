// RUN: lutra-opt %s --lutra-narrow-cache | FileCheck %s

// The cache's arguments and results change their type; new tokens and the output stay f32.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x?x16xf32>, %[[PK:[^:]*]]: tensor<1x1x?x16xf16>, %[[PV:[^:]*]]: tensor<1x1x?x16xf16>
// CHECK-SAME: %[[K:[^:]*]]: memref<1x1x?x16xf16>, %[[V:[^:]*]]: memref<1x1x?x16xf16>
// CHECK: lowbit.attention ins(%[[Q]], %[[Q]], %[[Q]], %[[PK]], %[[PV]]
// CHECK-SAME: -> tensor<1x?x16xf32>, tensor<1x1x?x16xf16>, tensor<1x1x?x16xf16>
// CHECK: materialize_in_destination %{{.*}} in restrict writable %[[K]] : (tensor<1x1x?x16xf16>, memref<1x1x?x16xf16>)
func.func @main(%q: tensor<1x?x16xf32>, %pk: tensor<1x1x?x16xf32>, %pv: tensor<1x1x?x16xf32>, %len: tensor<1xi32>, %total: tensor<i32>, %t: index,
                %n: index, %k: memref<1x1x?x16xf32>, %v: memref<1x1x?x16xf32>) -> tensor<1x?x16xf32> {
  %e = tensor.empty(%t) : tensor<1x1x?x16xf32>
  %o = tensor.empty(%n) : tensor<1x?x16xf32>
  %r:3 = lowbit.attention ins(%q, %q, %q, %pk, %pv, %len, %total : tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1xi32>, tensor<i32>)
    outs(%o, %e, %e : tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
    -> tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>
  bufferization.materialize_in_destination %r#1 in restrict writable %k : (tensor<1x1x?x16xf32>, memref<1x1x?x16xf32>) -> ()
  bufferization.materialize_in_destination %r#2 in restrict writable %v : (tensor<1x1x?x16xf32>, memref<1x1x?x16xf32>) -> ()
  return %r#0 : tensor<1x?x16xf32>
}
