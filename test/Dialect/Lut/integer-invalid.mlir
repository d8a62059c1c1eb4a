// RUN: lutra-opt %s --split-input-file --verify-diagnostics

func.func @prepare_c1(%q: memref<2x16xf32>, %a: memref<2x1xf32>, %p: memref<1x2x16xi8>, %b: memref<1x2xi32>, %s: memref<1x2xf32>) {
  // expected-error @+1 {{codes must be a matrix of i8 whose K is static, but are 'memref<2x16xf32>' (C1)}}
  lut.prepare_codes ins(%q, %a : memref<2x16xf32>, memref<2x1xf32>)
      outs(%p, %b, %s, %s : memref<1x2x16xi8>, memref<1x2xi32>, memref<1x2xf32>, memref<1x2xf32>) {group = 16 : i64, factor = 15 : i64}
  return
}

// -----

func.func @prepare_c1_scales(%q: memref<2x32xi8>, %a: memref<2x3xf32>, %p: memref<2x2x16xi8>, %b: memref<2x2xi32>, %s: memref<2x2xf32>) {
  // expected-error @+1 {{act_scales must be 2x2 of 'f32', but is 'memref<2x3xf32>' (C1)}}
  lut.prepare_codes ins(%q, %a : memref<2x32xi8>, memref<2x3xf32>)
      outs(%p, %b, %s, %s : memref<2x2x16xi8>, memref<2x2xi32>, memref<2x2xf32>, memref<2x2xf32>) {group = 16 : i64, factor = 15 : i64}
  return
}

// -----

func.func @prepare_c2(%q: memref<2x10xi8>, %a: memref<2x1xf32>, %p: memref<1x2x10xi8>, %b: memref<1x2xi32>, %s: memref<1x2xf32>) {
  // expected-error @+1 {{padded must be 1x2x16 of 'i8', but is 'memref<1x2x10xi8>' (C2)}}
  lut.prepare_codes ins(%q, %a : memref<2x10xi8>, memref<2x1xf32>)
      outs(%p, %b, %s, %s : memref<1x2x10xi8>, memref<1x2xi32>, memref<1x2xf32>, memref<1x2xf32>) {group = 10 : i64, factor = 15 : i64}
  return
}

// -----

func.func @prepare_c3(%q: memref<2x16xi8>, %a: memref<2x1xf32>, %p: memref<1x2x16xi8>, %b: memref<1x2xi32>, %s: memref<1x2xf32>) {
  // expected-error @+1 {{factor must be 1 to 255, but is 256 (C3)}}
  lut.prepare_codes ins(%q, %a : memref<2x16xi8>, memref<2x1xf32>)
      outs(%p, %b, %s, %s : memref<1x2x16xi8>, memref<1x2xi32>, memref<1x2xf32>, memref<1x2xf32>) {group = 16 : i64, factor = 256 : i64}
  return
}

// -----

func.func @prepare_c3_range(%q: memref<2x16xi8>, %a: memref<2x1xf32>, %p: memref<1x2x131072xi8>, %b: memref<1x2xi32>, %s: memref<1x2xf32>) {
  // expected-error @+1 {{128 times factor 255 times group 131072 must fit an i32; split the groups (C3)}}
  lut.prepare_codes ins(%q, %a : memref<2x16xi8>, memref<2x1xf32>)
      outs(%p, %b, %s, %s : memref<1x2x131072xi8>, memref<1x2xi32>, memref<1x2xf32>, memref<1x2xf32>) {group = 131072 : i64, factor = 255 : i64}
  return
}

// -----

!W = !lowbit.weight<3x16, #lowbit.packed<#lowbit.bcq<planes = 2, group = 16>, #lowbit.layout<rows = 64, alpha = f16, zeta = f16>>>
func.func @matmul_c1(%p: memref<1x2x16xi8>, %b: memref<1x2xi32>, %s: memref<1x2xf32>, %w: memref<640xi8>, %o: memref<2x3xf32>) {
  // expected-error @+1 {{weight must be packed bipolar planes, but is '!lowbit.weight<3x16, #lowbit.packed<#lowbit.bcq<planes = 2, group = 16>}}
  lut.integer_matmul ins(%p, %b, %s, %s, %w : memref<1x2x16xi8>, memref<1x2xi32>, memref<1x2xf32>, memref<1x2xf32>, memref<640xi8>)
      outs(%o : memref<2x3xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<3x16, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @matmul_c2(%p: memref<1x2x16xi8>, %b: memref<1x3xi32>, %s: memref<1x2xf32>, %w: memref<384xi8>, %o: memref<2x3xf32>) {
  // expected-error @+1 {{bias must be 1x2 of 'i32', but is 'memref<1x3xi32>' (C2)}}
  lut.integer_matmul ins(%p, %b, %s, %s, %w : memref<1x2x16xi8>, memref<1x3xi32>, memref<1x2xf32>, memref<1x2xf32>, memref<384xi8>)
      outs(%o : memref<2x3xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<3x16, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @matmul_c3(%p: memref<1x2x16xi8>, %b: memref<1x2xi32>, %s: memref<1x2xf32>, %w: memref<384xi8>, %o: memref<2x4xf32>) {
  // expected-error @+1 {{out must be 2x3 of 'f32', but is 'memref<2x4xf32>' (C3)}}
  lut.integer_matmul ins(%p, %b, %s, %s, %w : memref<1x2x16xi8>, memref<1x2xi32>, memref<1x2xf32>, memref<1x2xf32>, memref<384xi8>)
      outs(%o : memref<2x4xf32>) {weight = !W}
  return
}

// -----

func.func @dot_c1(%w: vector<32xi8>, %acc: vector<16xi32>) -> vector<16xi32> {
  // expected-error @+1 {{weights and codes must have four lanes for each of the accumulator, but are 'vector<32xi8>' for 'vector<16xi32>' (C1)}}
  %s = lut.dot %w, %w into %acc {largest = 30 : i64} : vector<32xi8>, vector<16xi32>
  return %s : vector<16xi32>
}

// -----

func.func @dot_c2(%w: vector<64xi8>, %acc: vector<16xi32>) -> vector<16xi32> {
  // expected-error @+1 {{largest must be 1 to 255, but is 256 (C2)}}
  %s = lut.dot %w, %w into %acc {largest = 256 : i64} : vector<64xi8>, vector<16xi32>
  return %s : vector<16xi32>
}

// -----

func.func @dot_c1_short(%w: vector<64xi8>, %acc: vector<16xi16>) -> vector<16xi16> {
  // expected-error @+1 {{weights and codes must have two lanes for each of the accumulator, but are 'vector<64xi8>' for 'vector<16xi16>' (C1)}}
  %s = lut.dot %w, %w into %acc {largest = 30 : i64} : vector<64xi8>, vector<16xi16>
  return %s : vector<16xi16>
}

// -----

func.func @dot_c2_short(%w: vector<64xi8>, %acc: vector<32xi16>) -> vector<32xi16> {
  // expected-error @+1 {{largest must be 1 to 127 for lanes of 16 bits, but is 128 (C2)}}
  %s = lut.dot %w, %w into %acc {largest = 128 : i64} : vector<64xi8>, vector<32xi16>
  return %s : vector<32xi16>
}

// -----

func.func @quantize_c1(%a: memref<2x16xf16>, %q: memref<2x16xi8>, %s: memref<2x1xf32>) {
  // expected-error @+1 {{activations must be a matrix of f32 whose K is static, but are 'memref<2x16xf16>' (C1)}}
  lut.quantize ins(%a : memref<2x16xf16>) outs(%q, %s : memref<2x16xi8>, memref<2x1xf32>) {group = 16 : i64, bits = 8 : i64}
  return
}

// -----

func.func @quantize_c2(%a: memref<2x20xf32>, %q: memref<2x20xi8>, %s: memref<2x1xf32>) {
  // expected-error @+1 {{scales must be 2x2 of 'f32', but is 'memref<2x1xf32>' (C2)}}
  lut.quantize ins(%a : memref<2x20xf32>) outs(%q, %s : memref<2x20xi8>, memref<2x1xf32>) {group = 16 : i64, bits = 8 : i64}
  return
}

// -----

func.func @quantize_c3(%a: memref<2x16xf32>, %q: memref<2x16xi8>, %s: memref<2x1xf32>) {
  // expected-error @+1 {{bits must be 2 to 8, but is 9 (C3)}}
  lut.quantize ins(%a : memref<2x16xf32>) outs(%q, %s : memref<2x16xi8>, memref<2x1xf32>) {group = 16 : i64, bits = 9 : i64}
  return
}

// -----

func.func @quantize_c3_group(%a: memref<2x16xf32>, %q: memref<2x16xi8>, %s: memref<2x1xf32>) {
  // expected-error @+1 {{group must be positive, but is 0 (C3)}}
  lut.quantize ins(%a : memref<2x16xf32>) outs(%q, %s : memref<2x16xi8>, memref<2x1xf32>) {group = 0 : i64, bits = 8 : i64}
  return
}

// -----

func.func @quantize_c4(%a: tensor<2x16xf32>, %q: memref<2x16xi8>, %s: memref<2x1xf32>) {
  // expected-error @+1 {{operands must be all tensors or all buffers (C4)}}
  lut.quantize ins(%a : tensor<2x16xf32>) outs(%q, %s : memref<2x16xi8>, memref<2x1xf32>) {group = 16 : i64, bits = 8 : i64}
  return
}
