// RUN: not lutra-opt %s --convert-lut-to-lmma='array-m=17' 2>&1 | FileCheck %s --check-prefix=ROWS
// ROWS: error: the LUT tensor core has arrays of m 1 to 16 and n a multiple of 4 up to 256, but found m17n64
// RUN: not lutra-opt %s --convert-lut-to-lmma='array-n=30' 2>&1 | FileCheck %s --check-prefix=COLUMNS
// COLUMNS: error: the LUT tensor core has arrays of m 1 to 16 and n a multiple of 4 up to 256, but found m2n30
// RUN: not lutra-opt %s --convert-lut-to-lmma='array-n=32' 2>&1 | FileCheck %s --check-prefix=LAYOUT
// LAYOUT: error: 'lut.matmul' op the LUT tensor core reads the layout rows = 32, symmetric = true, but found {{.*}}; run lowbit-pack-weights{rows=32 symmetric=true}

!w = !lowbit.weight<64x8, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>
func.func @product(%e: memref<2x1x32xi8>, %s: memref<2x1xf32>, %z: memref<2x1xf32>, %w: memref<192xi8>, %o: memref<2x64xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<2x1x32xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<192xi8>)
      outs(%o : memref<2x64xf32>) {weight = !w}
  return
}
