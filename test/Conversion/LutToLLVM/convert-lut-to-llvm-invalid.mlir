// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw --verify-diagnostics

func.func @structured(%a: memref<2x16xf32>, %e: memref<2x1x64xi8>, %s: memref<2x1xf32>) {
  // expected-error @+1 {{failed to legalize operation 'lut.precompute' that was explicitly marked illegal}}
  lut.precompute ins(%a : memref<2x16xf32>) outs(%e, %s, %s : memref<2x1x64xi8>, memref<2x1xf32>, memref<2x1xf32>) {group = 16 : i64}
  return
}
