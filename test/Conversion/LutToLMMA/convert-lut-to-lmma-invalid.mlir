// RUN: lutra-opt %s --convert-lut-to-lmma --split-input-file --verify-diagnostics

!w = !lowbit.weight<64x8, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @not_symmetric(%e: memref<1x1x32xi8>, %s: memref<1x1xf32>, %a: memref<1x1xf32>, %w: memref<256xi8>, %o: memref<1x64xf32>) {
  // expected-error@+1 {{the LUT tensor core reads the layout rows = 64, symmetric = true, but found #lowbit.layout<rows = 64, alpha = f16>; run lowbit-pack-weights{rows=64 symmetric=true}}}
  lut.matmul ins(%e, %s, %a, %w : memref<1x1x32xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<256xi8>)
      outs(%o : memref<1x64xf32>) {weight = !w}
  return
}

// -----

!w = !lowbit.weight<64x8, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>
func.func @tensors(%e: tensor<1x1x32xi8>, %s: tensor<1x1xf32>, %a: tensor<1x1xf32>, %w: tensor<256xi8>, %o: tensor<1x64xf32>) -> tensor<1x64xf32> {
  // expected-error@+1 {{expected buffers, but found 'tensor<1x1x32xi8>'; run one-shot-bufferize before}}
  %r = lut.matmul ins(%e, %s, %a, %w : tensor<1x1x32xi8>, tensor<1x1xf32>, tensor<1x1xf32>, tensor<256xi8>)
      outs(%o : tensor<1x64xf32>) {weight = !w} -> tensor<1x64xf32>
  return %r : tensor<1x64xf32>
}

// -----

func.func @norm_of_tensors(%x: tensor<1x8xf32>, %w: tensor<8xf32>, %e: tensor<1x1x32xf32>, %s: tensor<1x1xf32>) -> tensor<1x1xf32> {
  // expected-error@+1 {{expected buffers, but found 'tensor<1x8xf32>'; run one-shot-bufferize before}}
  %t:3 = lut.norm_precompute ins(%x, %w : tensor<1x8xf32>, tensor<8xf32>)
      outs(%e, %s, %s : tensor<1x1x32xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {epsilon = 0.0 : f32, group = 8 : i64}
      -> tensor<1x1x32xf32>, tensor<1x1xf32>, tensor<1x1xf32>
  return %t#2 : tensor<1x1xf32>
}

// -----

!w = !lowbit.weight<64x8, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>
func.func @stride(%e: memref<1x1x32xi8>, %s: memref<1x1xf32>, %a: memref<1x1xf32>, %w: memref<256xi8>, %o: memref<1x64xf32, strided<[128, 2]>>) {
  // expected-error@+1 {{expected a buffer with an innermost stride of 1, but found 'memref<1x64xf32, strided<[128, 2]>>'}}
  lut.matmul ins(%e, %s, %a, %w : memref<1x1x32xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<256xi8>)
      outs(%o : memref<1x64xf32, strided<[128, 2]>>) {weight = !w}
  return
}

// -----

!w = !lowbit.weight<64x2048, #lowbit.packed<#lowbit.bipolar<planes = 8, group = 2048, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>
func.func @sums_of_i16(%e: memref<1x1x8192xi16>, %s: memref<1x1xf32>, %a: memref<1x1xf32>, %w: memref<131200xi8>, %o: memref<1x64xf32>) {
  // expected-error@+1 {{the LUT tensor core sums i16 entries of 8 planes in 32 bits, for groups of at most 1024 elements, but found groups of 2048; use a scale per table, or smaller groups}}
  lut.matmul ins(%e, %s, %a, %w : memref<1x1x8192xi16>, memref<1x1xf32>, memref<1x1xf32>, memref<131200xi8>)
      outs(%o : memref<1x64xf32>) {weight = !w}
  return
}
