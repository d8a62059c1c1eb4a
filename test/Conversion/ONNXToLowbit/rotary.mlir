// RotaryEmbedding turns each pair by the angle of its token's position; positions are checked once and clamped.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --canonicalize | FileCheck %s

// The pairs are 4 lanes apart; the 8 lanes after the first 8 of a head of 16 stay.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x?x64xf32>
// CHECK: cf.assert %{{.*}}, "node '/rope' (com.microsoft.RotaryEmbedding): a position is not within the rows of the cos and sin caches"
// CHECK: arith.minsi %{{.*}}, %c31_i64
// CHECK: %[[LANE:.*]] = arith.remui %{{.*}}, %c16
// CHECK: arith.cmpi ult, %[[LANE]], %c8
// CHECK: arith.addi %{{.*}}, %c4
// CHECK: arith.negf
func.func @main(%x: tensor<?x?x64xf32> {onnx.name = "x", onnx.dims = ["b", "s", "64"]},
                %ids: tensor<?x?xi64> {onnx.name = "ids", onnx.dims = ["b", "s"]},
                %cos: tensor<32x4xf32> {onnx.name = "cos", onnx.dims = ["32", "4"]},
                %sin: tensor<32x4xf32> {onnx.name = "sin", onnx.dims = ["32", "4"]})
    -> (tensor<?x?x64xf32> {onnx.name = "y", onnx.dims = ["b", "s", "64"]}) {
  %y = onnx.node "RotaryEmbedding" "/rope" (%x, %ids, %cos, %sin) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {num_heads = 4 : i64, rotary_embedding_dim = 8 : i64}}
      : (tensor<?x?x64xf32>, tensor<?x?xi64>, tensor<32x4xf32>, tensor<32x4xf32>) -> tensor<?x?x64xf32>
  return %y : tensor<?x?x64xf32>
}
