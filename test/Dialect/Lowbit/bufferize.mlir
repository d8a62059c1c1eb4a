// lowbit.attention from tensors to buffers: outputs are written in place, and no output is copied first.
// RUN: lutra-opt %s --one-shot-bufferize=bufferize-function-boundaries --canonicalize | FileCheck %s

// CHECK-LABEL: func @attention
// CHECK-NOT: memref.alloc
// CHECK-NOT: memref.copy
// CHECK: lowbit.attention ins({{.*}}) outs(%{{.*}}, %[[PK:.*]], %[[PV:.*]] : memref<?x?x64xf32{{.*}}>, memref<?x2x?x16xf32{{.*}}>, memref<?x2x?x16xf32{{.*}}>)
// CHECK-SAME: window = -1 : i64}{{$}}
// CHECK-NOT: memref.copy
// CHECK: return
func.func @attention(%q: tensor<?x?x64xf32>, %kv: tensor<?x?x32xf32>, %past_key: tensor<?x2x?x16xf32>, %past_value: tensor<?x2x?x16xf32>,
    %len: tensor<?xi32>, %total: tensor<i32>, %o: memref<?x?x64xf32>, %pk: memref<?x2x?x16xf32>, %pv: memref<?x2x?x16xf32>) {
  %to = bufferization.to_tensor %o restrict writable : memref<?x?x64xf32> to tensor<?x?x64xf32>
  %tk = bufferization.to_tensor %pk restrict writable : memref<?x2x?x16xf32> to tensor<?x2x?x16xf32>
  %tv = bufferization.to_tensor %pv restrict writable : memref<?x2x?x16xf32> to tensor<?x2x?x16xf32>
  %r:3 = lowbit.attention ins(%q, %kv, %kv, %past_key, %past_value, %len, %total : tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>,
      tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?xi32>, tensor<i32>)
      outs(%to, %tk, %tv : tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>)
      {num_heads = 4 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
      -> tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>
  bufferization.materialize_in_destination %r#0 in restrict writable %o : (tensor<?x?x64xf32>, memref<?x?x64xf32>) -> ()
  bufferization.materialize_in_destination %r#1 in restrict writable %pk : (tensor<?x2x?x16xf32>, memref<?x2x?x16xf32>) -> ()
  bufferization.materialize_in_destination %r#2 in restrict writable %pv : (tensor<?x2x?x16xf32>, memref<?x2x?x16xf32>) -> ()
  return
}
