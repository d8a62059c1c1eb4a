// RUN: lutra-opt %s --convert-lut-to-loops="accumulator-bits=32 row-passes=2" --canonicalize > %t
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=KNOWN < %t
// RUN: not lutra-opt %s --convert-lut-to-loops=row-passes=0 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: row-passes must be positive, but is 0

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Up to 48 rows are multiplied in two passes over a tile, of as many rows each; activations and outputs are those from a pass's first row on.
// CHECK-LABEL: func.func private @lut_integer_few(
// CHECK: %[[ALL:.*]] = memref.dim %arg0, %c1
// CHECK: arith.ceildivui %[[ALL]], %c24
// CHECK: %[[PASSES:.*]] = arith.maxui
// CHECK: arith.ceildivui %[[ALL]], %[[PASSES]]
// CHECK: %[[LENGTH:.*]] = arith.maxui
// CHECK: scf.for %[[FIRST:.*]] = %c0 to %[[ALL]] step %[[LENGTH]] {
// CHECK: %[[LEFT:.*]] = arith.subi %[[ALL]], %[[FIRST]]
// CHECK: %[[COUNT:.*]] = arith.minui %[[LENGTH]], %[[LEFT]]
// CHECK: scf.index_switch %[[COUNT]]
// CHECK: case 2 {
// CHECK: %[[SECOND:.*]] = arith.addi %[[FIRST]], %c1
// CHECK: memref.load %arg1[%{{.*}}, %[[SECOND]]]
// CHECK: case 24 {
// CHECK: scf.for %[[ROW:.*]] = %c0 to %[[COUNT]]
// CHECK: %[[PLACE:.*]] = arith.addi %[[FIRST]], %[[ROW]]
// CHECK: vector.store {{.*}}, %arg5[%[[PLACE]], {{.*}}]
// CHECK-LABEL: func.func @open
// CHECK: arith.cmpi ule, %{{.*}}, %c48
func.func @open(%p: memref<1x?x32xi8>, %b: memref<1x?xi32>, %z: memref<1x?xf32>, %s: memref<1x?xf32>, %w: memref<1152xi8>, %o: memref<?x64xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<1x?x32xi8>, memref<1x?xi32>, memref<1x?xf32>, memref<1x?xf32>, memref<1152xi8>)
      outs(%o : memref<?x64xf32>) {weight = !W}
  return
}

// 29 rows are 15 and 14.
// KNOWN-LABEL: func.func private @lut_integer_few_0(
// KNOWN-COUNT-60: lut.dot
// KNOWN-NOT: lut.dot
// KNOWN: scf.for %{{.*}} = %c0 to %c14
// KNOWN-COUNT-56: lut.dot
// KNOWN-NOT: lut.dot
// KNOWN: return
func.func @known(%p: memref<1x29x32xi8>, %b: memref<1x29xi32>, %z: memref<1x29xf32>, %s: memref<1x29xf32>, %w: memref<1152xi8>, %o: memref<29x64xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<1x29x32xi8>, memref<1x29xi32>, memref<1x29xf32>, memref<1x29xf32>, memref<1152xi8>)
      outs(%o : memref<29x64xf32>) {weight = !W}
  return
}
