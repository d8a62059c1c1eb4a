// Broadcasting, run-time checks of sizes, casts and integers that are sizes.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --canonicalize | FileCheck %s

// Static 1s broadcast by the map; a splat is a scalar in the body.
// CHECK-DAG: #[[FULL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[COLUMN:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[A:[^:]*]]: tensor<?x1xf32>
// CHECK-NOT: cf.assert
// CHECK: tensor.collapse_shape %[[A]]
// CHECK: linalg.generic {indexing_maps = [#[[COLUMN]], #[[FULL]], #[[FULL]]]
// CHECK: arith.addf
// CHECK: linalg.generic {indexing_maps = [#[[FULL]], #[[FULL]]]
// CHECK: arith.mulf %{{.*}}, %cst
func.func @main(%a: tensor<?x1xf32> {onnx.name = "a", onnx.dims = ["n", "1"]}, %b: tensor<?x8xf32> {onnx.name = "b", onnx.dims = ["n", "8"]})
    -> (tensor<?x8xf32> {onnx.name = "y", onnx.dims = ["n", "8"]}) {
  %two = onnx.constant "two" dense<2.0> : tensor<f32>
  %s = onnx.node "Add" "/add" (%a, %b) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<?x1xf32>, tensor<?x8xf32>) -> !onnx.value
  %y = onnx.node "Mul" "/mul" (%s, %two) {domain = "", node_attrs = {}, version = 21 : i64} : (!onnx.value, tensor<f32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: %[[SAME:.*]] = arith.cmpi eq, %{{.*}}, %{{.*}} : index
// CHECK: cf.assert %[[SAME]], "node '/div' (Div): sizes of the operands along dimension 0 (neither of them is 1) must agree"
// CHECK: arith.divsi
func.func @main(%a: tensor<?xi64> {onnx.name = "a", onnx.dims = ["n"]}, %b: tensor<?xi64> {onnx.name = "b", onnx.dims = ["m"]})
    -> (tensor<?xi64> {onnx.name = "y", onnx.dims = ["n"]}) {
  %y = onnx.node "Div" "/div" (%a, %b) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<?xi64>, tensor<?xi64>) -> tensor<?xi64>
  return %y : tensor<?xi64>
}

// -----

// uint8 is signless here, but is still extended with zeros.
// CHECK-LABEL: func.func @main
// CHECK-SAME: tensor<4xi8> {{{.*}}onnx.unsigned}
// CHECK: arith.uitofp
func.func @main(%a: tensor<4xui8> {onnx.name = "a", onnx.dims = ["4"]}) -> (tensor<4xf32> {onnx.name = "y", onnx.dims = ["4"]}) {
  %y = onnx.node "Cast" "/cast" (%a) {domain = "", node_attrs = {to = 1 : i64}, version = 21 : i64} : (tensor<4xui8>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// 1 / (1 + exp(-x)).
// CHECK-LABEL: func.func @main
// CHECK: arith.negf
// CHECK-NEXT: math.exp
// CHECK-NEXT: arith.addf
// CHECK-NEXT: arith.divf
func.func @main(%a: tensor<4xf32> {onnx.name = "a", onnx.dims = ["4"]}) -> (tensor<4xf32> {onnx.name = "y", onnx.dims = ["4"]}) {
  %y = onnx.node "Sigmoid" "/act" (%a) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
