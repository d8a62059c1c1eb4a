// Gather checks all indices once and reads at clamped ones; GatherBlockQuantized dequantizes the rows that it reads.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[IDS:[^:]*]]: tensor<?x?xi64>
// CHECK-SAME: %[[TABLE:[^:]*]]: tensor<7x16xf32>
// CHECK: %[[OK:.*]] = linalg.generic {{.*}}["reduction", "reduction"]
// CHECK: arith.cmpi sge, %{{.*}}, %c-7_i64
// CHECK: arith.cmpi slt, %{{.*}}, %c7_i64
// CHECK: %[[BIT:.*]] = tensor.extract %[[OK]][] : tensor<i1>
// CHECK: cf.assert %[[BIT]], "node '/embed' (Gather): an index is out of range for axis 0 of 'data'"
// CHECK: arith.minsi
// CHECK: arith.maxsi
// CHECK: tensor.extract %[[TABLE]]
func.func @main(%ids: tensor<?x?xi64> {onnx.name = "ids", onnx.dims = ["b", "s"]},
                %w: tensor<7x16xf32> {onnx.name = "w", onnx.dims = ["7", "16"]})
    -> (tensor<?x?x16xf32> {onnx.name = "y", onnx.dims = ["b", "s", "16"]}) {
  %y = onnx.node "Gather" "/embed" (%w, %ids) {domain = "", node_attrs = {}, version = 21 : i64}
      : (tensor<7x16xf32>, tensor<?x?xi64>) -> tensor<?x?x16xf32>
  return %y : tensor<?x?x16xf32>
}

// -----

// An index out of range gives zeros, so there is no check; the zero point of 4-bit codes is 8 by default.
// CHECK-LABEL: func.func @main
// CHECK-NOT: cf.assert
// CHECK: linalg.generic
// CHECK: arith.shrui
// CHECK: arith.subi %{{.*}}, %c8_i32
// CHECK: arith.sitofp %{{.*}} : i32 to f32
// CHECK: arith.mulf
// CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
func.func @main(%ids: tensor<?xi64> {onnx.name = "ids", onnx.dims = ["n"]})
    -> (tensor<?x32xf32> {onnx.name = "y", onnx.dims = ["n", "32"]}) {
  %w = onnx.constant "w" dense<17> : tensor<7x16xui8>
  %s = onnx.constant "s" dense<0.5> : tensor<7x2xf32>
  %y = onnx.node "GatherBlockQuantized" "/embed" (%w, %ids, %s) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {bits = 4 : i64, block_size = 16 : i64, gather_axis = 0 : i64, quantize_axis = 1 : i64}}
      : (tensor<7x16xui8>, tensor<?xi64>, tensor<7x2xf32>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
