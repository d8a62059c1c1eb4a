// GroupQueryAttention becomes one op on the cache.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --canonicalize | FileCheck %s

// Packed QKV is cut by views; the total length that a graph computes from the mask's shape is the mask's size. Checks of
// sizes come first.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[QKV:[^:]*]]: tensor<?x?x128xf32>
// CHECK-SAME: %[[MASK:[^:]*]]: tensor<?x?xi64>
// CHECK-SAME: %[[PK:[^:]*]]: tensor<?x2x?x16xf32>
// CHECK-SAME: %[[PV:[^:]*]]: tensor<?x2x?x16xf32>
// CHECK-SAME: %[[OUT:[^:]*]]: memref<?x?x64xf32
// CHECK-SAME: %[[OK:[^:]*]]: memref<?x2x?x16xf32{{.*}} {lutra.output, onnx.dims = ["b", "2", "total", "16"]
// CHECK-DAG: %[[TOTAL:.*]] = tensor.dim %[[MASK]], %c1
// CHECK-DAG: %[[S:.*]] = tensor.dim %[[QKV]], %c1
// CHECK-DAG: %[[B:.*]] = tensor.dim %[[QKV]], %c0
// CHECK-DAG: %[[P:.*]] = tensor.dim %[[PK]], %c2
// CHECK-DAG: %[[FITS:.*]] = arith.cmpi sle, %[[S]], %[[TOTAL]]
// CHECK-DAG: cf.assert %[[FITS]], "node '/attn' (com.microsoft.GroupQueryAttention): the new tokens must not be longer
// CHECK-DAG: %[[PAST:.*]] = arith.cmpi sle, %[[P]], %[[TOTAL]]
// CHECK-DAG: cf.assert %[[PAST]]
// CHECK: %[[Q:.*]] = tensor.extract_slice %[[QKV]][0, 0, 0] [%[[B]], %[[S]], 64]
// CHECK: %[[K:.*]] = tensor.extract_slice %[[QKV]][0, 0, 64] [%[[B]], %[[S]], 32]
// CHECK: %[[V:.*]] = tensor.extract_slice %[[QKV]][0, 0, 96] [%[[B]], %[[S]], 32]
// CHECK: %[[EK:.*]] = tensor.empty(%[[B]], %[[TOTAL]]) : tensor<?x2x?x16xf32>
// A present value that nobody takes has memory of its own.
// CHECK: %[[EV:.*]] = bufferization.alloc_tensor(%[[B]], %[[TOTAL]]) : tensor<?x2x?x16xf32>
// CHECK: %[[R:.*]]:3 = lowbit.attention ins(%[[Q]], %[[K]], %[[V]], %[[PK]], %[[PV]], %{{.*}} : {{.*}}tensor<?xi32>, tensor<i32>, tensor<128x8xf32>, tensor<128x8xf32>
// CHECK-SAME: outs(%{{[^,]*}}, %[[EK]], %[[EV]] :
// CHECK-SAME: {interleaved = false, kv_heads = 2 : i64, num_heads = 4 : i64, scale = 2.500000e-01 : f32, softcap = 0.000000e+00 : f32, window = -1 : i64}
// CHECK: bufferization.materialize_in_destination %[[R]]#0 in restrict writable %[[OUT]]
// CHECK: bufferization.materialize_in_destination %[[R]]#1 in restrict writable %[[OK]]
func.func @main(%qkv: tensor<?x?x128xf32> {onnx.name = "qkv", onnx.dims = ["b", "s", "128"]},
                %mask: tensor<?x?xi64> {onnx.name = "mask", onnx.dims = ["b", "total"]},
                %pk: tensor<?x2x?x16xf32> {onnx.name = "pk", onnx.dims = ["b", "2", "past", "16"]},
                %pv: tensor<?x2x?x16xf32> {onnx.name = "pv", onnx.dims = ["b", "2", "past", "16"]})
    -> (tensor<?x?x64xf32> {onnx.name = "y", onnx.dims = ["b", "s", "64"]},
        tensor<?x2x?x16xf32> {onnx.name = "k", onnx.dims = ["b", "2", "total", "16"]}) {
  %none = onnx.none
  %axis = onnx.constant "axis" dense<1> : tensor<1xi64>
  %one = onnx.constant "one" dense<1> : tensor<1xi64>
  %scalar = onnx.constant "scalar" dense<1> : tensor<i64>
  %cos = onnx.constant "cos" dense<1.0> : tensor<128x8xf32>
  %sum = onnx.node "ReduceSum" "/sum" (%mask, %axis) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<?x?xi64>, tensor<1xi64>) -> !onnx.value
  %less = onnx.node "Sub" "/sub" (%sum, %one) {domain = "", node_attrs = {}, version = 21 : i64} : (!onnx.value, tensor<1xi64>) -> !onnx.value
  %len = onnx.node "Cast" "/len" (%less) {domain = "", node_attrs = {to = 6 : i64}, version = 21 : i64} : (!onnx.value) -> !onnx.value
  %shape = onnx.node "Shape" "/shape" (%mask) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<?x?xi64>) -> !onnx.value
  %dim = onnx.node "Gather" "/dim" (%shape, %scalar) {domain = "", node_attrs = {axis = 0 : i64}, version = 21 : i64} : (!onnx.value, tensor<i64>) -> !onnx.value
  %total = onnx.node "Cast" "/total" (%dim) {domain = "", node_attrs = {to = 6 : i64}, version = 21 : i64} : (!onnx.value) -> !onnx.value
  %y, %k, %v = onnx.node "GroupQueryAttention" "/attn" (%qkv, %none, %none, %pk, %pv, %len, %total, %cos, %cos)
      {domain = "com.microsoft", version = 1 : i64, node_attrs = {do_rotary = 1 : i64, num_heads = 4 : i64, kv_num_heads = 2 : i64}}
      : (tensor<?x?x128xf32>, none, none, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, !onnx.value, !onnx.value,
         tensor<128x8xf32>, tensor<128x8xf32>) -> (tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, !onnx.value)
  return %y, %k : tensor<?x?x64xf32>, tensor<?x2x?x16xf32>
}

// -----

// Separate q, k, v, no past, no rotary; smooth softmax is a sink of 0; window, softcap and scale pass through.
// CHECK-LABEL: func.func @main
// CHECK: %[[SINK:.*]] = arith.constant dense<0.000000e+00> : tensor<4xf32>
// CHECK-DAG: %[[PAST:.*]] = tensor.empty() : tensor<1x2x0x16xf32>
// CHECK: lowbit.attention ins(%{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}}, %[[PAST]], %[[PAST]], {{.*}}%[[SINK]] :
// CHECK-SAME: scale = 1.250000e-01 : f32, softcap = 5.000000e+01 : f32, window = 4 : i64
func.func @main(%q: tensor<1x3x64xf32> {onnx.name = "q", onnx.dims = ["1", "3", "64"]},
                %k: tensor<1x3x32xf32> {onnx.name = "k", onnx.dims = ["1", "3", "32"]},
                %len: tensor<1xi32> {onnx.name = "len", onnx.dims = ["1"]})
    -> (tensor<1x3x64xf32> {onnx.name = "y", onnx.dims = ["1", "3", "64"]}) {
  %none = onnx.none
  %total = onnx.constant "total" dense<3> : tensor<i32>
  %y = onnx.node "GroupQueryAttention" "/attn" (%q, %k, %k, %none, %none, %len, %total)
      {domain = "com.microsoft", version = 1 : i64, node_attrs = {num_heads = 4 : i64, kv_num_heads = 2 : i64,
       scale = 0.125 : f32, softcap = 50.0 : f32, local_window_size = 4 : i64, smooth_softmax = 1 : i64}}
      : (tensor<1x3x64xf32>, tensor<1x3x32xf32>, tensor<1x3x32xf32>, none, none, tensor<1xi32>, tensor<i32>)
      -> tensor<1x3x64xf32>
  return %y : tensor<1x3x64xf32>
}
