// What the simple formats refuse, and lowbit.concat_rows and lowbit.reinterpret of them.
// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{'banana' is no parameter of #lowbit.uniform; expected bits, group, zero, signed, per or scale}}
func.func private @unknown() attributes {lowbit.example = #lowbit.uniform<bits = 4, banana = 32>}

// -----

// expected-error @+1 {{#lowbit.uniform needs 'group'}}
func.func private @missing() attributes {lowbit.example = #lowbit.uniform<bits = 4>}

// -----

// expected-error @+1 {{'bits' is given twice}}
func.func private @twice() attributes {lowbit.example = #lowbit.uniform<bits = 4, bits = 5, group = 32>}

// -----

// expected-error @+1 {{scale must be f32, f16, bf16, f8E8M0FNU or f8E4M3FN, but is 'f64'}}
func.func private @scale() attributes {lowbit.example = #lowbit.uniform<bits = 4, group = 32, scale = f64>}

// -----

// expected-error @+1 {{group must be at most 2147483647, but is 4294967296}}
func.func private @long_group() attributes {lowbit.example = #lowbit.ternary<group = 4294967296>}

// -----

// expected-error @+1 {{scale must be f32, f16, bf16, f8E8M0FNU or f8E4M3FN, but is 'i8'}}
func.func private @ternary_scale() attributes {lowbit.example = #lowbit.ternary<group = 4, scale = i8>}

// -----

// expected-error @+1 {{shift_terms must be at most 8, but is 9}}
func.func private @shift_terms() attributes {lowbit.example = #lowbit.bcq<planes = 4, group = 32, shift_terms = 9>}

// -----

// expected-error @+1 {{scale has no meaning beside shift_terms, whose alphas are bytes: leave it out, instead of 'f16'}}
func.func private @shift_scale() attributes {lowbit.example = #lowbit.bcq<planes = 4, group = 32, scale = f16, shift_terms = 2>}

// -----

func.func @scales_of_a_channel() {
  // expected-error @+1 {{(C1) component 'scales' must be elements of 'tensor<2x1xf16>', but is 'tensor<2x2xf16>'}}
  %0 = lowbit.weight {codes = dense<0> : tensor<2x2x8xi8>, scales = dense<0.5> : tensor<2x2xf16>}
      : !lowbit.weight<2x20, #lowbit.uniform<bits = 4, group = 16, per = channel, scale = f16>>
}

// -----

func.func @type_of_scales() {
  // expected-error @+1 {{(C1) component 'scales' must be elements of 'tensor<1x1xbf16>', but is 'tensor<1x1xf32>'}}
  %0 = lowbit.weight {codes = dense<0> : tensor<2x2x4xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<2x20, #lowbit.ternary<group = 16, per = tensor, scale = bf16>>
}

// -----

func.func @no_zeros() {
  // expected-error @+1 {{(C1) component 'zeros' does not belong to this format}}
  %0 = lowbit.weight {codes = dense<0> : tensor<2x2x8xi8>, scales = dense<0.5> : tensor<2x2xf32>, zeros = dense<0> : tensor<2x2xi8>}
      : !lowbit.weight<2x20, #lowbit.uniform<bits = 4, group = 16, zero = none>>
}

// -----

func.func @digits() {
  // expected-error @+1 {{(C1) component 'codes' must be elements of 'tensor<2x2x4xi8>', but is 'tensor<2x2x5xi8>'}}
  %0 = lowbit.weight {codes = dense<0> : tensor<2x2x5xi8>, scales = dense<0.5> : tensor<2x2xf32>}
      : !lowbit.weight<2x20, #lowbit.ternary<group = 16, storage = five_in_eight>>
}

// -----

func.func @shift_alphas() {
  // expected-error @+1 {{(C1) component 'alphas' must be elements of 'tensor<2x2x3x2xi8>', but is 'tensor<2x2x3xf32>'}}
  %0 = lowbit.weight {codes = dense<0> : tensor<2x2x6xi8>, alphas = dense<0.5> : tensor<2x2x3xf32>, betas = dense<0.5> : tensor<2x2xf32>}
      : !lowbit.weight<2x20, #lowbit.bcq<planes = 3, group = 16, shift_terms = 2>>
}

// -----

func.func @reinterpret_c2_per(%w: !lowbit.weight<2x16, #lowbit.ternary<group = 16, per = tensor>>) {
  // expected-error @+1 {{expected per = tensor as the operand has, but the result has per = group (C2)}}
  %p = lowbit.reinterpret %w : !lowbit.weight<2x16, #lowbit.ternary<group = 16, per = tensor>> to !lowbit.weight<2x16, #lowbit.bipolar<planes = 2, group = 16>>
}

// -----

func.func @reinterpret_c2_scale(%w: !lowbit.weight<2x16, #lowbit.uniform<bits = 2, group = 16, scale = f16>>) {
  // expected-error @+1 {{the result's alphas are computed: its scale must be f32, without shift_terms, but it is #lowbit.bipolar<planes = 2, group = 16, scale = f16> (C2)}}
  %p = lowbit.reinterpret %w : !lowbit.weight<2x16, #lowbit.uniform<bits = 2, group = 16, scale = f16>> to !lowbit.weight<2x16, #lowbit.bipolar<planes = 2, group = 16, scale = f16>>
}

// -----

func.func @reinterpret_c3_none(%w: !lowbit.weight<2x16, #lowbit.uniform<bits = 2, group = 16, zero = none>>) {
  // expected-error @+1 {{zeta of a weight whose zero point is 0 is 3, but the result states -1.000000e+00 : f32 (C3)}}
  %p = lowbit.reinterpret %w : !lowbit.weight<2x16, #lowbit.uniform<bits = 2, group = 16, zero = none>> to !lowbit.weight<2x16, #lowbit.bipolar<planes = 2, group = 16, zeta = -1.0 : f32>>
}

// -----

func.func @reinterpret_c3_ternary(%w: !lowbit.weight<2x16, #lowbit.ternary<group = 16>>) {
  // expected-error @+1 {{zeta of a weight whose zero point is 1 is 1, but the result states -1.000000e+00 : f32 (C3)}}
  %p = lowbit.reinterpret %w : !lowbit.weight<2x16, #lowbit.ternary<group = 16>> to !lowbit.weight<2x16, #lowbit.bipolar<planes = 2, group = 16, zeta = -1.0 : f32>>
}

// -----

func.func @concat_rows_c1_none() {
  // expected-error @+1 {{needs at least one operand (C1)}}
  %c = "lowbit.concat_rows"() : () -> !lowbit.weight<2x16, #lowbit.bcq<planes = 2, group = 16>>
}

// -----

!w = !lowbit.weight<2x16, #lowbit.bcq<planes = 2, group = 16>>
func.func @concat_rows_c1_k(%a: !w, %b: !lowbit.weight<2x15, #lowbit.bcq<planes = 2, group = 16>>) {
  // expected-error @+1 {{K of the result is 16, but that of an operand is 15 (C1)}}
  %c = lowbit.concat_rows %a, %b : !w, !lowbit.weight<2x15, #lowbit.bcq<planes = 2, group = 16>> -> !lowbit.weight<4x16, #lowbit.bcq<planes = 2, group = 16>>
}

// -----

!w = !lowbit.weight<2x16, #lowbit.bcq<planes = 2, group = 16>>
func.func @concat_rows_c1_rows(%a: !w) {
  // expected-error @+1 {{the operands have 4 rows together, but the result has 5 (C1)}}
  %c = lowbit.concat_rows %a, %a : !w, !w -> !lowbit.weight<5x16, #lowbit.bcq<planes = 2, group = 16>>
}

// -----

!w = !lowbit.weight<2x16, #lowbit.bcq<planes = 2, group = 16>>
func.func @concat_rows_c2_format(%a: !w, %b: !lowbit.weight<2x16, #lowbit.bcq<planes = 3, group = 16>>) {
  // expected-error @+1 {{the format of the result is #lowbit.bcq<planes = 2, group = 16>, but that of an operand is #lowbit.bcq<planes = 3, group = 16>, which it cannot state (C2)}}
  %c = lowbit.concat_rows %a, %b : !w, !lowbit.weight<2x16, #lowbit.bcq<planes = 3, group = 16>> -> !lowbit.weight<4x16, #lowbit.bcq<planes = 2, group = 16>>
}

// -----

!w = !lowbit.weight<2x16, #lowbit.ternary<group = 16, per = tensor>>
func.func @concat_rows_c2_tensor(%a: !w) {
  // expected-error @+1 {{the operands have a scale each, so the result cannot have per = tensor; state per = channel (C2)}}
  %c = lowbit.concat_rows %a, %a : !w, !w -> !lowbit.weight<4x16, #lowbit.ternary<group = 16, per = tensor>>
}

// -----

!w = !lowbit.weight<2x16, #lowbit.ternary<group = 16, per = channel>>
func.func @concat_rows_c2_coarser(%a: !w) {
  // expected-error @+1 {{which it cannot state (C2)}}
  %c = lowbit.concat_rows %a : !w -> !lowbit.weight<2x16, #lowbit.ternary<group = 16, per = tensor>>
}

// -----

!w = !lowbit.weight<2x16, #lowbit.codebook<bits = 4, group = 16, table = tensor>>
func.func @concat_rows_c2_table(%a: !w) {
  // expected-error @+1 {{the operands have a table or a global scale each, so the result cannot state one for all of its rows, as #lowbit.codebook<}}
  %c = lowbit.concat_rows %a, %a : !w, !w -> !lowbit.weight<4x16, #lowbit.codebook<bits = 4, group = 16, table = tensor>>
}

// -----

!w = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 4, group = 16>, min_bits = 2>>
func.func @concat_rows_c3_composite(%a: !w) {
  // expected-error @+1 {{concatenates weights of rows in one format, but the result is #lowbit.nested<}}
  %c = lowbit.concat_rows %a : !w -> !w
}

// -----

!w = !lowbit.weight<2x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @concat_rows_c3(%a: !w) {
  // expected-error @+1 {{concatenates weights before they are packed, but the result is #lowbit.packed<}}
  %c = lowbit.concat_rows %a : !w -> !w
}

// -----

// expected-error @+1 {{a weight has at most 2147483647 rows and columns and 2^40 elements, but this one is 2147483647x2147483647}}
func.func private @elements(!lowbit.weight<2147483647x2147483647, #lowbit.ternary<group = 16>>)

// -----

// expected-error @+1 {{a weight has at most 2147483647 rows and columns and 2^40 elements, but this one is 1x9223372036854775807}}
func.func private @columns(!lowbit.weight<1x9223372036854775807, #lowbit.ternary<group = 16>>)

// -----

// expected-error @+1 {{rows must be at most 65536, but is 4611686018427387904}}
func.func private @layout_rows() attributes {lowbit.example = #lowbit.layout<rows = 4611686018427387904, alpha = f16>}
