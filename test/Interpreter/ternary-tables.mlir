// docs/spec/numerics.md, "Tables of three", values by hand.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics --split-input-file

#planes = #lowbit.bipolar<planes = 2, group = 5, zeta = 1.0 : f32>
!T = !lowbit.table<1x5, group = 5, element = i8, width = 3>
!W = !lowbit.weight<2x5, #planes>

// Two tables, of columns 0, 2, 4 and of 1, 3: 1 + 3 + 127 - 4 are 127 units. Entry i is the sum with the balanced ternary digits of i, the last two are 0.
func.func @entries() -> (tensor<1x1x32xi8>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[1.0, 2.0, -1.0, 3.0, 125.0]]> : tensor<1x5xf32>
  %e = tensor.empty() : tensor<1x1x32xi8>
  %s = tensor.empty() : tensor<1x1xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x5xf32>) outs(%e, %s, %s : tensor<1x1x32xi8>, tensor<1x1xf32>, tensor<1x1xf32>) {group = 5 : i64, width = 3 : i64}
      -> tensor<1x1x32xi8>, tensor<1x1xf32>, tensor<1x1xf32>
  // expected-remark@below {{[[[0, 125, -126, -1, 124, -123, 2, 127, -124, 1, 126, -125, 0, 125, 0, 0, 0, 0, 3, 3, 3, -1, -1, -1, 2, 2, 2, 5, 5, 5, 0, 0]]]}}
  // expected-remark@below {{= [[0]]}}
  return %t#0, %t#2 : tensor<1x1x32xi8>, tensor<1x1xf32>
}

// Codes 0 1 2 0 2 are -1 0 1 -1 1, codes 1 1 1 2 1 are 0 0 0 1 0; alpha is half a scale.
func.func @product() -> tensor<1x2xf32> {
  %a = arith.constant dense<[[1.0, 2.0, -1.0, 3.0, 125.0]]> : tensor<1x5xf32>
  %w = lowbit.weight {codes = dense<[[[0x24, 0x02]], [[0x95, 0x01]]]> : tensor<2x1x2xi8>, alphas = dense<[[0.5], [1.0]]> : tensor<2x1xf32>} : !W
  %t = lowbit.precompute %a : tensor<1x5xf32> -> !T
  %y = lowbit.lookup_matmul %t, %w : !T, !W -> tensor<1x2xf32>
  // expected-remark@below {{= [[120, 6]]}}
  return %y : tensor<1x2xf32>
}

// -----

#planes = #lowbit.bipolar<planes = 2, group = 4, zeta = 1.0 : f32>
!T = !lowbit.table<1x4, group = 4, element = i8, width = 3>
!W = !lowbit.weight<1x4, #planes>

func.func @code_of_three() -> tensor<1x1xf32> {
  %a = arith.constant dense<1.0> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<3> : tensor<1x1x1xi8>, alphas = dense<0.5> : tensor<1x1xf32>} : !W
  %t = lowbit.precompute %a : tensor<1x4xf32> -> !T
  // expected-error @below {{tables of three activations are for ternary weights, codes 0, 1 and 2 of two planes with zeta 1, but the weight has format #lowbit.bipolar<planes = 2, group = 4, zeta = 1.000000e+00 : f32> and greatest code 3}}
  %y = lowbit.lookup_matmul %t, %w : !T, !W -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}
