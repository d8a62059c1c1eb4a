// docs/spec/numerics.md, "Dense products": values by hand, the same where the weight stays packed.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-pack-weights=dense --lowbit-lower-to-dense --convert-lowbit-to-lut --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-pack-weights=dense --lowbit-lower-to-dense --convert-lowbit-to-lut | FileCheck %s

!W = !lowbit.weight<1x8, #lowbit.bipolar<planes = 2, group = 4, zeta = 3.0 : f32>>

// 0.5 ((2 q - 3) + 3) = q, that is 0, 1, 2, 3 twice: 2 + 6 + 12 + 6 + 14 + 1.5.
// CHECK-LABEL: func @floats
// CHECK: lut.dense_matmul
func.func @floats() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 0.5]]> : tensor<1x8xf32>
  %w = lowbit.weight {codes = dense<"0xE4E4"> : tensor<1x2x1xi8>, alphas = dense<0.5> : tensor<1x2xf32>} : !W
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<1x8xf32>, !W -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[41.5]]}}
  return %y : tensor<1x1xf32>
}

// Codes become what they are worth: 3 (0 + 2 + 6 + 12).
// CHECK-LABEL: func @codes
// CHECK: lut.dense_matmul
func.func @codes() -> tensor<1x1xf32> {
  %q = arith.constant dense<[[1, 2, 3, 4, 0, 0, 0, 0]]> : tensor<1x8xi8>
  %s = arith.constant dense<3.0> : tensor<1x1xf32>
  %w = lowbit.weight {codes = dense<"0xE4E4"> : tensor<1x2x1xi8>, alphas = dense<0.5> : tensor<1x2xf32>} : !W
  %y = lowbit.matmul %q, %w scales(%s : tensor<1x1xf32>) {strategy = #lowbit.strategy<dense>} : tensor<1x8xi8>, !W -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[60]]}}
  return %y : tensor<1x1xf32>
}

// An alpha for each plane: dequantized, as ever.
// CHECK-LABEL: func @bcq
// CHECK-NOT: lut.dense_matmul
// CHECK: linalg.generic
func.func @bcq() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0xFF"> : tensor<1x1x1xi8>, alphas = dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>, betas = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.bcq<planes = 2, group = 4>>
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<1x4xf32>, !lowbit.weight<1x4, #lowbit.bcq<planes = 2, group = 4>> -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[35]]}}
  return %y : tensor<1x1xf32>
}
