// The simple formats print as they were parsed, defaults left out.
// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --mlir-print-op-generic | lutra-opt | FileCheck %s

// CHECK-LABEL: func.func private @uniform(
// CHECK-SAME: #lowbit.uniform<bits = 3, group = 128, signed = true, per = channel, scale = bf16>
// CHECK-SAME: #lowbit.uniform<bits = 4, group = 16, zero = none>
// CHECK-SAME: #lowbit.uniform<bits = 4, group = 16>
// CHECK-SAME: #lowbit.uniform<bits = 8, group = 16, zero = integer, signed = true, per = tensor, scale = f16>
// CHECK-SAME: #lowbit.uniform<bits = 2, group = 32, zero = float, scale = f8E8M0FNU>
func.func private @uniform(!lowbit.weight<2x16, #lowbit.uniform<per = channel, scale = bf16, signed = true, bits = 3, group = 128>>,
                           !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16, zero = none>>,
                           !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16, zero = midpoint, signed = false, per = group, scale = f32>>,
                           !lowbit.weight<2x16, #lowbit.uniform<bits = 8, group = 16, zero = integer, signed = true, per = tensor, scale = f16>>,
                           !lowbit.weight<2x16, #lowbit.uniform<bits = 2, group = 32, zero = float, scale = f8E8M0FNU>>)

// CHECK-LABEL: func.func private @ternary(
// CHECK-SAME: #lowbit.ternary<group = 16>
// CHECK-SAME: #lowbit.ternary<group = 256, storage = five_in_eight, per = tensor, scale = bf16>
// CHECK-SAME: #lowbit.ternary<group = 256, storage = three_in_five, per = channel>
func.func private @ternary(!lowbit.weight<2x16, #lowbit.ternary<group = 16, storage = two_bit>>,
                           !lowbit.weight<2x16, #lowbit.ternary<group = 256, storage = five_in_eight, per = tensor, scale = bf16>>,
                           !lowbit.weight<2x16, #lowbit.ternary<group = 256, storage = three_in_five, per = channel>>)

// CHECK-LABEL: func.func private @planes(
// CHECK-SAME: #lowbit.bipolar<planes = 3, group = 16, zeta = -1.000000e+00 : f32, per = tensor, scale = f8E4M3FN>
// CHECK-SAME: #lowbit.bcq<planes = 3, group = 16, per = channel, scale = f16>
// CHECK-SAME: #lowbit.bcq<planes = 3, group = 16, shift_terms = 2>
func.func private @planes(!lowbit.weight<2x16, #lowbit.bipolar<planes = 3, group = 16, zeta = -1.0 : f32, per = tensor, scale = f8E4M3FN>>,
                          !lowbit.weight<2x16, #lowbit.bcq<planes = 3, group = 16, per = channel, scale = f16>>,
                          !lowbit.weight<2x16, #lowbit.bcq<planes = 3, group = 16, shift_terms = 2>>)

// CHECK-LABEL: func @constants
func.func @constants() {
  // Two groups of 16: 48 bits of codes, one scale per row.
  // CHECK: scales = dense<{{.*}}> : tensor<2x1xbf16>
  %0 = lowbit.weight {codes = dense<0> : tensor<2x2x6xi8>, scales = dense<[[0.5], [-2.0]]> : tensor<2x1xbf16>}
      : !lowbit.weight<2x20, #lowbit.uniform<bits = 3, group = 16, signed = true, per = channel, scale = bf16>>
  // CHECK: zeros = dense<-3> : tensor<1x1xi8>
  %1 = lowbit.weight {codes = dense<0> : tensor<2x2x6xi8>, scales = dense<0.5> : tensor<1x1xf32>, zeros = dense<-3> : tensor<1x1xi8>}
      : !lowbit.weight<2x20, #lowbit.uniform<bits = 3, group = 16, zero = integer, signed = true, per = tensor>>
  // CHECK: tensor<2x2x4xi8>
  %2 = lowbit.weight {codes = dense<0> : tensor<2x2x4xi8>, scales = dense<0.5> : tensor<2x2xf8E8M0FNU>}
      : !lowbit.weight<2x20, #lowbit.ternary<group = 16, scale = f8E8M0FNU>>
  // 4 bytes of 5 digits; 6 threes are 3 bytes of nibbles and a byte of signs.
  // CHECK: tensor<2x2x4xi8>
  %3 = lowbit.weight {codes = dense<0> : tensor<2x2x4xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<2x20, #lowbit.ternary<group = 16, storage = five_in_eight, per = tensor>>
  // CHECK: tensor<2x2x4xi8>
  %4 = lowbit.weight {codes = dense<0> : tensor<2x2x4xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<2x20, #lowbit.ternary<group = 16, storage = three_in_five, per = tensor>>
  // CHECK: alphas = dense<65> : tensor<2x1x3x2xi8>, betas = dense<0.000000e+00> : tensor<2x1xf32>
  %5 = lowbit.weight {codes = dense<0> : tensor<2x2x6xi8>, alphas = dense<65> : tensor<2x1x3x2xi8>, betas = dense<0.0> : tensor<2x1xf32>}
      : !lowbit.weight<2x20, #lowbit.bcq<planes = 3, group = 16, per = channel, shift_terms = 2>>
  // CHECK: zetas = dense<1.000000e+00> : tensor<1x1xf32>
  %6 = lowbit.weight {codes = dense<0> : tensor<2x2x6xi8>, alphas = dense<0.5> : tensor<1x1xf16>, zetas = dense<1.0> : tensor<1x1xf32>}
      : !lowbit.weight<2x20, #lowbit.bipolar<planes = 3, group = 16, per = tensor, scale = f16>>
  return
}

// CHECK-LABEL: func @concat_rows
func.func @concat_rows(%a: !lowbit.weight<2x20, #lowbit.bipolar<planes = 2, group = 16, zeta = 1.0 : f32, per = tensor>>,
                       %b: !lowbit.weight<3x20, #lowbit.bipolar<planes = 2, group = 16, zeta = -1.0 : f32, per = channel, scale = f16>>) {
  // CHECK: lowbit.concat_rows %{{.*}}, %{{.*}} : !lowbit.weight<2x20, {{.*}}>>, !lowbit.weight<3x20, {{.*}}>> -> !lowbit.weight<5x20, #lowbit.bipolar<planes = 2, group = 16, per = channel>>
  %c = lowbit.concat_rows %a, %b : !lowbit.weight<2x20, #lowbit.bipolar<planes = 2, group = 16, zeta = 1.0 : f32, per = tensor>>,
      !lowbit.weight<3x20, #lowbit.bipolar<planes = 2, group = 16, zeta = -1.0 : f32, per = channel, scale = f16>>
      -> !lowbit.weight<5x20, #lowbit.bipolar<planes = 2, group = 16, per = channel>>
  return
}
