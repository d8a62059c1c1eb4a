// docs/spec/numerics.md, "Integer activations", strategy int8: values by hand, the same before and after each step.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-quantize-products --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-quantize-products --lowbit-split-precompute --lowbit-pack-weights --convert-lowbit-to-lut --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-quantize-products --lowbit-split-precompute --lowbit-pack-weights --convert-lowbit-to-lut --lut-multiply-codes \
// RUN:   --lowbit-interpret --verify-diagnostics

!W = !lowbit.weight<1x8, #lowbit.bipolar<planes = 2, group = 4, zeta = 3.0 : f32>>

// s = 127 / 127 = 1 and the codes are the activations: weights 0, 1, 2, 3 times 127, -127, 1, 2, that is -119; then s = 127 / 254 = 0.5, codes 127, 0
// (254, 0.5 and the tie 0.5 s = 0.25 rounds to 0), 1 (3 s = 1.5, tied to 2): 0 * 127 + 1 * 0 + 2 * 2 + 3 * 0 = 4 codes of 2.
func.func @floats() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[127.0, -127.0, 1.0, 2.0, 254.0, 0.5, 3.0, 1.0]]> : tensor<1x8xf32>
  %w = lowbit.weight {codes = dense<"0xE4E4"> : tensor<1x2x1xi8>, alphas = dense<0.5> : tensor<1x2xf32>} : !W
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<int8>} : tensor<1x8xf32>, !W -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[-111]]}}
  return %y : tensor<1x1xf32>
}

// Codes with a scale for the row: 2 (0 * 1 + 1 * -128 + 2 * 127 + 3 * 1) + 2 (0 + 5 + 0 + 0) = 2 * 129 + 10.
func.func @codes() -> tensor<1x1xf32> {
  %q = arith.constant dense<[[1, -128, 127, 1, 9, 5, 0, 0]]> : tensor<1x8xi8>
  %s = arith.constant dense<2.0> : tensor<1x1xf32>
  %w = lowbit.weight {codes = dense<"0xE4E4"> : tensor<1x2x1xi8>, alphas = dense<0.5> : tensor<1x2xf32>} : !W
  %y = lowbit.matmul %q, %w scales(%s : tensor<1x1xf32>) {strategy = #lowbit.strategy<int8>} : tensor<1x8xi8>, !W -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[268]]}}
  return %y : tensor<1x1xf32>
}
