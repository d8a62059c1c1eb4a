// @main takes its inputs and then one buffer per result; a node's name stays as its location.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// A declared dynamic size that the graph makes static is static; a result that is an input or a constant is copied.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x4xf32> {onnx.dims = ["n", "4"], onnx.name = "x"}
// CHECK-SAME: %[[Y:[^:]*]]: memref<?x4xf32, strided<[?, 1], offset: ?>> {lutra.output, onnx.dims = ["n", "4"], onnx.name = "y"}
// CHECK-SAME: %[[COPY:[^:]*]]: memref<?x4xf32, strided<[?, 1], offset: ?>> {lutra.output, onnx.dims = ["n", "4"], onnx.name = "copy"}
// CHECK-SAME: %[[C:[^:]*]]: memref<2xi8, strided<[1], offset: ?>> {lutra.output, onnx.dims = ["2"], onnx.name = "c", onnx.unsigned}
// CHECK-NOT: ->
// CHECK: %[[R:.*]] = linalg.generic
// CHECK: math.sqrt %{{.*}} : f32 loc("/sqrt")
// CHECK: bufferization.materialize_in_destination %[[R]] in restrict writable %[[Y]]
// CHECK: bufferization.materialize_in_destination %[[X]] in restrict writable %[[COPY]]
// CHECK: bufferization.materialize_in_destination %{{.*}} in restrict writable %[[C]]
// CHECK-NEXT: return
func.func @main(%x: tensor<?x4xf32> {onnx.name = "x", onnx.dims = ["n", "4"]})
    -> (tensor<?x?xf32> {onnx.name = "y", onnx.dims = ["sqrt_dim_0", "sqrt_dim_1"]},
        tensor<?x4xf32> {onnx.name = "copy", onnx.dims = ["n", "4"]}, tensor<2xui8> {onnx.name = "c", onnx.dims = ["2"]}) {
  %c = onnx.constant "c" dense<[1, 255]> : tensor<2xui8>
  %y = onnx.node "Sqrt" "/sqrt" (%x) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<?x4xf32>) -> tensor<?x?xf32> loc("/sqrt")
  return %y, %x, %c : tensor<?x?xf32>, tensor<?x4xf32>, tensor<2xui8>
}
