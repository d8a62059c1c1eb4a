// How the bytes of a weight are made is a tree of the ops that make it; what no op reads any more is gone.
// RUN: lutra-opt %s --lutra-externalize-weights | FileCheck %s

!u = !lowbit.weight<1x16, #lowbit.uniform<bits = 4, group = 16>>
!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 4, group = 16>, min_bits = 2>>
!planes = !lowbit.weight<2x16, #lowbit.bipolar<planes = 3, group = 16, zeta = -0.5 : f32>>
!both = !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
!packed = !lowbit.weight<2x16, #lowbit.packed<#lowbit.bipolar<planes = 3, group = 16, zeta = -0.5 : f32>, #lowbit.layout<rows = 64, alpha = f32>>>

// CHECK: module attributes {lutra.weights = [
// CHECK-SAME: pack = {of = [{of = [{components = {codes = dense<1> : tensor<2x1x8xi8>, scales = {{.*}}}, type = !lowbit.weight<2x16, #lowbit.nested<
// CHECK-SAME: op = "lowbit.truncate", type = !lowbit.weight<2x16, #lowbit.bipolar<planes = 3
// CHECK-SAME: op = "lowbit.pack", type = !lowbit.weight<2x16, #lowbit.packed<
// CHECK-SAME: size = 128 : i64
// CHECK-SAME: values = {attributes = {transposed}, of = [{of = [{components = {{.*}}}, {components = {{.*}}}], op = "lowbit.concat_rows", type =
// CHECK-SAME: op = "lowbit.dequantize", type = tensor<16x2xf32>}
// CHECK: func.func @main(%[[W:.*]]: memref<?xi8>, %{{.*}}: memref<640xi8>, %{{.*}}: memref<16x2xf32>)
// CHECK-NOT: lowbit.
// CHECK: memref.view %[[W]]{{.*}} to memref<640xi8>
// CHECK: memref.view %[[W]]{{.*}} to memref<16x2xf32>
func.func @main(%packed: memref<640xi8>, %values: memref<16x2xf32>) {
  %n = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>} : !nested
  %t = lowbit.truncate %n : !nested to !planes
  %q = lowbit.pack %t : !planes to !packed
  %b = lowbit.packed_data %q : !packed -> tensor<640xi8>
  %w0 = lowbit.weight {codes = dense<2> : tensor<1x1x8xi8>, scales = dense<0.5> : tensor<1x1xf32>} : !u
  %w1 = lowbit.weight {codes = dense<3> : tensor<1x1x8xi8>, scales = dense<0.5> : tensor<1x1xf32>} : !u
  %c = lowbit.concat_rows %w0, %w1 : !u, !u -> !both
  %v = lowbit.dequantize %c transposed : !both -> tensor<16x2xf32>
  bufferization.materialize_in_destination %b in restrict writable %packed : (tensor<640xi8>, memref<640xi8>) -> ()
  bufferization.materialize_in_destination %v in restrict writable %values : (tensor<16x2xf32>, memref<16x2xf32>) -> ()
  return
}
