// RUN: lutra-opt %s --lowbit-pack-weights=quotients | FileCheck %s
// RUN: lutra-opt %s --lowbit-pack-weights | FileCheck %s --check-prefix=PLAIN
// RUN: lutra-opt %s --lowbit-pack-weights=quotients --remark-policy=all --remarks-filter=lowbit-pack-weights -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// zeta = 15 + c / alpha in f32, with c in f16 (docs/spec/numerics.md, "Packed layouts"), as w = d q + m with m in f16 gives it: z = -m / d, alpha = d / 2.
!t = !lowbit.table<?x16, group = 16, element = i8>
!planes = !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16>>
!bcq = !lowbit.weight<2x16, #lowbit.bcq<planes = 2, group = 16>>
// PLAIN-NOT: quotients

// 15 + 1 / 3 and 15 - 0.09998 / 3: f16 minima. 64 rows of 8 bytes of codes and two of f16.
// REMARK: Remark="192.00 bits per weight", bytes=768
// CHECK-LABEL: func @minima
// CHECK: #lowbit.layout<rows = 64, alpha = f16, zeta = f16, quotients = true>
func.func @minima(%t: !t) -> tensor<?x2xf32> {
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<3.0> : tensor<2x1xf32>, zetas = dense<[[0x41755555], [0x416F7780]]> : tensor<2x1xf32>} : !planes
  %x = lowbit.lookup_matmul %t, %w : !t, !planes -> tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}

// The last bit of one zeta is another: no f16 over 3 gives it.
// CHECK-LABEL: func @another_bit
// CHECK: #lowbit.layout<rows = 64, alpha = f16, zeta = f32>
func.func @another_bit(%t: !t) -> tensor<?x2xf32> {
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<3.0> : tensor<2x1xf32>, zetas = dense<[[0x41755555], [0x41755556]]> : tensor<2x1xf32>} : !planes
  %x = lowbit.lookup_matmul %t, %w : !t, !planes -> tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}

// Where alpha is 0 the zeta must be the middle of the codes; alpha may be an f32, and the minimum a subnormal half (3 * 2^-24).
// CHECK-LABEL: func @zero_alpha
// CHECK: #lowbit.layout<rows = 64, alpha = f16, zeta = f16, quotients = true>
// CHECK: #lowbit.layout<rows = 64, alpha = f16, zeta = f32>
// CHECK: #lowbit.layout<rows = 64, alpha = f32, zeta = f16, quotients = true>
func.func @zero_alpha(%t: !t) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<[[3.0], [0.0]]> : tensor<2x1xf32>, zetas = dense<[[0x41755555], [15.0]]> : tensor<2x1xf32>} : !planes
  %b = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<[[3.0], [0.0]]> : tensor<2x1xf32>, zetas = dense<[[0x41755555], [14.0]]> : tensor<2x1xf32>} : !planes
  %c = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<[[3.0], [0x34F00000]]> : tensor<2x1xf32>, zetas = dense<[[0x41755555], [0x41766666]]> : tensor<2x1xf32>} : !planes
  %x = lowbit.lookup_matmul %t, %a : !t, !planes -> tensor<?x2xf32>
  %y = lowbit.lookup_matmul %t, %b : !t, !planes -> tensor<?x2xf32>
  %z = lowbit.lookup_matmul %t, %c : !t, !planes -> tensor<?x2xf32>
  return %x, %y, %z : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// What an i8 or an f16 holds stays as it is; infinities and NaN are no quotients; betas of BCQ have no alpha to be one of.
// CHECK-LABEL: func @others
// CHECK: #lowbit.layout<rows = 64, alpha = f16, zeta = i8>
// CHECK: #lowbit.layout<rows = 64, alpha = f16, zeta = f32>
// CHECK: #lowbit.packed<#lowbit.bcq<planes = 2, group = 16>, #lowbit.layout<rows = 64, alpha = f16, zeta = f32>>
func.func @others(%t: !t) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<3.0> : tensor<2x1xf32>, zetas = dense<[[1.0], [-1.0]]> : tensor<2x1xf32>} : !planes
  %b = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<3.0> : tensor<2x1xf32>, zetas = dense<[[0x41755555], [0x7FC00000]]> : tensor<2x1xf32>} : !planes
  %c = lowbit.weight {codes = dense<1> : tensor<2x1x4xi8>, alphas = dense<0.5> : tensor<2x1x2xf32>, betas = dense<0.1> : tensor<2x1xf32>} : !bcq
  %x = lowbit.lookup_matmul %t, %a : !t, !planes -> tensor<?x2xf32>
  %y = lowbit.lookup_matmul %t, %b : !t, !planes -> tensor<?x2xf32>
  %z = lowbit.lookup_matmul %t, %c : !t, !bcq -> tensor<?x2xf32>
  return %x, %y, %z : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
