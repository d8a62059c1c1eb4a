// Values of products with codebooks and weights made of weights: as written, taken apart, in planes, lowered. The same remark each time.
// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics -o /dev/null
// RUN: lutra-opt %s --lowbit-decompose-weights --lowbit-interpret --verify-diagnostics -o /dev/null
// RUN: lutra-opt %s --lowbit-decompose-weights --lowbit-canonicalize-weights --lowbit-interpret --verify-diagnostics -o /dev/null
// RUN: lutra-opt %s --lowbit-decompose-weights --lowbit-canonicalize-weights --lowbit-lower-to-dense --lowbit-interpret --verify-diagnostics -o /dev/null

// Scale 2: 0.5 and -6 of e2m1 are 1 and -12; 3 * 1 - 12 * 5.
!mxfp4 = !lowbit.weight<1x2, #lowbit.codebook<bits = 4, group = 2, table = e2m1, scale = f8E8M0FNU>>
func.func @codebook() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[3.0, 5.0]]> : tensor<1x2xf32>
  %w = lowbit.weight {codes = dense<0xF1> : tensor<1x1x1xi8>, scales = dense<2.0> : tensor<1x1xf8E8M0FNU>} : !mxfp4
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<1x2xf32>, !mxfp4 -> tensor<1x1xf32>
  return %y : tensor<1x1xf32> // expected-remark {{result 0: 'tensor<1x1xf32>' = [[-57]]}}
}

// The first row of all is output channel 1. Codes around 8 and 128.
!mixed = !lowbit.weight<2x2, #lowbit.mixed<rows = [1, 1], formats = [#lowbit.uniform<bits = 4, group = 2>, #lowbit.uniform<bits = 8, group = 2>]>>
func.func @mixed() -> tensor<1x2xf32> {
  %a = arith.constant dense<[[3.0, 5.0]]> : tensor<1x2xf32>
  %w = lowbit.weight {"0.codes" = dense<0x7A> : tensor<1x1x1xi8>, "0.scales" = dense<0.5> : tensor<1x1xf32>,
                      "1.codes" = dense<[[[-127, 0]]]> : tensor<1x1x2xi8>, "1.scales" = dense<1.0> : tensor<1x1xf32>,
                      permutation = dense<[1, 0]> : tensor<2xi32>} : !mixed
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<1x2xf32>, !mixed -> tensor<1x2xf32>
  return %y : tensor<1x2xf32> // expected-remark {{result 0: 'tensor<1x2xf32>' = [[-637, 0.5]]}}
}

// 0xC of 4 bits is 4; of 2 bits it is the middle of 0xC to 0xF, 5.5.
!nested = !lowbit.weight<1x1, #lowbit.nested<#lowbit.uniform<bits = 4, group = 1>, min_bits = 2>>
func.func @nested() -> (tensor<1x1xf32>, tensor<1x1xf32>) {
  %a = arith.constant dense<2.0> : tensor<1x1xf32>
  %two = arith.constant 2 : i32
  %w = lowbit.weight {codes = dense<12> : tensor<1x1x1xi8>, scales = dense<1.0> : tensor<1x1xf32>} : !nested
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<1x1xf32>, !nested -> tensor<1x1xf32>
  %z = lowbit.matmul %a, %w precision(%two) {strategy = #lowbit.strategy<dense>} : tensor<1x1xf32>, !nested -> tensor<1x1xf32>
  // expected-remark @+2 {{result 0: 'tensor<1x1xf32>' = [[8]]}}
  // expected-remark @+1 {{result 1: 'tensor<1x1xf32>' = [[11]]}}
  return %y, %z : tensor<1x1xf32>, tensor<1x1xf32>
}

// A place of "none" adds nothing, not even 0 times the infinity of column 0: the body gives inf, the one outlier 6.
!entries = !lowbit.weight<1x2, #lowbit.outliers<#lowbit.uniform<bits = 4, group = 2>, entries = 2, value = f16>>
func.func @outliers() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[0x7F800000, 2.0]]> : tensor<1x2xf32>
  %w = lowbit.weight {body.codes = dense<0x99> : tensor<1x1x1xi8>, body.scales = dense<0.5> : tensor<1x1xf32>,
                      indices = dense<[[1, -1]]> : tensor<1x2xi32>, values = dense<[[3.0, 0.0]]> : tensor<1x2xf16>} : !entries
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<1x2xf32>, !entries -> tensor<1x1xf32>
  return %y : tensor<1x1xf32> // expected-remark {{result 0: 'tensor<1x1xf32>' = [[inf]]}}
}
