// RUN: lutra-opt %s --split-input-file --verify-diagnostics

func.func @precompute_c1(%a: tensor<?x?xf32>, %e: tensor<?x1x64xi8>, %s: tensor<?x1xf32>) {
  // expected-error @+1 {{activations must be a matrix of f32 whose K is static, but are 'tensor<?x?xf32>' (C1)}}
  %t:3 = lut.precompute ins(%a : tensor<?x?xf32>) outs(%e, %s, %s : tensor<?x1x64xi8>, tensor<?x1xf32>, tensor<?x1xf32>)
      {group = 16 : i64} -> tensor<?x1x64xi8>, tensor<?x1xf32>, tensor<?x1xf32>
  return
}

// -----

func.func @precompute_c2_entries(%a: tensor<?x16xf32>, %e: tensor<?x1x32xi8>, %s: tensor<?x1xf32>) {
  // expected-error @+1 {{entries must be ?x1x64 of 'i8' or 'i16' or 'f16' or 'f32', but is 'tensor<?x1x32xi8>' (C2)}}
  %t:3 = lut.precompute ins(%a : tensor<?x16xf32>) outs(%e, %s, %s : tensor<?x1x32xi8>, tensor<?x1xf32>, tensor<?x1xf32>)
      {group = 16 : i64} -> tensor<?x1x32xi8>, tensor<?x1xf32>, tensor<?x1xf32>
  return
}

// -----

func.func @precompute_c2_sums(%a: memref<2x16xf32>, %e: memref<2x1x64xi8>, %s: memref<2x1xf32>, %z: memref<3x1xf32>) {
  // expected-error @+1 {{sums must be 2x1 of 'f32', but is 'memref<3x1xf32>' (C2)}}
  lut.precompute ins(%a : memref<2x16xf32>) outs(%e, %s, %z : memref<2x1x64xi8>, memref<2x1xf32>, memref<3x1xf32>)
      {group = 16 : i64}
  return
}

// -----

func.func @precompute_c3(%a: memref<2x16xf32>, %e: memref<2x1x64xi8>, %s: memref<2x1xf32>) {
  // expected-error @+1 {{group must be positive and at most 2147483647, but is 0 (C3)}}
  lut.precompute ins(%a : memref<2x16xf32>) outs(%e, %s, %s : memref<2x1x64xi8>, memref<2x1xf32>, memref<2x1xf32>)
      {group = 0 : i64}
  return
}

// -----

func.func @precompute_c4_mixed(%a: memref<2x16xf32>, %e: tensor<2x1x64xi8>, %s: memref<2x1xf32>) {
  // expected-error @+1 {{operands must be all tensors or all buffers (C4)}}
  lut.precompute ins(%a : memref<2x16xf32>) outs(%e, %s, %s : tensor<2x1x64xi8>, memref<2x1xf32>, memref<2x1xf32>)
      {group = 16 : i64}
  return
}

// -----

func.func @precompute_c4_results(%a: tensor<2x16xf32>, %e: tensor<2x1x64xi8>, %s: tensor<2x1xf32>) {
  // expected-error @+1 {{on tensors there must be 3 results, but there are 0 (C4)}}
  lut.precompute ins(%a : tensor<2x16xf32>) outs(%e, %s, %s : tensor<2x1x64xi8>, tensor<2x1xf32>, tensor<2x1xf32>)
      {group = 16 : i64}
  return
}

// -----

func.func @matmul_c1_unpacked(%e: memref<2x1x64xi8>, %s: memref<2x1xf32>, %w: memref<640xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{weight must be packed bit planes, but is '!lowbit.weight<8x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.000000e+00 : f32>>' (C1)}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x64xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<640xi8>)
      outs(%o : memref<2x8xf32>) {weight = !lowbit.weight<8x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>>}
  return
}

// -----

!W = !lowbit.weight<8x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @matmul_c1_bytes(%e: memref<2x1x64xi8>, %s: memref<2x1xf32>, %w: memref<639xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{weights must be 640 of 'i8', but is 'memref<639xi8>' (C1)}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x64xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<639xi8>)
      outs(%o : memref<2x8xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<8x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @matmul_c2(%e: memref<2x2x64xi8>, %s: memref<2x1xf32>, %w: memref<640xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{entries must be 2x1x64 of 'i8' or 'i16' or 'f16' or 'f32', but is 'memref<2x2x64xi8>' (C2)}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x2x64xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<640xi8>)
      outs(%o : memref<2x8xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<8x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @matmul_c3(%e: memref<2x1x64xi8>, %s: memref<2x1xf32>, %w: memref<640xi8>, %o: memref<2x9xf32>) {
  // expected-error @+1 {{out must be 2x8 of 'f32', but is 'memref<2x9xf32>' (C3)}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x64xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<640xi8>)
      outs(%o : memref<2x9xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<1x400000, #lowbit.packed<#lowbit.bipolar<planes = 8, group = 400000, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @matmul_c5(%e: memref<1x1x1600000xi8>, %s: memref<1x1xf32>, %w: memref<25600128xi8>, %o: memref<1x1xf32>) {
  // expected-error @+1 {{a group of 400000 elements of 8 bits can sum to 3238500000, which leaves i32; split the groups (C5)}}
  lut.matmul ins(%e, %s, %s, %w : memref<1x1x1600000xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<25600128xi8>)
      outs(%o : memref<1x1xf32>) {weight = !W}
  return
}

// -----

func.func @lookup_c1(%t: vector<16xi8>, %i: vector<16xi32>) {
  // expected-error @+1 {{indices into a table of 'i8' must be i8, but are 'vector<16xi32>' (C1)}}
  %v = lut.lookup %t[%i] : vector<16xi8>, vector<16xi32>
  return
}

// -----

func.func @lookup_c1_entries(%t: vector<64xf32>, %i: vector<16xi32>) {
  // expected-error @+1 {{a table of 'f32' must have 16 entries, but is 'vector<64xf32>' (C1)}}
  %v = lut.lookup %t[%i] : vector<64xf32>, vector<16xi32>
  return
}

// -----

func.func @lookup_c2(%t: vector<16xi8>, %i: vector<16xi8>) {
  // expected-error @+1 {{result must be 'vector<16xi8>', but is 'vector<32xi8>' (C2)}}
  %v = "lut.lookup"(%t, %i) : (vector<16xi8>, vector<16xi8>) -> vector<32xi8>
  return
}

// -----

func.func @accumulate_c1_count(%v: vector<48xi8>, %a: vector<16xi32>) {
  // expected-error @+1 {{expected 2 or 4 weights, but found 3 (C1)}}
  %s = lut.accumulate %v into %a weights [1, 2, 4] : vector<48xi8>, vector<16xi32>
  return
}

// -----

func.func @accumulate_c1_range(%v: vector<64xi8>, %a: vector<16xi32>) {
  // expected-error @+1 {{weights must be 0 to 255, but one is 256 (C1)}}
  %s = lut.accumulate %v into %a weights [1, 2, 4, 256] : vector<64xi8>, vector<16xi32>
  return
}

// -----

func.func @accumulate_c2(%v: vector<64xi8>, %a: vector<16xi32>) {
  // expected-error @+1 {{with 2 weights a source of 'vector<64xi8>' needs an accumulator of 32 lanes of i16, but found 'vector<16xi32>' (C2)}}
  %s = lut.accumulate %v into %a weights [1, 2] : vector<64xi8>, vector<16xi32>
  return
}

// -----

func.func @accumulate_c3(%v: vector<64xi8>, %a: vector<32xi16>) {
  // expected-error @+1 {{the weighted sum of extreme lanes is -32768 and leaves the range of i16 (C3)}}
  %s = lut.accumulate %v into %a weights [128, 128] : vector<64xi8>, vector<32xi16>
  return
}

// -----

func.func @precompute_c1_scales(%a: memref<2x16xi8>, %e: memref<2x1x64xi16>, %s: memref<2x1xf32>) {
  // expected-error @+1 {{act_scales are what codes in i8 are worth, but the activations are 'memref<2x16xi8>' without them (C1)}}
  lut.precompute ins(%a : memref<2x16xi8>) outs(%e, %s, %s : memref<2x1x64xi16>, memref<2x1xf32>, memref<2x1xf32>) {group = 16 : i64}
  return
}

// -----

func.func @precompute_c1_codes(%a: memref<2x16xi8>, %e: memref<2x1x64xf16>, %s: memref<2x1xf32>) {
  // expected-error @+1 {{tables of codes have i8 or i16 entries and a scale per row or per group, but entries are 'memref<2x1x64xf16>' and scales 'memref<2x1xf32>' (C1)}}
  lut.precompute ins(%a, %s : memref<2x16xi8>, memref<2x1xf32>) outs(%e, %s, %s : memref<2x1x64xf16>, memref<2x1xf32>, memref<2x1xf32>)
      {group = 16 : i64}
  return
}

// -----

func.func @precompute_c2_scales(%a: memref<2x32xf32>, %e: memref<2x2x64xi8>, %s: memref<2x3xf32>, %z: memref<2x2xf32>) {
  // expected-error @+1 {{scales must be 2x2 of 'f32', but is 'memref<2x3xf32>' (C2)}}
  lut.precompute ins(%a : memref<2x32xf32>) outs(%e, %s, %z : memref<2x2x64xi8>, memref<2x3xf32>, memref<2x2xf32>) {group = 16 : i64}
  return
}

// -----

func.func @precompute_c2_float_scales(%a: memref<2x32xf32>, %e: memref<2x2x64xf16>, %s: memref<2x1xf32>, %z: memref<2x2xf32>) {
  // expected-error @+1 {{scales must be 2x2 of 'f32', but is 'memref<2x1xf32>' (C2)}}
  lut.precompute ins(%a : memref<2x32xf32>) outs(%e, %s, %z : memref<2x2x64xf16>, memref<2x1xf32>, memref<2x2xf32>) {group = 16 : i64}
  return
}

// -----

func.func @precompute_c2_dynamic_scales(%a: memref<2x32xf32>, %e: memref<2x2x64xi8>, %s: memref<2x?xf32>, %z: memref<2x2xf32>) {
  // expected-error @+1 {{scales must have a static number per row, which says what shares them, but is 'memref<2x?xf32>' (C2)}}
  lut.precompute ins(%a : memref<2x32xf32>) outs(%e, %s, %z : memref<2x2x64xi8>, memref<2x?xf32>, memref<2x2xf32>) {group = 16 : i64}
  return
}

// -----

func.func @fields(%s: vector<12xi8>) {
  // expected-error @+1 {{words of 64 bits need a multiple of 8 lanes, but found 'vector<12xi8>' (C1)}}
  %f = lut.fields %s at %s : vector<12xi8>
  return
}
