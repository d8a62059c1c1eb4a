// RUN: lutra-opt %s --convert-lut-to-loops --canonicalize --split-input-file | FileCheck %s

!W = !lowbit.weight<70x32, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Two tiles of 64 rows, 6 of the last one exist: of four planes, whose bytes are neighbours, it takes a vector of 16 rows instead of four.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: %[[WHOLE:.*]] = arith.divui %{{.*}}, %c64 : index
// CHECK: scf.for %[[TILE:.*]] = %{{.*}} to
// CHECK:   %[[ALL:.*]] = arith.cmpi ult, %[[TILE]], %[[WHOLE]]
// CHECK:   scf.if %[[ALL]] {
// CHECK:     scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK-COUNT-4: vector.store {{.*}} vector<16xf32>
// CHECK:   } else {
// CHECK:     scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>) {
// CHECK-NOT: vector.store
// CHECK:     vector.maskedstore
// CHECK-LABEL: func.func @four
func.func @four(%e: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<2304xi8>, %o: memref<1x70xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<2304xi8>)
      outs(%o : memref<1x70xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<70x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Of one plane a vector of codes has all 64 rows: the last tile is as the others, and only its stores differ.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK-NOT: iter_args({{.*}}) -> (vector<16xf32>) {
// CHECK: vector.maskedstore
// CHECK-LABEL: func.func @one
func.func @one(%e: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<768xi8>, %o: memref<1x70xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<768xi8>)
      outs(%o : memref<1x70xf32>) {weight = !W}
  return
}
