// RUN: lutra-opt %s --convert-lut-to-loops --verify-diagnostics

!W = !lowbit.weight<8x16, #lowbit.packed<#lowbit.bipolar<planes = 5, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, codebook = [4, 8]>>>
func.func @lookup(%e: memref<2x1x64xi16>, %s: memref<2x1xf32>, %w: memref<640xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{looks planes up, but the weight is stored as indices into a codebook; run lut-multiply-codes, or pack it with lowbit-pack-weights{codebooks=false}}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x64xi16>, memref<2x1xf32>, memref<2x1xf32>, memref<640xi8>)
      outs(%o : memref<2x8xf32>) {weight = !W}
  return
}
