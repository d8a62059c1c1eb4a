// Sizes computed from Shape, Gather, Concat and integer arithmetic stay sizes; reshapes are views.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --canonicalize | FileCheck %s

// [b, s, 64] as [b, s, 4, 16], where the graph computes b and s and leaves 16 to -1.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x?x64xf32>
// CHECK-NOT: linalg
// CHECK-NOT: cf.assert
// CHECK: tensor.expand_shape %[[X]] {{\[\[}}0], [1], [2, 3]] output_shape [%{{.*}}, %{{.*}}, 4, 16]
func.func @main(%x: tensor<?x?x64xf32> {onnx.name = "x", onnx.dims = ["b", "s", "64"]})
    -> (tensor<?x?x4x16xf32> {onnx.name = "y", onnx.dims = ["b", "s", "4", "16"]}) {
  %tail = onnx.constant "tail" dense<[4, -1]> : tensor<2xi64>
  %one = onnx.constant "one" dense<[1]> : tensor<1xi64>
  %b = onnx.node "Shape" "/b" (%x) {domain = "", node_attrs = {end = 1 : i64}, version = 21 : i64} : (tensor<?x?x64xf32>) -> !onnx.value
  %all = onnx.node "Shape" "/all" (%x) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<?x?x64xf32>) -> !onnx.value
  %s = onnx.node "Gather" "/s" (%all, %one) {domain = "", node_attrs = {}, version = 21 : i64} : (!onnx.value, tensor<1xi64>) -> !onnx.value
  %s1 = onnx.node "Mul" "/mul" (%s, %one) {domain = "", node_attrs = {}, version = 21 : i64} : (!onnx.value, tensor<1xi64>) -> !onnx.value
  %shape = onnx.node "Concat" "/shape" (%b, %s1, %tail) {domain = "", node_attrs = {axis = 0 : i64}, version = 21 : i64} : (!onnx.value, !onnx.value, tensor<2xi64>) -> !onnx.value
  %y = onnx.node "Reshape" "/reshape" (%x, %shape) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<?x?x64xf32>, !onnx.value) -> tensor<?x?x4x16xf32>
  return %y : tensor<?x?x4x16xf32>
}

// -----

// 0 copies, -1 is what is left.
// CHECK-LABEL: func.func @main
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0], [1], [2, 3]] : tensor<?x?x4x16xf32> into tensor<?x?x64xf32>
func.func @main(%x: tensor<?x?x4x16xf32> {onnx.name = "x", onnx.dims = ["b", "s", "4", "16"]})
    -> (tensor<?x?x64xf32> {onnx.name = "y", onnx.dims = ["b", "s", "64"]}) {
  %shape = onnx.constant "shape" dense<[0, 0, -1]> : tensor<3xi64>
  %y = onnx.node "Reshape" "/reshape" (%x, %shape) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<?x?x4x16xf32>, tensor<3xi64>) -> tensor<?x?x64xf32>
  return %y : tensor<?x?x64xf32>
}

// -----

// A shape that is an input: its elements are read at run time, and the number of elements is checked.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:[^:]*]]: tensor<6xf32>
// CHECK-SAME: %[[SHAPE:[^:]*]]: tensor<2xi64>
// CHECK: tensor.extract %[[SHAPE]][%c0]
// CHECK: cf.assert %{{.*}}, "node '/reshape' (Reshape): the shape and the input must have as many elements"
// CHECK: tensor.expand_shape
func.func @main(%x: tensor<6xf32> {onnx.name = "x", onnx.dims = ["6"]}, %shape: tensor<2xi64> {onnx.name = "shape", onnx.dims = ["2"]})
    -> (tensor<?x?xf32> {onnx.name = "y", onnx.dims = ["n", "m"]}) {
  %y = onnx.node "Reshape" "/reshape" (%x, %shape) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<6xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2, 3]] output_shape [%{{.*}}, 1, 5, 1]
// CHECK: linalg.generic
func.func @main(%x: tensor<?x5xf32> {onnx.name = "x", onnx.dims = ["n", "5"]})
    -> (tensor<?x3x5x1xf32> {onnx.name = "y", onnx.dims = ["n", "3", "5", "1"]}) {
  %axes = onnx.constant "axes" dense<[1, -1]> : tensor<2xi64>
  %shape = onnx.constant "shape" dense<[3, 1, 1]> : tensor<3xi64>
  %u = onnx.node "Unsqueeze" "/unsqueeze" (%x, %axes) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<?x5xf32>, tensor<2xi64>) -> !onnx.value
  %y = onnx.node "Expand" "/expand" (%u, %shape) {domain = "", node_attrs = {}, version = 21 : i64} : (!onnx.value, tensor<3xi64>) -> tensor<?x3x5x1xf32>
  return %y : tensor<?x3x5x1xf32>
}
