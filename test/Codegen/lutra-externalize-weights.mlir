// RUN: lutra-opt %s --allow-unregistered-dialect --lutra-externalize-weights | FileCheck %s

// A large constant becomes a view of the weights argument; equal ones share a place; a small or uniform one stays.

// CHECK: module attributes {lutra.weights = [
// CHECK-SAME: {name = "tensor", offset = 0 : i64, size = 80 : i64, value = dense<
// CHECK-SAME: {name = "tensor.1", offset = 128 : i64, size = 64 : i64, value = dense<
// CHECK-SAME: lutra.weights_size = 192 : i64
// CHECK: func.func @main(%[[W:.*]]: memref<?xi8>, %{{.*}}: memref<?xf32> {lutra.output})
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[V0:.*]] = memref.view %[[W]][%[[C0]]][] : memref<?xi8> to memref<20xf32>
// CHECK-DAG: %[[A:.*]] = bufferization.to_tensor %[[V0]] restrict : memref<20xf32> to tensor<20xf32>
// CHECK-DAG: memref.view %[[W]][%{{.*}}][] : memref<?xi8> to memref<8xi64>
// CHECK-DAG: arith.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK-DAG: arith.constant dense<3.000000e+00> : tensor<99xf32>
// CHECK: "test.use"(%[[A]], %[[A]],
func.func @main(%out: memref<?xf32> {lutra.output}) {
  %a = arith.constant dense<[1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15., 16., 17., 18., 19., 20.]> : tensor<20xf32>
  %b = arith.constant dense<[1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15., 16., 17., 18., 19., 20.]> : tensor<20xf32>
  %c = arith.constant dense<[1, 2, 3, 4, 5, 6, 7, 8]> : tensor<8xi64>
  %small = arith.constant dense<[1., 2.]> : tensor<2xf32>
  %splat = arith.constant dense<3.0> : tensor<99xf32>
  "test.use"(%a, %b, %c, %small, %splat) : (tensor<20xf32>, tensor<20xf32>, tensor<8xi64>, tensor<2xf32>, tensor<99xf32>) -> ()
  return
}
