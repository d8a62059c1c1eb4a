// RUN: lutra-opt %s --convert-lut-to-loops="accumulator-bits=32 prefetch-bytes=512 prefetch-level=2 reads-ahead=true" --canonicalize | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=32 --canonicalize | FileCheck %s --check-prefix=ASKED

!Codes = !lowbit.weight<1024x40, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Up to four rows go through a group of one run of planes in the order of its bytes. A machine that reads ahead of streams by itself is asked for nothing then, and up
// to two rows have two tiles to read, of sixteen; with more than four, which read 32 weight rows after the others, it is asked.
// CHECK-LABEL: func.func private @lut_integer_few
// CHECK: case 1 {
// CHECK-NOT: memref.prefetch
// CHECK: case 5 {
// CHECK: memref.prefetch {{.*}}, read, locality<2>
// CHECK-LABEL: func.func @any
// CHECK: %[[FEW:.*]] = arith.cmpi ule, %{{.*}}, %c2 :
// CHECK: %[[ITEMS:.*]] = arith.select %[[FEW]], %c8, %c16
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%[[ITEMS]])
// ASKED-LABEL: func.func private @lut_integer_few
// ASKED: case 1 {
// ASKED: memref.prefetch {{.*}}, read, locality<3>
// ASKED: case 2 {
// ASKED-LABEL: func.func @any
// ASKED-NOT: arith.select
// ASKED: scf.parallel (%{{.*}}) = (%c0) to (%c8)
func.func @any(%p: memref<2x?x32xi8>, %b: memref<2x?xi32>, %z: memref<2x?xf32>, %s: memref<2x?xf32>, %w: memref<36864xi8>, %o: memref<?x1024xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<2x?x32xi8>, memref<2x?xi32>, memref<2x?xf32>, memref<2x?xf32>, memref<36864xi8>)
      outs(%o : memref<?x1024xf32>) {weight = !Codes}
  return
}
