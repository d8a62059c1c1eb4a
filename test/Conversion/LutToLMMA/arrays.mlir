// RUN: lutra-opt %s --convert-lut-to-lmma='array-m=4 array-n=32' | FileCheck %s

// An array of another shape: blocks of 4 rows, columns of 32, codes of 32 bytes for each pair of tables.
!w = !lowbit.weight<70x8, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 32, alpha = f16, symmetric = true>>>
// CHECK: lmma.kernel @lookup_matmul_70x8_i8_w2g8
// CHECK: lmma.for %[[N:.*]] = 0 to 3 step 1 {
// CHECK:   lmma.for %[[M:.*]] = 0 to rows(16) step 16 {
// CHECK:     lmma.load_table %{{.*}}[%[[M]], 0, 0]
// CHECK:     lmma.load_table %{{.*}}[%[[M]] + 4, 0, 0]
// CHECK:     lmma.load_weights %{{.*}}[%[[N]] * 128] pitch 32
// CHECK:     lmma.load_cols %{{.*}}[%[[N]] * 128 + 64] as f16
// CHECK:     lmma.mma {{.*}} bits 2 {m = 4 : i64, n = 32 : i64}
// CHECK:     lmma.store %{{.*}}, %{{.*}}[%[[M]] + 12, %[[N]] * 32]
// CHECK:   lmma.for %{{.*}} = rows(8) to rows(1) step 4 {
func.func @product(%e: memref<2x1x32xi8>, %s: memref<2x1xf32>, %z: memref<2x1xf32>, %w: memref<384xi8>, %o: memref<2x70xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<2x1x32xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<384xi8>)
      outs(%o : memref<2x70xf32>) {weight = !w}
  return
}
