// RUN: lutra-opt %s --convert-lut-to-loops --canonicalize --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops=streams=1 --canonicalize --split-input-file | FileCheck %s --check-prefix=ONE

!W = !lowbit.weight<2112x32, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// 33 tiles in four streams of 9, 9, 9 and 6: item i is tiles i, i + 9, i + 18 and, where there is one, i + 27. A single row of activations
// takes four tiles at once: a table is loaded once, and looked up with the codes of each. The last three items take a tile after the other.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK-SAME: %[[FIRST:[a-z0-9]+]]: index, %[[LAST:[a-z0-9]+]]: index, %[[ROW:[a-z0-9]+]]: index, %[[END:[a-z0-9]+]]: index) {
// CHECK: %[[DISTANCE:.*]] = arith.divui %{{.*}}, %c4 : index
// CHECK: %[[SINGLE:.*]] = arith.cmpi eq, %{{.*}}, %c1 : index
// CHECK: scf.for %[[ITEM:.*]] = %[[FIRST]] to %[[LAST]] step %c1 {
// CHECK:   %[[SECOND:.*]] = arith.addi %[[ITEM]], %[[DISTANCE]]
// CHECK:   %[[THIRD:.*]] = arith.addi %[[SECOND]], %[[DISTANCE]]
// CHECK:   %[[FOURTH:.*]] = arith.addi %[[THIRD]], %[[DISTANCE]]
// CHECK:   %[[WHOLE:.*]] = arith.cmpi ult, %[[FOURTH]]
// CHECK:   %[[BOTH:.*]] = arith.andi %[[SINGLE]], %[[WHOLE]]
// CHECK:   scf.if %[[BOTH]] {
// CHECK:     scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xf32>(, vector<16xf32>){15}[)]}} {
// CHECK:       %[[TABLE:.*]] = vector.load %{{.*}} : memref<?x?x?xi8, {{.*}}>, vector<16xi8>
// CHECK:       vector.load %{{.*}} : memref<?x?x?xi8, {{.*}}>, vector<16xi8>
// CHECK:       memref.prefetch
// CHECK-COUNT-4: lut.lookup %[[TABLE]][
// CHECK:     vector.store
// CHECK:   } else {
// CHECK:     scf.for %{{.*}} = %[[ITEM]] to %{{.*}} step %[[DISTANCE]] {
// CHECK-LABEL: func.func @decode
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c9) step (%c1)
// ONE-LABEL: func.func private @lut_matmul
// ONE-NOT: scf.if
// ONE-LABEL: func.func @decode
// ONE: scf.parallel (%{{.*}}) = (%c0) to (%c33) step (%c1)
func.func @decode(%e: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<38016xi8>, %o: memref<1x2112xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<38016xi8>)
      outs(%o : memref<1x2112xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<1024x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// 16 tiles are enough for two streams of 8; with 5 rows of activations known there are none.
// CHECK-LABEL: func.func @few_tiles
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c8) step (%c1)
// CHECK-LABEL: func.func @rows
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c16) step (%c1)
// ONE-LABEL: func.func @rows
func.func @few_tiles(%e: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<6144xi8>, %o: memref<1x1024xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<6144xi8>)
      outs(%o : memref<1x1024xf32>) {weight = !W}
  return
}

func.func @rows(%e: memref<5x1x128xi8>, %s: memref<5x1xf32>, %z: memref<5x1xf32>, %w: memref<6144xi8>, %o: memref<5x1024xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<5x1x128xi8>, memref<5x1xf32>, memref<5x1xf32>, memref<6144xi8>)
      outs(%o : memref<5x1024xf32>) {weight = !W}
  return
}
