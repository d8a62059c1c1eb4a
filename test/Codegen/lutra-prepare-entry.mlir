// RUN: lutra-opt %s --lutra-prepare-entry | FileCheck %s

// Inputs become buffers with a unit innermost stride; names and shapes are recorded for the manifest.

// CHECK: module attributes
// CHECK-SAME: lutra.inputs = [{dtype = "f32", name = "x", shape = ["n", 8]}, {dtype = "u8", name = "mask", shape = ["n"]}, {dtype = "i32", name = "in2", shape = []}]
// CHECK-SAME: lutra.outputs = [{dtype = "f32", name = "y", shape = ["n", 8]}]
// CHECK: func.func @main(%[[X:[^:]*]]: memref<?x8xf32, strided<[?, 1], offset: ?>>
// CHECK-SAME: %{{.*}}: memref<?xi8, strided<[1], offset: ?>> {{{.*}}}, %{{.*}}: memref<i32>
// CHECK: %[[T:.*]] = bufferization.to_tensor %[[X]] restrict :
// CHECK: bufferization.materialize_in_destination %[[T]]
func.func @main(%x: tensor<?x8xf32> {onnx.name = "x", onnx.dims = ["n", "8"]},
                %mask: tensor<?xi8> {onnx.name = "mask", onnx.dims = ["n"], onnx.unsigned}, %s: tensor<i32>,
                %y: memref<?x8xf32, strided<[?, 1], offset: ?>> {onnx.name = "y", onnx.dims = ["n", "8"], lutra.output}) {
  bufferization.materialize_in_destination %x in restrict writable %y : (tensor<?x8xf32>, memref<?x8xf32, strided<[?, 1], offset: ?>>) -> ()
  return
}
