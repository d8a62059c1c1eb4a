// docs/spec/numerics.md, "Weights": what the elements of each format are. Activations 1, 10, 100, 1000 show every one of them.
// The same values as planes, through tables, and packed.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-canonicalize-weights --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-canonicalize-weights --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-canonicalize-weights --lowbit-split-precompute --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-canonicalize-weights --lowbit-split-precompute --lowbit-symmetrize-tables --lowbit-pack-weights=symmetric \
// RUN:   --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-canonicalize-weights --lowbit-split-precompute --lowbit-pack-weights --convert-lowbit-to-lut \
// RUN:   --lowbit-interpret --verify-diagnostics

#f32 = #lowbit.table_kind<f32>

// 2 (-1, 0, 1, 1).
func.func @two_bit() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0xA4"> : tensor<1x1x1xi8>,
                      scales = dense<2.0> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.ternary<group = 4>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.ternary<group = 4>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[2198]]}}
  return %y : tensor<1x1xf32>
}

// 0.5 (-1, 0, 1, 1, 0): 0 + 1 3 + 2 9 + 2 27 + 1 81.
func.func @five_in_eight() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0, 10000.0]]> : tensor<1x5xf32>
  %w = lowbit.weight {codes = dense<156> : tensor<1x1x1xi8>,
                      scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x5, #lowbit.ternary<group = 5, storage = five_in_eight, per = tensor>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x5xf32>, !lowbit.weight<1x5, #lowbit.ternary<group = 5, storage = five_in_eight, per = tensor>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[549.5]]}}
  return %y : tensor<1x1xf32>
}

// 2 (-1, 0, -1, 1), in groups of 6: -10 and 1, that is nibbles 10 and 1, and the sign of the first.
func.func @three_in_five() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0x1A01"> : tensor<1x1x2xi8>,
                      scales = dense<2.0> : tensor<1x1xbf16>}
      : !lowbit.weight<1x4, #lowbit.ternary<group = 6, storage = three_in_five, per = channel, scale = bf16>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.ternary<group = 6, storage = three_in_five, per = channel, scale = bf16>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[1798]]}}
  return %y : tensor<1x1xf32>
}

// 0.5 (-8, 7, -1, 3).
func.func @signed() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0x783F"> : tensor<1x1x2xi8>,
                      scales = dense<0.5> : tensor<1x1xf16>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4, signed = true, per = channel, scale = f16>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4, signed = true, per = channel, scale = f16>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[1481]]}}
  return %y : tensor<1x1xf32>
}

// 0.5 (-8 + 2, 7 + 2, -1 + 2, 3 + 2).
func.func @signed_integer() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0x783F"> : tensor<1x1x2xi8>,
                      scales = dense<0.5> : tensor<1x1xf32>,
                      zeros = dense<-2> : tensor<1x1xi8>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4, zero = integer, signed = true>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4, zero = integer, signed = true>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[2592]]}}
  return %y : tensor<1x1xf32>
}

// 0.5 (-8.5, 6.5, -1.5, 2.5).
func.func @signed_float() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0x783F"> : tensor<1x1x2xi8>,
                      scales = dense<0.5> : tensor<1x1xf32>,
                      zeros = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4, zero = float, signed = true>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4, zero = float, signed = true>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[1203.25]]}}
  return %y : tensor<1x1xf32>
}

// -0.5 (0, 1, 2, 3): a negative scale.
func.func @none() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>,
                      scales = dense<-0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 4, zero = none>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 4, zero = none>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[-1605]]}}
  return %y : tensor<1x1xf32>
}

// 0.5 (-2, -1 | 0, 1) and 4 times that: two groups, then one of a single element.
func.func @midpoint() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0, 10000.0]]> : tensor<1x5xf32>
  %w = lowbit.weight {codes = dense<"0x040E01"> : tensor<1x3x1xi8>,
                      scales = dense<[[0.5, 2.0, 1.0]]> : tensor<1x3xf32>}
      : !lowbit.weight<1x5, #lowbit.uniform<bits = 2, group = 2>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x5xf32>, !lowbit.weight<1x5, #lowbit.uniform<bits = 2, group = 2>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[-8006]]}}
  return %y : tensor<1x1xf32>
}

// 4 (0, 1, 2, 3).
func.func @e8m0() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>,
                      scales = dense<4.0> : tensor<1x1xf8E8M0FNU>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 4, zero = none, scale = f8E8M0FNU>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 4, zero = none, scale = f8E8M0FNU>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[12840]]}}
  return %y : tensor<1x1xf32>
}

// -1.5 (0, 1, 2, 3).
func.func @e4m3() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>,
                      scales = dense<-1.5> : tensor<1x1xf8E4M3FN>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 4, zero = none, scale = f8E4M3FN>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 4, zero = none, scale = f8E4M3FN>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[-4815]]}}
  return %y : tensor<1x1xf32>
}

// One scale and zero point for three groups: 2 (0 - 1, 1 - 1 | 2 - 1, 3 - 1).
func.func @tensor() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0x040E"> : tensor<1x2x1xi8>,
                      scales = dense<2.0> : tensor<1x1xf32>,
                      zeros = dense<1> : tensor<1x1xi8>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 2, zero = integer, per = tensor>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 2, zero = integer, per = tensor>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[4198]]}}
  return %y : tensor<1x1xf32>
}

// 0.5 (sum_p 2^p s_p + 1): -1, 0, 1, 2, with a zeta per channel.
func.func @bipolar() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0x040E"> : tensor<1x2x1xi8>,
                      alphas = dense<0.5> : tensor<1x1xf16>,
                      zetas = dense<1.0> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.bipolar<planes = 2, group = 2, per = channel, scale = f16>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.bipolar<planes = 2, group = 2, per = channel, scale = f16>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[2099]]}}
  return %y : tensor<1x1xf32>
}

// alphas 2^0 + 2^-1 and -2^2 (and no second term), beta 1: 3.5, 6.5, -4.5, -1.5.
func.func @shift_terms() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>,
                      alphas = dense<[[[[64, 63], [194, 0]]]]> : tensor<1x1x2x2xi8>,
                      betas = dense<1.0> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.bcq<planes = 2, group = 4, shift_terms = 2>>
  %y = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.bcq<planes = 2, group = 4, shift_terms = 2>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[-1881.5]]}}
  return %y : tensor<1x1xf32>
}

!one = !lowbit.weight<1x4, #lowbit.ternary<group = 4, per = tensor>>
!both = !lowbit.weight<2x4, #lowbit.ternary<group = 4, per = channel>>

// Rows one below the other, each with the scale that was its tensor's.
func.func @concat_rows() -> tensor<1x2xf32> {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %v = lowbit.weight {codes = dense<"0xA4"> : tensor<1x1x1xi8>, scales = dense<2.0> : tensor<1x1xf32>} : !one
  %w = lowbit.weight {codes = dense<"0x1A"> : tensor<1x1x1xi8>, scales = dense<1.0> : tensor<1x1xf32>} : !one
  %c = lowbit.concat_rows %v, %w : !one, !one -> !both
  %y = lowbit.matmul %a, %c {table = #f32} : tensor<1x4xf32>, !both -> tensor<1x2xf32>
  // expected-remark@below {{result 0: 'tensor<1x2xf32>' = [[2198, -989]]}}
  return %y : tensor<1x2xf32>
}
