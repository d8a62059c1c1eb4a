// RUN: lutra-opt %s --convert-lut-to-loops --verify-diagnostics

!W = !lowbit.weight<3x16, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 16, alpha = f16>>>
func.func @rows(%p: memref<1x2x16xi8>, %b: memref<1x2xi32>, %s: memref<1x2xf32>, %w: memref<96xi8>, %o: memref<2x3xf32>) {
  // expected-error @+1 {{loops are made for layouts of 64 rows with full indices}}
  lut.integer_matmul ins(%p, %b, %s, %s, %w : memref<1x2x16xi8>, memref<1x2xi32>, memref<1x2xf32>, memref<1x2xf32>, memref<96xi8>)
      outs(%o : memref<2x3xf32>) {weight = !W}
  return
}
