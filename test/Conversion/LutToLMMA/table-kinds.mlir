// RUN: lutra-opt %s --convert-lut-to-lmma --split-input-file | FileCheck %s

!w = !lowbit.weight<64x16, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 8, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>

// A scale per table: each table's sum is scaled before the next is added, from zeta asum.
// CHECK: lmma.kernel @lookup_matmul_64x16_i8_table_w2g8(%{{.*}}: memref<?x2x32xi8>, %[[S:.*]]: memref<?x4xf32>, %[[A:.*]]: memref<?x2xf32>
// CHECK: %[[ZETA:.*]] = lmma.set_cols -1.000000e+00
// CHECK: %[[S0:.*]] = lmma.load_rows %[[S]][%[[M:.*]], 0]
// CHECK: %[[S1:.*]] = lmma.load_rows %[[S]][%[[M]], 1]
// CHECK: %[[SUM:.*]] = lmma.load_rows %[[A]][%[[M]], 0]
// CHECK: lmma.load_rows %[[S]][%[[M]], 2]
// CHECK: %[[Z:.*]] = lmma.zero negative : <f32>
// CHECK: %[[U0:.*]] = lmma.fma_outer %[[Z]], %[[SUM]], %[[ZETA]]
// CHECK: %[[I0:.*]] = lmma.zero : <i32>
// CHECK: %[[T0:.*]] = lmma.mma %[[I0]], %{{.*}}[0], %{{.*}}[0, 0] bits 2
// CHECK: %[[U1:.*]] = lmma.fma_rows %[[U0]], %[[T0]], %[[S0]] : <i32>
// CHECK: %[[I1:.*]] = lmma.zero : <i32>
// CHECK: %[[T1:.*]] = lmma.mma %[[I1]], %{{.*}}[1], %{{.*}}[1, 0] bits 2
// CHECK: %[[U2:.*]] = lmma.fma_rows %[[U1]], %[[T1]], %[[S1]] : <i32>
// CHECK: lmma.fma_cols %{{.*}}, %[[U2]], %{{.*}}
func.func @per_table(%e: memref<2x2x32xi8>, %s: memref<2x4xf32>, %a: memref<2x2xf32>, %w: memref<512xi8>, %o: memref<2x64xf32>) {
  lut.matmul ins(%e, %s, %a, %w : memref<2x2x32xi8>, memref<2x4xf32>, memref<2x2xf32>, memref<512xi8>)
      outs(%o : memref<2x64xf32>) {weight = !w, tile = #lowbit.tile<m = 2, n = 64, k = 16>}
  return
}

// -----

!w = !lowbit.weight<64x16, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 8, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>

// A scale per row: every group reads the same one. Entries of 16 bits are summed like those of 8.
// CHECK: lmma.kernel @lookup_matmul_64x16_i16_row_w2g8(%{{.*}}: memref<?x2x32xi16>, %[[S:.*]]: memref<?x1xf32>,
// CHECK: lmma.load_table %{{.*}} : memref<?x2x32xi16> -> <2, i16>
// CHECK-COUNT-2: lmma.load_rows %[[S]][%{{.*}}, 0] : memref<?x1xf32>
// CHECK: lmma.mma {{.*}} bits 2 : <i32>, <2, i16>, <2, 2>
func.func @per_row(%e: memref<2x2x32xi16>, %s: memref<2x1xf32>, %a: memref<2x2xf32>, %w: memref<512xi8>, %o: memref<2x64xf32>) {
  lut.matmul ins(%e, %s, %a, %w : memref<2x2x32xi16>, memref<2x1xf32>, memref<2x2xf32>, memref<512xi8>)
      outs(%o : memref<2x64xf32>) {weight = !w, tile = #lowbit.tile<m = 2, n = 64, k = 16>}
  return
}

// -----

!w = !lowbit.weight<64x16, #lowbit.packed<#lowbit.bcq<planes = 2, group = 8>, #lowbit.layout<rows = 64, alpha = f16, zeta = f16, symmetric = true>>>

// f16 entries are summed in f32; with a scale per table, each plane of BCQ has a sum of its own.
// CHECK: lmma.kernel @lookup_matmul_64x16_f16_w2g8(
// CHECK: lmma.mma {{.*}}[0, 0] bits 1 : <f32>, <2, f16>, <2, 2>
// CHECK: lmma.kernel @lookup_matmul_64x16_i16_table_w2g8(
// CHECK: lmma.mma {{.*}}[0, 0] bits 1 : <i32>, <2, i16>, <2, 2>
// CHECK: lmma.mma {{.*}}[0, 1] bits 1 : <i32>, <2, i16>, <2, 2>
// CHECK-COUNT-2: lmma.fma_rows
// CHECK: lmma.fma_cols
// CHECK: lmma.fma_cols
// CHECK: lmma.fma_outer
func.func @bcq(%e: memref<2x2x32xf16>, %i: memref<2x2x32xi16>, %s: memref<2x2xf32>, %t: memref<2x4xf32>, %a: memref<2x2xf32>, %w: memref<1024xi8>,
               %o: memref<2x64xf32>) {
  lut.matmul ins(%e, %s, %a, %w : memref<2x2x32xf16>, memref<2x2xf32>, memref<2x2xf32>, memref<1024xi8>)
      outs(%o : memref<2x64xf32>) {weight = !w, tile = #lowbit.tile<m = 2, n = 64, k = 16>}
  lut.matmul ins(%i, %t, %a, %w : memref<2x2x32xi16>, memref<2x4xf32>, memref<2x2xf32>, memref<1024xi8>)
      outs(%o : memref<2x64xf32>) {weight = !w, tile = #lowbit.tile<m = 2, n = 64, k = 16>}
  return
}
