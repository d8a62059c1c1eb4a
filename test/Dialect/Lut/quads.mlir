// RUN: lutra-opt %s --split-input-file --verify-diagnostics | FileCheck %s

#packed = #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, quads = true>>

// CHECK-LABEL: func @one
// CHECK: lut.matmul
// CHECK-SAME: quads = true
func.func @one(%e: memref<2x1x128xi8>, %s: memref<2x1xf32>, %w: memref<384xi8>, %o: memref<2x8xf32>) {
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x128xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<384xi8>) outs(%o : memref<2x8xf32>) {weight = !lowbit.weight<8x32, #packed>}
  return
}

// Codes are multiplied; what becomes a product of codes looks up in tables of i16 before.
// CHECK-LABEL: func @codes
// CHECK: lut.matmul
// CHECK: lut.integer_matmul
func.func @codes(%e: memref<2x1x128xi16>, %s: memref<2x1xf32>, %p: memref<1x2x32xi8>, %b: memref<1x2xi32>, %z: memref<1x2xf32>, %w: memref<384xi8>, %o: memref<2x8xf32>) {
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x128xi16>, memref<2x1xf32>, memref<2x1xf32>, memref<384xi8>) outs(%o : memref<2x8xf32>) {weight = !lowbit.weight<8x32, #packed>}
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<1x2x32xi8>, memref<1x2xi32>, memref<1x2xf32>, memref<1x2xf32>, memref<384xi8>) outs(%o : memref<2x8xf32>) {weight = !lowbit.weight<8x32, #packed>}
  return
}

// -----

#packed = #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, quads = true>>
func.func @matmul_c2(%e: memref<2x1x128xf16>, %s: memref<2x1xf32>, %w: memref<384xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{quads are looked up in tables of i8 with a scale per group or row, or multiplied as codes whose tables are i16, but entries are 'memref<2x1x128xf16>' and scales 'memref<2x1xf32>'; pack the weight without quads (C2)}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x128xf16>, memref<2x1xf32>, memref<2x1xf32>, memref<384xi8>) outs(%o : memref<2x8xf32>) {weight = !lowbit.weight<8x32, #packed>}
  return
}

// -----

#packed = #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, quads = true>>
func.func @matmul_c2_scale(%e: memref<2x1x128xi8>, %s: memref<2x8xf32>, %z: memref<2x1xf32>, %w: memref<384xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{quads are looked up in tables of i8 with a scale per group or row, or multiplied as codes whose tables are i16, but entries are 'memref<2x1x128xi8>' and scales 'memref<2x8xf32>'}}
  lut.matmul ins(%e, %s, %z, %w : memref<2x1x128xi8>, memref<2x8xf32>, memref<2x1xf32>, memref<384xi8>) outs(%o : memref<2x8xf32>) {weight = !lowbit.weight<8x32, #packed>}
  return
}

// -----

#packed = #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, quads = true>>
func.func @dense_c1(%a: memref<1x32xf32>, %w: memref<384xi8>, %o: memref<1x8xf32>) {
  // expected-error @+1 {{reads codes, but the weight is packed for lookups in four tables at once; pack it without quads (C1)}}
  lut.dense_matmul ins(%a, %w : memref<1x32xf32>, memref<384xi8>) outs(%o : memref<1x8xf32>) {weight = !lowbit.weight<8x32, #packed>}
  return
}
