// What the verifiers refuse of codebooks, nested, mixed and outlier weights, and of the ops that they brought.
// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{bits must be 1 to 8, but is 0}}
func.func private @codebook_bits() attributes {lowbit.example = #lowbit.codebook<bits = 0, group = 32, table = tensor>}

// -----

// expected-error @+1 {{group must be positive, but is 0}}
func.func private @codebook_group() attributes {lowbit.example = #lowbit.codebook<bits = 4, group = 0, table = nf4>}

// -----

// expected-error @+1 {{the table nf4 has 16 values, so bits must be 4, but is 3; give another table as a component (table = tensor)}}
func.func private @codebook_fixed_bits() attributes {lowbit.example = #lowbit.codebook<bits = 3, group = 32, table = nf4>}

// -----

// expected-error @+1 {{scale must be f32, f16, bf16, f8E8M0FNU or f8E4M3FN, but is 'f64'}}
func.func private @codebook_scale() attributes {lowbit.example = #lowbit.codebook<bits = 4, group = 32, table = nf4, scale = f64>}

// -----

// expected-error @+1 {{the body of a nested weight must be #lowbit.uniform, #lowbit.bipolar, #lowbit.bcq or a #lowbit.codebook with table = channel, but is #lowbit.codebook<bits = 4, group = 32, table = nf4>}}
func.func private @nested_body() attributes {lowbit.example = #lowbit.nested<#lowbit.codebook<bits = 4, group = 32, table = nf4>, min_bits = 2>}

// -----

// expected-error @+1 {{min_bits must be 1 to the 4 bits of the body, but is 5}}
func.func private @nested_bits() attributes {lowbit.example = #lowbit.nested<#lowbit.uniform<bits = 4, group = 32>, min_bits = 5>}

// -----

// expected-error @+1 {{each part needs its rows and its format, but there are 2 rows and 1 formats}}
func.func private @mixed_parts() attributes {lowbit.example = #lowbit.mixed<rows = [1, 2], formats = [#lowbit.uniform<bits = 4, group = 32>]>}

// -----

// expected-error @+1 {{each part has 1 to 2147483647 rows, but one has 0}}
func.func private @mixed_rows() attributes {lowbit.example = #lowbit.mixed<rows = [0], formats = [#lowbit.uniform<bits = 4, group = 32>]>}

// -----

// expected-error @+1 {{a part must be a weight format that is not itself packed, nested or mixed, but one is #lowbit.tile<m = 1, n = 1, k = 1>}}
func.func private @mixed_format() attributes {lowbit.example = #lowbit.mixed<rows = [1], formats = [#lowbit.tile<m = 1, n = 1, k = 1>]>}

// -----

// expected-error @+1 {{the body must be #lowbit.uniform, #lowbit.ternary, #lowbit.bipolar, #lowbit.bcq or #lowbit.codebook, but is #lowbit.nested<}}
func.func private @outliers_body() attributes {lowbit.example = #lowbit.outliers<#lowbit.nested<#lowbit.uniform<bits = 4, group = 32>, min_bits = 2>, columns = 1, value = f16>}

// -----

// expected-error @+1 {{either columns or entries must be positive, but they are 1 and 2}}
func.func private @outliers_both() attributes {lowbit.example = #lowbit.outliers<#lowbit.uniform<bits = 4, group = 32>, columns = 1, entries = 2, value = f16>}

// -----

// expected-error @+1 {{value must be f16 or f32, but is 'bf16'}}
func.func private @outliers_value() attributes {lowbit.example = #lowbit.outliers<#lowbit.uniform<bits = 4, group = 32>, columns = 1, value = bf16>}

// -----

!w = !lowbit.weight<2x16, #lowbit.codebook<bits = 3, group = 16, table = channel>>
func.func @codebook_needs_table() -> !w {
  // expected-error @+1 {{(C1) needs the component 'table' : 'tensor<2x8xf32>'}}
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x6xi8>, scales = dense<1.0> : tensor<2x1xf32>} : !w
  return %w : !w
}

// -----

!w = !lowbit.weight<2x16, #lowbit.codebook<bits = 4, group = 16, table = nf4, per = tensor>>
func.func @codebook_scales() -> !w {
  // expected-error @+1 {{(C1) component 'scales' must be elements of 'tensor<1x1xf32>', but is 'tensor<2x1xf32>'}}
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = dense<1.0> : tensor<2x1xf32>} : !w
  return %w : !w
}

// -----

!w = !lowbit.weight<2x16, #lowbit.nested<#lowbit.codebook<bits = 3, group = 16, table = channel>, min_bits = 2>>
func.func @nested_needs_tables() -> !w {
  // expected-error @+1 {{(C1) needs the component 'table2' : 'tensor<2x4xf32>'}}
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x6xi8>, scales = dense<1.0> : tensor<2x1xf32>, table3 = dense<1.0> : tensor<2x8xf32>} : !w
  return %w : !w
}

// -----

!w = !lowbit.weight<3x2, #lowbit.mixed<rows = [1, 1], formats = [#lowbit.uniform<bits = 4, group = 2>, #lowbit.uniform<bits = 8, group = 2>]>>
func.func @mixed_total() -> !w {
  // expected-error @+1 {{(C1) the parts have 2 rows together, but the weight has 3}}
  %w = lowbit.weight {} : !w
  return %w : !w
}

// -----

!w = !lowbit.weight<1x2, #lowbit.mixed<rows = [1], formats = [#lowbit.uniform<bits = 4, group = 2>]>>
func.func @mixed_component() -> !w {
  // expected-error @+1 {{(C1) needs the component '0.scales' : 'tensor<1x1xf32>'}}
  %w = lowbit.weight {"0.codes" = dense<1> : tensor<1x1x1xi8>, permutation = dense<0> : tensor<1xi32>} : !w
  return %w : !w
}

// -----

!w = !lowbit.weight<1x2, #lowbit.outliers<#lowbit.uniform<bits = 4, group = 2>, columns = 3, value = f16>>
func.func @outliers_count() -> !w {
  // expected-error @+1 {{(C1) a row has 2 columns, fewer than its 3 outliers}}
  %w = lowbit.weight {} : !w
  return %w : !w
}

// -----

!w = !lowbit.weight<1x2, #lowbit.outliers<#lowbit.uniform<bits = 4, group = 2>, entries = 1, value = f16>>
func.func @outliers_indices() -> !w {
  // expected-error @+1 {{(C1) component 'indices' must be elements of 'tensor<1x1xi32>', but is 'tensor<1xi32>'}}
  %w = lowbit.weight {body.codes = dense<1> : tensor<1x1x1xi8>, body.scales = dense<1.0> : tensor<1x1xf32>, indices = dense<0> : tensor<1xi32>,
                      values = dense<1.0> : tensor<1x1xf16>} : !w
  return %w : !w
}

// -----

!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 3>>
func.func @truncate_shape(%w: !nested) {
  // expected-error @+1 {{result must be a 2x16 weight as the operand is, but is 3x16 (C1)}}
  %t = lowbit.truncate %w : !nested to !lowbit.weight<3x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -0.0625 : f32>>
  return
}

// -----

!w = !lowbit.weight<2x16, #lowbit.uniform<bits = 8, group = 16>>
func.func @truncate_operand(%w: !w) {
  // expected-error @+1 {{the operand must be #lowbit.nested, but its format is #lowbit.uniform<bits = 8, group = 16> (C2)}}
  %t = lowbit.truncate %w : !w to !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -0.0625 : f32>>
  return
}

// -----

!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 3>>
func.func @truncate_bits(%w: !nested) {
  // expected-error @+1 {{the result has 2 bits, but the operand runs at 3 to 8 (C2)}}
  %t = lowbit.truncate %w : !nested to !lowbit.weight<2x16, #lowbit.bipolar<planes = 2, group = 16, zeta = -0.0625 : f32>>
  return
}

// -----

!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 3>>
func.func @truncate_format(%w: !nested) {
  // expected-error @+1 {{the result's format must be #lowbit.bipolar<planes = 4, group = 16, zeta = -6.250000e-02 : f32>, but is #lowbit.bcq<planes = 4, group = 16> (C3)}}
  %t = lowbit.truncate %w : !nested to !lowbit.weight<2x16, #lowbit.bcq<planes = 4, group = 16>>
  return
}

// -----

!w = !lowbit.weight<2x16, #lowbit.uniform<bits = 8, group = 16>>
func.func @dequantize_shape(%w: !w) {
  // expected-error @+1 {{result must be 'tensor<16x2xf32>', but is 'tensor<2x16xf32>' (C1)}}
  %t = lowbit.dequantize %w transposed : !w -> tensor<2x16xf32>
  return
}

// -----

!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 3>>
func.func @dequantize_composite(%w: !nested) {
  // expected-error @+1 {{the weight is made of other weights, its format is #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 3>; run lowbit-decompose-weights (C2)}}
  %t = lowbit.dequantize %w : !nested -> tensor<2x16xf32>
  return
}

// -----

!w = !lowbit.weight<2x16, #lowbit.codebook<bits = 2, group = 16, table = tensor>>
func.func @reinterpret_codebook(%w: !w) {
  // expected-error @+1 {{a codebook becomes #lowbit.bcq where its table is affine in the bits of the code, but the result is #lowbit.bipolar<planes = 2, group = 16> (C2)}}
  %t = lowbit.reinterpret %w : !w to !lowbit.weight<2x16, #lowbit.bipolar<planes = 2, group = 16>>
  return
}

// -----

!w = !lowbit.weight<2x16, #lowbit.codebook<bits = 2, group = 16, table = tensor>>
func.func @reinterpret_codebook_bits(%w: !w) {
  // expected-error @+1 {{the result must be #lowbit.bcq<planes = 2, group = 16>, with the operand's bits, group and per, but is #lowbit.bcq<planes = 3, group = 16> (C2)}}
  %t = lowbit.reinterpret %w : !w to !lowbit.weight<2x16, #lowbit.bcq<planes = 3, group = 16>>
  return
}
