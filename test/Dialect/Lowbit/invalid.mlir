// What the verifiers refuse: one case per constraint of the ops, and of the attributes and types.
// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{bits must be 1 to 8, but is 9}}
func.func private @uniform_bits() attributes {lowbit.example = #lowbit.uniform<bits = 9, group = 32>}

// -----

// expected-error @+1 {{planes must be 1 to 8, but is 0}}
func.func private @bcq_planes() attributes {lowbit.example = #lowbit.bcq<planes = 0, group = 32>}

// -----

// expected-error @+1 {{group must be positive, but is 0}}
func.func private @group() attributes {lowbit.example = #lowbit.bipolar<planes = 1, group = 0>}

// -----

// expected-error @+1 {{zeta must be an f32, but is 'f64'}}
func.func private @zeta_type() attributes {lowbit.example = #lowbit.bipolar<planes = 1, group = 8, zeta = 1.0 : f64>}

// -----

// expected-error @+1 {{alpha must be f16 or f32, but is 'bf16'}}
func.func private @layout_alpha() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = bf16>}

// -----

// expected-error @+1 {{zeta must be i8, f16 or f32, but is 'i4'}}
func.func private @layout_zeta() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, zeta = i4>}

// -----

// expected-error @+1 {{rows must be positive, but is 0}}
func.func private @layout_rows() attributes {lowbit.example = #lowbit.layout<rows = 0, alpha = f16>}

// -----

// expected-error @+1 {{only #lowbit.bipolar and #lowbit.bcq weights are packed, but the format is #lowbit.uniform<bits = 4, group = 32>; reinterpret it first}}
func.func private @packed_uniform() attributes {lowbit.example = #lowbit.packed<#lowbit.uniform<bits = 4, group = 32>, #lowbit.layout<rows = 64, alpha = f16>>}

// -----

// expected-error @+1 {{the layout must say how zetas are stored}}
func.func private @packed_needs_zeta() attributes {lowbit.example = #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32>, #lowbit.layout<rows = 64, alpha = f16>>}

// -----

// expected-error @+1 {{the layout must not store zetas}}
func.func private @packed_constant_zeta() attributes {lowbit.example = #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>,
                                   #lowbit.layout<rows = 64, alpha = f16, zeta = i8>>}

// -----

// expected-error @+1 {{m, n and k must be positive, but are 1, 0 and 32}}
func.func private @tile() attributes {lowbit.example = #lowbit.tile<m = 1, n = 0, k = 32>}

// -----

// expected-error @+1 {{expected a weight format, such as #lowbit.uniform<...>, but found #lowbit.tile<m = 1, n = 1, k = 1>}}
func.func private @weight_format(!lowbit.weight<2x16, #lowbit.tile<m = 1, n = 1, k = 1>>)

// -----

// expected-error @+1 {{expected two dimensions, as in 131x264, but found 3}}
func.func private @weight_shape(!lowbit.weight<2x16x3, #lowbit.uniform<bits = 4, group = 32>>)

// -----

// expected-error @+1 {{a weight has at least one row and one column, but this one is 0x16}}
func.func private @weight_empty(!lowbit.weight<0x16, #lowbit.uniform<bits = 4, group = 32>>)

// -----

// expected-error @+1 {{element must be f32, f16, i16 or i8, but is 'i32'}}
func.func private @table_element(!lowbit.table<?x64, group = 32, element = i32>)

// -----

// expected-error @+1 {{a table's K must be static and positive}}
func.func private @table_cols(!lowbit.table<4x?, group = 32, element = i8>)

// -----

func.func @weight_c1_missing() {
  // expected-error @+1 {{'lowbit.weight' op (C1) needs the component 'scales' : 'tensor<2x1xf32>'}}
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>} : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
}

// -----

func.func @weight_c1_shape() {
  // expected-error @+1 {{(C1) component 'codes' must be elements of 'tensor<2x1x8xi8>', but is 'tensor<2x1x16xi8>'}}
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x16xi8>, scales = dense<0.5> : tensor<2x1xf32>}
      : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
}

// -----

func.func @weight_c1_not_elements() {
  // expected-error @+1 {{(C1) component 'scales' must be elements of 'tensor<2x1xf32>', but is 5.000000e-01 : f32}}
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = 0.5 : f32}
      : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
}

// -----

func.func @weight_c1_extra() {
  // expected-error @+1 {{(C1) component 'zeros' does not belong to this format}}
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>, zeros = dense<8> : tensor<2x1xi8>}
      : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
}

// -----

func.func @reinterpret_c1(%w: !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>) {
  // expected-error @+1 {{result must be a 2x16 weight as the operand is, but is 2x32 (C1)}}
  %p = lowbit.reinterpret %w : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
      to !lowbit.weight<2x32, #lowbit.bipolar<planes = 4, group = 16>>
}

// -----

func.func @reinterpret_c2_order(%w: !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16>>) {
  // expected-error @+1 {{expected formats in the order uniform or ternary, bipolar, bcq, but found #lowbit.bipolar<planes = 4, group = 16> to #lowbit.uniform<bits = 4, group = 16> (C2)}}
  %p = lowbit.reinterpret %w : !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16>>
      to !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
}

// -----

func.func @reinterpret_c2_group(%w: !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>) {
  // expected-error @+1 {{expected 4 bits in groups of 16 as the operand has, but the result has 4 in groups of 8 (C2)}}
  %p = lowbit.reinterpret %w : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
      to !lowbit.weight<2x16, #lowbit.bcq<planes = 4, group = 8>>
}

// -----

func.func @reinterpret_c3(%w: !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>) {
  // expected-error @+1 {{zeta of a weight whose zero point is the midpoint is -1, but the result states 1.000000e+00 : f32 (C3)}}
  %p = lowbit.reinterpret %w : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
      to !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = 1.0 : f32>>
}

// -----

func.func @pack_c1_not_packed(%w: !lowbit.weight<2x16, #lowbit.bcq<planes = 4, group = 16>>) {
  // expected-error @+1 {{result must be #lowbit.packed, but is #lowbit.bcq<planes = 4, group = 16> (C1)}}
  %p = lowbit.pack %w : !lowbit.weight<2x16, #lowbit.bcq<planes = 4, group = 16>> to !lowbit.weight<2x16, #lowbit.bcq<planes = 4, group = 16>>
}

// -----

func.func @pack_c1_format(%w: !lowbit.weight<2x16, #lowbit.bcq<planes = 4, group = 16>>) {
  // expected-error @+1 {{result must pack the operand's format #lowbit.bcq<planes = 4, group = 16>, but packs #lowbit.bcq<planes = 3, group = 16> (C1)}}
  %p = lowbit.pack %w : !lowbit.weight<2x16, #lowbit.bcq<planes = 4, group = 16>>
      to !lowbit.weight<2x16, #lowbit.packed<#lowbit.bcq<planes = 3, group = 16>, #lowbit.layout<rows = 64, alpha = f16, zeta = f32>>>
}

// -----

func.func @packed_data_c1_format(%w: !lowbit.weight<2x16, #lowbit.bcq<planes = 4, group = 16>>) {
  // expected-error @+1 {{the weight must be packed, but its format is #lowbit.bcq<planes = 4, group = 16>; run lowbit-pack-weights (C1)}}
  %b = lowbit.packed_data %w : !lowbit.weight<2x16, #lowbit.bcq<planes = 4, group = 16>> -> tensor<640xi8>
}

// -----

!packed = !lowbit.weight<2x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

func.func @packed_data_c1_bytes(%w: !packed) {
  // expected-error @+1 {{the packed weight is 640 bytes, but the result is 'tensor<641xi8>' (C1)}}
  %b = lowbit.packed_data %w : !packed -> tensor<641xi8>
}
