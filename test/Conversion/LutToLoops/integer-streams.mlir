// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=32 --canonicalize > %t
// RUN: FileCheck %s < %t
// RUN: lutra-opt %s --convert-lut-to-loops="accumulator-bits=32 prefetch-bytes=2048 prefetch-level=2 reads-ahead=true" --canonicalize > %t.one
// RUN: FileCheck %s --check-prefix=ONE < %t.one
// RUN: FileCheck %s --check-prefix=AHEAD < %t.one
// RUN: FileCheck %s --check-prefix=SINGLE < %t.one
// RUN: lutra-opt %s --convert-lut-to-loops="accumulator-bits=32 prefetch-bytes=0" --canonicalize | FileCheck %s --check-prefix=NONE

!Codes = !lowbit.weight<1024x40, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Of sixteen tiles two are read side by side, eight times. A machine that reads ahead of a stream by itself has one after the other.
// CHECK-LABEL: func.func @few
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c8)
// ONE-LABEL: func.func @few
// ONE: scf.parallel (%{{.*}}) = (%c0) to (%c16)
// What is asked for is about a group ahead all the same; with nothing to be asked for, nothing is.
// AHEAD-LABEL: func.func private @lut_integer_few
// AHEAD: %[[PLACE:.*]] = arith.addi %{{.*}}, %c4096
// AHEAD-NEXT: memref.prefetch %{{.*}}[%[[PLACE]]]
// AHEAD-LABEL: func.func @few
// NONE-LABEL: func.func private @lut_integer_few
// NONE-NOT: memref.prefetch
// NONE-LABEL: func.func @few
func.func @few(%p: memref<2x5x32xi8>, %b: memref<2x5xi32>, %z: memref<2x5xf32>, %s: memref<2x5xf32>, %w: memref<36864xi8>, %o: memref<5x1024xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<2x5x32xi8>, memref<2x5xi32>, memref<2x5xf32>, memref<2x5xf32>, memref<36864xi8>)
      outs(%o : memref<5x1024xf32>) {weight = !Codes}
  return
}

!Triples = !lowbit.weight<1024x24, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 24, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, triples = true>>>

// Of triples it is so up to three rows; more share what they load of the activations between tiles. A row asks for what is near.
// CHECK-LABEL: func.func @one_row
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c8)
// SINGLE-LABEL: func.func private @lut_integer_single
// SINGLE: %[[PLACE:.*]] = arith.addi %{{.*}}, %c{{1024|1088}}
// SINGLE-NEXT: memref.prefetch %{{.*}}[%[[PLACE]]]
// ONE-LABEL: func.func @one_row
// ONE: scf.parallel (%{{.*}}) = (%c0) to (%c16)
func.func @one_row(%p: memref<1x1x24xi8>, %b: memref<1x1xi32>, %z: memref<1x1xf32>, %w: memref<7168xi8>, %o: memref<1x1024xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<1x1x24xi8>, memref<1x1xi32>, memref<1x1xf32>, memref<1x1xf32>, memref<7168xi8>)
      outs(%o : memref<1x1024xf32>) {weight = !Triples}
  return
}

// ONE-LABEL: func.func @four_rows
// ONE: scf.parallel (%{{.*}}) = (%c0) to (%c8)
func.func @four_rows(%p: memref<1x4x24xi8>, %b: memref<1x4xi32>, %z: memref<1x4xf32>, %w: memref<7168xi8>, %o: memref<4x1024xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<1x4x24xi8>, memref<1x4xi32>, memref<1x4xf32>, memref<1x4xf32>, memref<7168xi8>)
      outs(%o : memref<4x1024xf32>) {weight = !Triples}
  return
}

// ONE-LABEL: func.func @rows
// ONE: scf.if
// ONE: } else {
// ONE: %[[FEW:.*]] = arith.cmpi ule, %[[ROWS:.*]], %c12
// ONE: scf.if %[[FEW]]
// ONE: %[[WANTED:.*]] = arith.cmpi ule, %{{.*}}, %c3
// ONE: %[[ITEMS:.*]] = arith.select %[[WANTED]], %c16, %c8
// ONE: scf.parallel (%{{.*}}) = (%c0) to (%[[ITEMS]])
// ONE: func.call @lut_integer_few{{.*}}, %[[ITEMS]]) :
// ONE: } else {
func.func @rows(%p: memref<1x?x24xi8>, %b: memref<1x?xi32>, %z: memref<1x?xf32>, %w: memref<7168xi8>, %o: memref<?x1024xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<1x?x24xi8>, memref<1x?xi32>, memref<1x?xf32>, memref<1x?xf32>, memref<7168xi8>)
      outs(%o : memref<?x1024xf32>) {weight = !Triples}
  return
}
