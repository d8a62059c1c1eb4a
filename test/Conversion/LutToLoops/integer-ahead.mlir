// RUN: lutra-opt %s --split-input-file --convert-lut-to-loops="accumulator-bits=32 prefetch-bytes=512 prefetch-level=2 reads-ahead=true" --canonicalize | FileCheck %s
// RUN: lutra-opt %s --split-input-file --convert-lut-to-loops=accumulator-bits=32 --canonicalize | FileCheck %s --check-prefix=NEAR

!Bytes = !lowbit.weight<64x128, #lowbit.packed<#lowbit.bipolar<planes = 8, group = 128, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// The two runs of a group of 8 planes are read side by side: half a group ahead of the first one is where the second one is. A machine without prefetches of its own has
// its requests where its first cache keeps them.
// CHECK-LABEL: func.func private @lut_integer_few
// CHECK: case 1 {
// CHECK: %[[PLACE:.*]] = arith.addi %{{.*}}, %c8320
// CHECK-NEXT: memref.prefetch %{{.*}}[%[[PLACE]]], read, locality<2>
// CHECK-LABEL: func.func @bytes
// NEAR-LABEL: func.func private @lut_integer_few
// NEAR: case 1 {
// NEAR: %[[PLACE:.*]] = arith.addi %{{.*}}, %c4096
// NEAR-NEXT: memref.prefetch %{{.*}}[%[[PLACE]]], read, locality<3>
// NEAR-LABEL: func.func @bytes
func.func @bytes(%p: memref<1x?x128xi8>, %b: memref<1x?xi32>, %z: memref<1x?xf32>, %w: memref<8320xi8>, %o: memref<?x64xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<1x?x128xi8>, memref<1x?xi32>, memref<1x?xf32>, memref<1x?xf32>, memref<8320xi8>)
      outs(%o : memref<?x64xf32>) {weight = !Bytes}
  return
}

// -----

!Words = !lowbit.weight<64x64, #lowbit.packed<#lowbit.bipolar<planes = 8, group = 64, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// The runs of a shorter group are asked for twice 4096 bytes ahead.
// CHECK-LABEL: func.func private @lut_integer_few
// CHECK: case 1 {
// CHECK: %[[PLACE:.*]] = arith.addi %{{.*}}, %c8192
// CHECK-NEXT: memref.prefetch %{{.*}}[%[[PLACE]]], read, locality<2>
// CHECK-LABEL: func.func @words
// NEAR-LABEL: func.func private @lut_integer_few
// NEAR: arith.addi %{{.*}}, %c4096
// NEAR-LABEL: func.func @words
func.func @words(%p: memref<1x?x64xi8>, %b: memref<1x?xi32>, %z: memref<1x?xf32>, %w: memref<4224xi8>, %o: memref<?x64xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<1x?x64xi8>, memref<1x?xi32>, memref<1x?xf32>, memref<1x?xf32>, memref<4224xi8>)
      outs(%o : memref<?x64xf32>) {weight = !Words}
  return
}
