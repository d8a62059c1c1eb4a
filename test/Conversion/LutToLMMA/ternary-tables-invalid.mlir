// RUN: not lutra-opt %s --convert-lut-to-lmma 2>&1 | FileCheck %s
// The LUT tensor core looks up in tables of four.
// CHECK: the LUT tensor core reads the layout rows = {{[0-9]+}}, symmetric = true, but found #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>

func.func @product(%e: memref<1x1x96xi8>, %s: memref<1x1xf32>, %w: memref<368xi8>, %o: memref<1x64xf32>) {
  lut.matmul ins(%e, %s, %s, %w : memref<1x1x96xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<368xi8>) outs(%o : memref<1x64xf32>)
      {weight = !lowbit.weight<64x16, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 16, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>>}
  return
}
