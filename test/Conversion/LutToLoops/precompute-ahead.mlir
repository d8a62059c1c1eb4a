// RUN: lutra-opt %s --convert-lut-to-loops --canonicalize --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops=reads-ahead --canonicalize --split-input-file | FileCheck %s --check-prefix=READS
// RUN: lutra-opt %s --convert-lut-to-loops=prefetch-bytes=0 --canonicalize --split-input-file | FileCheck %s --check-prefix=NONE

!W = !lowbit.weight<64x128, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 64, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// While the tables of a single row are made, the first weights of the product that reads them are asked for, a line for 2 tables in either pass; many rows
// have a function that does not.
// NONE-NOT: memref.prefetch
// CHECK-LABEL: func.func private @lut_precompute
// CHECK-NOT: memref.prefetch
// CHECK: return
// CHECK-LABEL: func.func private @lut_precompute
// CHECK-SAME: %[[W:arg4]]: memref<?xi8, {{.*}}>, %arg5: index, %arg6: index, %arg7: index
// CHECK-COUNT-8: memref.prefetch %[[W]][%{{.*}}], read, locality<2>, data
// CHECK: vector.reduction <maxui>
// CHECK-COUNT-8: memref.prefetch %[[W]][%{{.*}}], read, locality<2>, data
// CHECK-NOT: memref.prefetch
// CHECK: return
// CHECK-LABEL: func.func @product
// CHECK: scf.if
// CHECK:   call @[[ONE:.*]](%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %c1280, %c0, %c1)
// CHECK: } else {
// CHECK:   scf.parallel
// CHECK:     call @{{.*}}(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}})
func.func @product(%a: memref<?x128xf32>, %e: memref<?x2x256xi8>, %s: memref<?x2xf32>, %z: memref<?x2xf32>, %w: memref<1280xi8>, %o: memref<?x64xf32>) {
  lut.precompute ins(%a : memref<?x128xf32>) outs(%e, %s, %z : memref<?x2x256xi8>, memref<?x2xf32>, memref<?x2xf32>) {group = 64 : i64}
  lut.matmul ins(%e, %s, %z, %w : memref<?x2x256xi8>, memref<?x2xf32>, memref<?x2xf32>, memref<1280xi8>) outs(%o : memref<?x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x128, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 64, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Not of weights that are found after the tables.
// CHECK-LABEL: func.func private @lut_precompute
// CHECK-NOT: memref.prefetch
// CHECK: func.func private @weights
func.func private @weights() -> memref<1280xi8>
func.func @later(%a: memref<1x128xf32>, %e: memref<1x2x256xi8>, %s: memref<1x2xf32>, %z: memref<1x2xf32>, %o: memref<1x64xf32>) {
  lut.precompute ins(%a : memref<1x128xf32>) outs(%e, %s, %z : memref<1x2x256xi8>, memref<1x2xf32>, memref<1x2xf32>) {group = 64 : i64}
  %w = func.call @weights() : () -> memref<1280xi8>
  lut.matmul ins(%e, %s, %z, %w : memref<1x2x256xi8>, memref<1x2xf32>, memref<1x2xf32>, memref<1280xi8>) outs(%o : memref<1x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x4096, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 64, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Of many activations each asks for less: a line for 8 tables here, or for 4 where the machine reads ahead.
// READS-LABEL: func.func @later
// READS: func.func private @lut_precompute
// READS-COUNT-4: memref.prefetch
// READS-NOT: memref.prefetch
// READS: vector.reduction <maxui>
// CHECK-LABEL: func.func private @lut_precompute
// CHECK-COUNT-2: memref.prefetch
// CHECK-NOT: memref.prefetch
// CHECK: vector.reduction <maxui>
// CHECK-COUNT-2: memref.prefetch
// CHECK-NOT: memref.prefetch
// CHECK-LABEL: func.func @many
func.func @many(%a: memref<1x4096xf32>, %e: memref<1x64x256xi8>, %s: memref<1x64xf32>, %z: memref<1x64xf32>, %w: memref<40960xi8>, %o: memref<1x64xf32>) {
  lut.precompute ins(%a : memref<1x4096xf32>) outs(%e, %s, %z : memref<1x64x256xi8>, memref<1x64xf32>, memref<1x64xf32>) {group = 64 : i64}
  lut.matmul ins(%e, %s, %z, %w : memref<1x64x256xi8>, memref<1x64xf32>, memref<1x64xf32>, memref<40960xi8>) outs(%o : memref<1x64xf32>) {weight = !W}
  return
}
