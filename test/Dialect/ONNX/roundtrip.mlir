// The ops print as they were parsed, and again from their own output; equal constants and dead nodes go.
// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --mlir-print-op-generic | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --canonicalize | FileCheck %s --check-prefix=CANON

// CHECK-LABEL: func @main
// CHECK-SAME: onnx.dims = ["batch_size", "64"], onnx.name = "x"
// CANON-LABEL: func @main
func.func @main(%x: tensor<?x64xf32> {onnx.name = "x", onnx.dims = ["batch_size", "64"]}) -> (tensor<?x32xf32> {onnx.name = "y"}) {
  // CHECK: onnx.constant "scales" dense<5.000000e-01> : tensor<32x2xf32>
  %scales = onnx.constant "scales" dense<0.5> : tensor<32x2xf32>
  // CHECK: onnx.constant "codes" dense_resource<codes> : tensor<2x1x4xui8>
  %codes = onnx.constant "codes" dense_resource<codes> : tensor<2x1x4xui8>
  // CHECK: %[[NONE:.*]] = onnx.none
  %none = onnx.none
  // CHECK: %[[Q:.*]] = onnx.node "MatMulNBits" "/attn/q"(%{{.*}}, %{{.*}}, %{{.*}}, %[[NONE]])
  // CHECK-SAME: domain = "com.microsoft", node_attrs = {K = 64 : i64, N = 32 : i64, bits = 4 : i64, block_size = 32 : i64}, version = 1 : i64
  // CHECK-SAME: : (tensor<?x64xf32>, tensor<2x1x4xui8>, tensor<32x2xf32>, none) -> !onnx.value
  %q = onnx.node "MatMulNBits" "/attn/q"(%x, %codes, %scales, %none) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {K = 64 : i64, N = 32 : i64, bits = 4 : i64, block_size = 32 : i64}}
      : (tensor<?x64xf32>, tensor<2x1x4xui8>, tensor<32x2xf32>, none) -> !onnx.value
  // A node without a use is dead: nodes are pure.
  // CANON-NOT: "Neg"
  %dead = onnx.node "Neg" "/dead"(%x) {domain = "", version = 21 : i64, node_attrs = {}} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  // Two results, the second left out.
  // CHECK: onnx.node "SkipSimplifiedLayerNormalization" "/norm"(%[[Q]], %[[Q]]) {{.*}} : (!onnx.value, !onnx.value) -> (tensor<?x32xf32>, none)
  %y:2 = onnx.node "SkipSimplifiedLayerNormalization" "/norm"(%q, %q) {domain = "com.microsoft", version = 1 : i64, node_attrs = {epsilon = 1.0e-5 : f32}}
      : (!onnx.value, !onnx.value) -> (tensor<?x32xf32>, none)
  return %y#0 : tensor<?x32xf32>
}

{-#
  dialect_resources: {
    builtin: {
      codes: "0x010000000102030405060708"
    }
  }
#-}
