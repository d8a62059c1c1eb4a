// RUN: lutra-opt %s --convert-lut-to-loops --verify-diagnostics

// The LUT tensor core normalizes rows with their tables; loops have the norm apart.
func.func @norm(%x: memref<2x8xf32>, %w: memref<8xf32>, %e: memref<2x1x32xi8>, %s: memref<2x1xf32>, %z: memref<2x1xf32>) {
  // expected-error @+1 {{is for targets that make tables in kernels of their own, but found loops asked for; leave lut-fuse-norms out of the pipeline}}
  lut.norm_precompute ins(%x, %w : memref<2x8xf32>, memref<8xf32>) outs(%e, %s, %z : memref<2x1x32xi8>, memref<2x1xf32>, memref<2x1xf32>)
      {epsilon = 0.0009765625 : f32, group = 8 : i64}
  return
}
