// RUN: lutra-opt %s --split-input-file --verify-diagnostics | FileCheck %s

#packed = #lowbit.packed<#lowbit.bipolar<planes = 2, group = 16, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>

// Six tables of three for 16 columns. A tile has 240 bytes of codes and 128 of alphas for each group.
// CHECK-LABEL: func @ternary
func.func @ternary(%a: memref<2x24xf32>, %e: memref<2x2x96xi8>, %s: memref<2x2xf32>, %z: memref<2x2xf32>, %w: memref<736xi8>, %o: memref<2x8xf32>) {
  // CHECK: lut.precompute ins(%{{.*}} : memref<2x24xf32>) outs({{.*}}) {group = 16 : i64, width = 3 : i64}
  lut.precompute ins(%a : memref<2x24xf32>) outs(%e, %s, %z : memref<2x2x96xi8>, memref<2x2xf32>, memref<2x2xf32>) {group = 16 : i64, width = 3 : i64}
  // CHECK: lut.matmul
  lut.matmul ins(%e, %s, %z, %w : memref<2x2x96xi8>, memref<2x2xf32>, memref<2x2xf32>, memref<736xi8>) outs(%o : memref<2x8xf32>)
      {weight = !lowbit.weight<8x24, #packed>}
  return
}

// -----

func.func @precompute_c5(%a: memref<2x24xf32>, %e: memref<2x2x96xi8>, %s: memref<2x2xf32>) {
  // expected-error @+1 {{width must be 4 or 3, but is 2 (C5)}}
  lut.precompute ins(%a : memref<2x24xf32>) outs(%e, %s, %s : memref<2x2x96xi8>, memref<2x2xf32>, memref<2x2xf32>) {group = 16 : i64, width = 2 : i64}
  return
}

// -----

func.func @precompute_c5_element(%a: memref<2x24xf32>, %e: memref<2x2x96xi16>, %s: memref<2x2xf32>) {
  // expected-error @+1 {{tables of three are of f32, have i8 entries and a scale per group or row, and are not symmetric, but entries are}}
  lut.precompute ins(%a : memref<2x24xf32>) outs(%e, %s, %s : memref<2x2x96xi16>, memref<2x2xf32>, memref<2x2xf32>) {group = 16 : i64, width = 3 : i64}
  return
}

// -----

func.func @matmul_c2(%e: memref<2x2x64xi8>, %s: memref<2x2xf32>, %w: memref<736xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{entries must be 2x2x96 of 'i8' or 'i16' or 'f16' or 'f32', but is 'memref<2x2x64xi8>' (C2)}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x2x64xi8>, memref<2x2xf32>, memref<2x2xf32>, memref<736xi8>) outs(%o : memref<2x8xf32>)
      {weight = !lowbit.weight<8x24, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 16, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>>}
  return
}

// -----

func.func @matmul_c2_element(%e: memref<2x2x96xf32>, %s: memref<2x2xf32>, %w: memref<736xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{tables of three have i8 entries and a scale per group or row, but entries are 'memref<2x2x96xf32>'}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x2x96xf32>, memref<2x2xf32>, memref<2x2xf32>, memref<736xi8>) outs(%o : memref<2x8xf32>)
      {weight = !lowbit.weight<8x24, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 16, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>>}
  return
}

// -----

func.func @dense(%a: memref<2x24xf32>, %w: memref<736xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{reads codes, but the weight is packed for tables of three activations; pack it without lookup_triples (C1)}}
  lut.dense_matmul ins(%a, %w : memref<2x24xf32>, memref<736xi8>) outs(%o : memref<2x8xf32>)
      {weight = !lowbit.weight<8x24, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 16, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>>}
  return
}
