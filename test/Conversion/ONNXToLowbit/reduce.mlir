// Reductions take their axes as an input or an attribute.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x8xi64>
// CHECK: %[[Y:.*]] = linalg.generic {{.*}}["parallel", "reduction"]{{.*}} ins(%[[X]] : tensor<?x8xi64>)
// CHECK: arith.addi
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0, 1]] output_shape [%{{.*}}, 1]
func.func @main(%x: tensor<?x8xi64> {onnx.name = "x", onnx.dims = ["n", "8"]}) -> (tensor<?x1xi64> {onnx.name = "y", onnx.dims = ["n", "1"]}) {
  %axes = onnx.constant "axes" dense<[-1]> : tensor<1xi64>
  %y = onnx.node "ReduceSum" "/sum" (%x, %axes) {domain = "", node_attrs = {keepdims = 1 : i64}, version = 21 : i64}
      : (tensor<?x8xi64>, tensor<1xi64>) -> tensor<?x1xi64>
  return %y : tensor<?x1xi64>
}

// -----

// CHECK-LABEL: func.func @main
// Floats are summed in f64; the mean is rounded once.
// CHECK: ["reduction", "parallel"]
// CHECK: arith.extf
// CHECK: arith.addf {{.*}} fastmath<reassoc> : f64
// CHECK: arith.divf %{{.*}}, %cst{{.*}} : f64
// CHECK: arith.truncf %{{.*}} : f64 to f32
func.func @main(%x: tensor<4x?xf32> {onnx.name = "x", onnx.dims = ["4", "n"]}) -> (tensor<?xf32> {onnx.name = "y", onnx.dims = ["n"]}) {
  %y = onnx.node "ReduceMean" "/mean" (%x) {domain = "", node_attrs = {axes = array<i64: 0>, keepdims = 0 : i64}, version = 13 : i64}
      : (tensor<4x?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

// No axes and noop_with_empty_axes: the input itself, which is copied to the output.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:[^:]*]]: tensor<4xf32>
// CHECK-NEXT: bufferization.materialize_in_destination %[[X]] in restrict writable
func.func @main(%x: tensor<4xf32> {onnx.name = "x", onnx.dims = ["4"]}) -> (tensor<4xf32> {onnx.name = "y", onnx.dims = ["4"]}) {
  %y = onnx.node "ReduceMax" "/max" (%x) {domain = "", node_attrs = {noop_with_empty_axes = 1 : i64}, version = 20 : i64}
      : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
