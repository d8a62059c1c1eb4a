// RUN: lutra-opt %s --convert-lut-to-loops --split-input-file --verify-diagnostics

!W = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, triples = true>>>
func.func @lookup(%e: memref<2x1x128xi16>, %s: memref<2x1xf32>, %w: memref<576xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{looks planes up, but the weight is stored as triples; run lut-multiply-codes, or pack it with lowbit-pack-weights{triples=false}}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x128xi16>, memref<2x1xf32>, memref<2x1xf32>, memref<576xi8>)
      outs(%o : memref<2x8xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, triples = true>>>
func.func @dense(%a: memref<2x32xf32>, %w: memref<576xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{makes numbers of planes, but the weight is stored as triples; pack it with lowbit-pack-weights{triples=false}}}
  lut.dense_matmul ins(%a, %w : memref<2x32xf32>, memref<576xi8>) outs(%o : memref<2x8xf32>) {weight = !W}
  return
}
