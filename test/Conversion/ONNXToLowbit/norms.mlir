// Norms are a reduction per row, its inverse root, and one elementwise product.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --canonicalize | FileCheck %s

// The residual sum is output 3; only the reduction may be reordered.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x?x64xf32>
// CHECK-SAME: %[[SKIP:[^:]*]]: tensor<?x?x64xf32>
// CHECK-SAME: %[[OUT:[^:]*]]: memref<?x?x64xf32, {{[^{]*}}{{{[^}]*}}onnx.name = "y"
// CHECK-SAME: %[[SUMOUT:[^:]*]]: memref<?x?x64xf32
// CHECK-NOT: cf.assert
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[SKIP]] :
// CHECK: %[[SQUARES:.*]] = linalg.generic {{.*}}["parallel", "parallel", "reduction"]{{.*}} ins(%[[SUM]] :
// CHECK: arith.mulf
// CHECK: arith.addf {{.*}} fastmath<reassoc> : f64
// CHECK: math.sqrt {{.*}} : f64
// CHECK: arith.truncf
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[SUM]], %{{.*}}, %{{.*}} : tensor<?x?x64xf32>, tensor<?x?xf32>, tensor<64xf32>)
// CHECK: bufferization.materialize_in_destination %[[Y]] in restrict writable %[[OUT]]
// CHECK: bufferization.materialize_in_destination %[[SUM]] in restrict writable %[[SUMOUT]]
func.func @main(%x: tensor<?x?x64xf32> {onnx.name = "x", onnx.dims = ["b", "s", "64"]},
                %skip: tensor<?x?x64xf32> {onnx.name = "skip", onnx.dims = ["b", "s", "64"]},
                %gamma: tensor<64xf32> {onnx.name = "gamma", onnx.dims = ["64"]})
    -> (tensor<?x?x64xf32> {onnx.name = "y", onnx.dims = ["b", "s", "64"]},
        tensor<?x?x64xf32> {onnx.name = "sum", onnx.dims = ["b", "s", "64"]}) {
  %y, %m, %i, %s = onnx.node "SkipSimplifiedLayerNormalization" "/norm" (%x, %skip, %gamma)
      {domain = "com.microsoft", version = 1 : i64, node_attrs = {epsilon = 1.0e-5 : f32}}
      : (tensor<?x?x64xf32>, tensor<?x?x64xf32>, tensor<64xf32>) -> (tensor<?x?x64xf32>, none, none, tensor<?x?x64xf32>)
  return %y, %s : tensor<?x?x64xf32>, tensor<?x?x64xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: ["parallel", "reduction"]
// CHECK: ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<2x8xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>)
func.func @main(%x: tensor<2x8xf32> {onnx.name = "x", onnx.dims = ["2", "8"]}, %p: tensor<8xf32> {onnx.name = "p", onnx.dims = ["8"]})
    -> (tensor<2x8xf32> {onnx.name = "y", onnx.dims = ["2", "8"]}) {
  %y = onnx.node "LayerNormalization" "/norm" (%x, %p, %p) {domain = "", version = 21 : i64, node_attrs = {axis = -1 : i64}}
      : (tensor<2x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}
