// MatMulNBits keeps the model's bytes and becomes one product on a matrix; MatMul becomes loops.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[A:.*]]: tensor<?x?x32xf32>
// CHECK-DAG: %[[B:.*]] = tensor.dim %[[A]], %c0
// CHECK-DAG: %[[S:.*]] = tensor.dim %[[A]], %c1
// CHECK-DAG: %[[W:.*]] = lowbit.weight {codes = dense<17> : tensor<3x2x8xi8>, scales = dense<5.000000e-01> : tensor<3x2xf32>}
// CHECK-SAME: !lowbit.weight<3x32, #lowbit.uniform<bits = 4, group = 16>>
// CHECK-DAG: %[[FLAT:.*]] = tensor.collapse_shape %[[A]] {{\[\[}}0, 1], [2]] : tensor<?x?x32xf32> into tensor<?x32xf32>
// CHECK: %[[Y:.*]] = lowbit.matmul %[[FLAT]], %[[W]]
// CHECK: tensor.expand_shape %[[Y]] {{\[\[}}0, 1], [2]] output_shape [%[[B]], %[[S]], 3]
func.func @main(%a: tensor<?x?x32xf32> {onnx.name = "a", onnx.dims = ["b", "s", "32"]})
    -> (tensor<?x?x3xf32> {onnx.name = "y", onnx.dims = ["b", "s", "3"]}) {
  %b = onnx.constant "codes" dense<17> : tensor<3x2x8xui8>
  %s = onnx.constant "scales" dense<0.5> : tensor<3x2xf32>
  %y = onnx.node "MatMulNBits" "/mm" (%a, %b, %s) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {K = 32 : i64, N = 3 : i64, block_size = 16 : i64, accuracy_level = 4 : i64, weight_prepacked = 0 : i64}}
      : (tensor<?x?x32xf32>, tensor<3x2x8xui8>, tensor<3x2xf32>) -> tensor<?x?x3xf32>
  return %y : tensor<?x?x3xf32>
}

// -----

// Legacy flat scales and zero points; 3 groups of 4 bits take 2 bytes a row; K = 40 leaves the last group short.
// CHECK-LABEL: func.func @main
// CHECK: lowbit.weight {codes = dense<17> : tensor<2x3x8xi8>,
// CHECK-SAME: scales = dense<5.000000e-01> : tensor<2x3xf32>
// CHECK-SAME{LITERAL}: zeros = dense<[[1, 2, 3], [4, 5, 15]]> : tensor<2x3xi8>
// CHECK-SAME: !lowbit.weight<2x40, #lowbit.uniform<bits = 4, group = 16, zero = integer>>
func.func @main(%a: tensor<5x40xf32> {onnx.name = "a", onnx.dims = ["5", "40"]})
    -> (tensor<5x2xf32> {onnx.name = "y", onnx.dims = ["5", "2"]}) {
  %b = onnx.constant "codes" dense<17> : tensor<2x3x8xui8>
  %s = onnx.constant "scales" dense<0.5> : tensor<6xf32>
  %z = onnx.constant "zeros" dense<[0x21, 0xF3, 0x54, 0x0F]> : tensor<4xui8>
  %y = onnx.node "MatMulNBits" "/mm" (%a, %b, %s, %z) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {K = 40 : i64, N = 2 : i64, bits = 4 : i64, block_size = 16 : i64}}
      : (tensor<5x40xf32>, tensor<2x3x8xui8>, tensor<6xf32>, tensor<4xui8>) -> tensor<5x2xf32>
  return %y : tensor<5x2xf32>
}

// -----

// Two bits: packed zero points of 2 (the midpoint) are the default, and vanish. The bias is added after the product.
// CHECK-LABEL: func.func @main
// CHECK: %[[W:.*]] = lowbit.weight
// CHECK-NOT: zeros
// CHECK-SAME: !lowbit.weight<2x32, #lowbit.uniform<bits = 2, group = 16>>
// CHECK: %[[Y:.*]] = lowbit.matmul
// CHECK: linalg.generic {{.*}} ins(%[[Y]], %{{.*}} : tensor<5x2xf32>, tensor<2xf32>)
// CHECK: arith.addf
func.func @main(%a: tensor<5x32xf32> {onnx.name = "a", onnx.dims = ["5", "32"]})
    -> (tensor<5x2xf32> {onnx.name = "y", onnx.dims = ["5", "2"]}) {
  %b = onnx.constant "codes" dense<17> : tensor<2x2x4xui8>
  %s = onnx.constant "scales" dense<0.5> : tensor<2x2xf32>
  %z = onnx.constant "zeros" dense<[[0x0A], [0x0A]]> : tensor<2x1xui8>
  %bias = onnx.constant "bias" dense<[1.0, 2.0]> : tensor<2xf32>
  %none = onnx.none
  %y = onnx.node "MatMulNBits" "/mm" (%a, %b, %s, %z, %none, %bias) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {K = 32 : i64, N = 2 : i64, bits = 2 : i64, block_size = 16 : i64}}
      : (tensor<5x32xf32>, tensor<2x2x4xui8>, tensor<2x2xf32>, tensor<2x1xui8>, none, tensor<2xf32>) -> tensor<5x2xf32>
  return %y : tensor<5x2xf32>
}

// -----

// Float zero points stay as they are; a big tensor keeps its resource.
// CHECK-LABEL: func.func @main
// CHECK: lowbit.weight {codes = dense_resource<codes> : tensor<1x1x16xi8>
// CHECK-SAME: zeros = dense<7.250000e+00> : tensor<1x1xf32>
// CHECK-SAME: #lowbit.uniform<bits = 8, group = 16, zero = float>
func.func @main(%a: tensor<?x16xf32> {onnx.name = "a", onnx.dims = ["n", "16"]})
    -> (tensor<?x1xf32> {onnx.name = "y", onnx.dims = ["n", "1"]}) {
  %b = onnx.constant "codes" dense_resource<codes> : tensor<1x1x16xui8>
  %s = onnx.constant "scales" dense<0.5> : tensor<1x1xf32>
  %z = onnx.constant "zeros" dense<7.25> : tensor<1x1xf32>
  %y = onnx.node "MatMulNBits" "/mm" (%a, %b, %s, %z) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 1 : i64, bits = 8 : i64, block_size = 16 : i64}}
      : (tensor<?x16xf32>, tensor<1x1x16xui8>, tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

{-# dialect_resources: { builtin: { codes: "0x01000000000102030405060708090A0B0C0D0E0F" } } #-}

// -----

// A batch of 1 broadcasts; the summed sizes of different names are compared at run time.
// CHECK-DAG: #[[A:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-DAG: #[[B:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d2)>
// CHECK-LABEL: func.func @main
// CHECK: cf.assert %{{.*}}, "node '/mm' (MatMul): the sizes that the product sums over must agree"
// CHECK: linalg.generic {indexing_maps = [#[[A]], #[[B]], #{{.*}}], iterator_types = ["parallel", "parallel", "parallel", "reduction"]
func.func @main(%a: tensor<2x5x?xf32> {onnx.name = "a", onnx.dims = ["2", "5", "k"]},
                %b: tensor<1x?x7xf32> {onnx.name = "b", onnx.dims = ["1", "l", "7"]})
    -> (tensor<2x5x7xf32> {onnx.name = "y", onnx.dims = ["2", "5", "7"]}) {
  %y = onnx.node "MatMul" "/mm" (%a, %b) {domain = "", node_attrs = {}, version = 21 : i64}
      : (tensor<2x5x?xf32>, tensor<1x?x7xf32>) -> tensor<2x5x7xf32>
  return %y : tensor<2x5x7xf32>
}
