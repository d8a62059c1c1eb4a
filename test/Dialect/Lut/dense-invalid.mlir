// RUN: lutra-opt %s --split-input-file --verify-diagnostics

!BCQ = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bcq<planes = 1, group = 32>, #lowbit.layout<rows = 64, alpha = f16, zeta = f16>>>
func.func @c1(%a: memref<2x32xf32>, %w: memref<512xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{weight must be packed bipolar planes, but is}}
  lut.dense_matmul ins(%a, %w : memref<2x32xf32>, memref<512xi8>) outs(%o : memref<2x8xf32>) {weight = !BCQ}
  return
}

// -----

!W = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @c1_bytes(%a: memref<2x32xf32>, %w: memref<100xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{weights must be 384 of 'i8', but is 'memref<100xi8>' (C1)}}
  lut.dense_matmul ins(%a, %w : memref<2x32xf32>, memref<100xi8>) outs(%o : memref<2x8xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @c2(%a: memref<2x31xf32>, %w: memref<384xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{activations must be 2x32 of 'f32', but is 'memref<2x31xf32>' (C2)}}
  lut.dense_matmul ins(%a, %w : memref<2x31xf32>, memref<384xi8>) outs(%o : memref<2x8xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @c3(%a: memref<2x32xf32>, %w: memref<384xi8>, %o: memref<3x8xf32>) {
  // expected-error @+1 {{out must be 2x8 of 'f32', but is 'memref<3x8xf32>' (C3)}}
  lut.dense_matmul ins(%a, %w : memref<2x32xf32>, memref<384xi8>) outs(%o : memref<3x8xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @c4(%a: tensor<2x32xf32>, %w: memref<384xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{operands must be all tensors or all buffers (C4)}}
  lut.dense_matmul ins(%a, %w : tensor<2x32xf32>, memref<384xi8>) outs(%o : memref<2x8xf32>) {weight = !W}
  return
}
