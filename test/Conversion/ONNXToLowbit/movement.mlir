// Split and Slice are views, Concat fills a new tensor, Transpose permutes.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --canonicalize | FileCheck %s

// CHECK-DAG: #[[SWAP:.*]] = affine_map<(d0, d1, d2) -> (d1, d2, d0)>
// CHECK-LABEL: func.func @main
// CHECK: linalg.generic {indexing_maps = [#[[SWAP]], #{{.*}}]{{.*}} ins(%{{.*}} : tensor<?x5x7xf32>) outs(%{{.*}} : tensor<7x?x5xf32>)
func.func @main(%x: tensor<?x5x7xf32> {onnx.name = "x", onnx.dims = ["n", "5", "7"]})
    -> (tensor<7x?x5xf32> {onnx.name = "y", onnx.dims = ["7", "n", "5"]}) {
  %y = onnx.node "Transpose" "/transpose" (%x) {domain = "", node_attrs = {perm = array<i64: 2, 0, 1>}, version = 21 : i64}
      : (tensor<?x5x7xf32>) -> tensor<7x?x5xf32>
  return %y : tensor<7x?x5xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [%{{.*}}, 3] [1, 1]
// CHECK: tensor.extract_slice %{{.*}}[0, 3] [%{{.*}}, 5] [1, 1]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0] [%{{.*}}, 5] [1, 1]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 5] [%{{.*}}, 3] [1, 1]
func.func @main(%x: tensor<?x8xf32> {onnx.name = "x", onnx.dims = ["n", "8"]}) -> (tensor<?x8xf32> {onnx.name = "y", onnx.dims = ["n", "8"]}) {
  %split = onnx.constant "split" dense<[3, 5]> : tensor<2xi64>
  %a, %b = onnx.node "Split" "/split" (%x, %split) {domain = "", node_attrs = {axis = 1 : i64}, version = 21 : i64}
      : (tensor<?x8xf32>, tensor<2xi64>) -> (!onnx.value, !onnx.value)
  %y = onnx.node "Concat" "/concat" (%b, %a) {domain = "", node_attrs = {axis = -1 : i64}, version = 21 : i64}
      : (!onnx.value, !onnx.value) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// From the second to the last but one, every second; the axis is dynamic.
// CHECK-LABEL: func.func @main
// CHECK: tensor.extract_slice %{{.*}}[0, %{{.*}}] [4, %{{.*}}] [1, 2]
func.func @main(%x: tensor<4x?xf32> {onnx.name = "x", onnx.dims = ["4", "n"]}) -> (tensor<4x?xf32> {onnx.name = "y", onnx.dims = ["4", "m"]}) {
  %starts = onnx.constant "starts" dense<[1]> : tensor<1xi64>
  %ends = onnx.constant "ends" dense<[-1]> : tensor<1xi64>
  %axes = onnx.constant "axes" dense<[1]> : tensor<1xi64>
  %steps = onnx.constant "steps" dense<[2]> : tensor<1xi64>
  %y = onnx.node "Slice" "/slice" (%x, %starts, %ends, %axes, %steps) {domain = "", node_attrs = {}, version = 21 : i64}
      : (tensor<4x?xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4x?xf32>
  return %y : tensor<4x?xf32>
}
