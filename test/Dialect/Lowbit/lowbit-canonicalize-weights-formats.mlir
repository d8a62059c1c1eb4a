// What lowbit-canonicalize-weights makes of ternary, signed and other uniform weights. Codes are 1 x 4 in one group unless said.
// RUN: lutra-opt %s --lowbit-canonicalize-weights --canonicalize --split-input-file | FileCheck %s

// Digits -1, 0, 1, 1: the codes stay, z = 1 is zeta = 1.
// CHECK-LABEL: func @two_bit
// CHECK: lowbit.weight {codes = dense<-92>
// CHECK: to !lowbit.weight<1x4, #lowbit.bipolar<planes = 2, group = 4, zeta = 1.000000e+00 : f32>>
func.func @two_bit(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<164> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.ternary<group = 4>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.ternary<group = 4>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Digits -1, 0, 1, 1, 0: no code is rewritten, and `per` is kept.
// CHECK-LABEL: func @five_in_eight
// CHECK: lowbit.weight {codes = dense<-100>
// CHECK: to !lowbit.weight<1x5, #lowbit.bipolar<planes = 2, group = 5, zeta = 1.000000e+00 : f32, per = tensor>>
func.func @five_in_eight(%a: tensor<?x5xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<156> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xbf16>}
      : !lowbit.weight<1x5, #lowbit.ternary<group = 5, storage = five_in_eight, per = tensor, scale = bf16>>
  %y = lowbit.matmul %a, %w : tensor<?x5xf32>, !lowbit.weight<1x5, #lowbit.ternary<group = 5, storage = five_in_eight, per = tensor, scale = bf16>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Digits 0, 1, 1, 0 are a uniform bit with z = 0.
// CHECK-LABEL: func @zero_and_one
// CHECK: lowbit.weight {codes = dense_resource<[[CODES:.*]]> : tensor<1x1x1xi8>, scales = dense<5.000000e-01> : tensor<1x1xf32>} : !lowbit.weight<1x4, #lowbit.uniform<bits = 1, group = 4, zero = none>>
// CHECK: #lowbit.bipolar<planes = 1, group = 4, zeta = 1.000000e+00 : f32>
// CHECK: [[CODES]]: "0x4000000006"
func.func @zero_and_one(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<105> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.ternary<group = 4>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.ternary<group = 4>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Digits -1, 0, 0, -1 are a uniform bit whose zero point is the midpoint, 1.
// CHECK-LABEL: func @minus_one_and_zero
// CHECK: lowbit.weight {codes = dense_resource<[[CODES:.*]]> : tensor<1x1x1xi8>, {{.*}} : !lowbit.weight<1x4, #lowbit.uniform<bits = 1, group = 4>>
// CHECK: #lowbit.bipolar<planes = 1, group = 4, zeta = -1.000000e+00 : f32>
// CHECK: [[CODES]]: "0x4000000006"
func.func @minus_one_and_zero(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<20> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.ternary<group = 4>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.ternary<group = 4>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Digits -1, 1, 1, -1 are one plane, and the scale is its alpha.
// CHECK-LABEL: func @binary
// CHECK: lowbit.weight {alphas = dense<5.000000e-01> : tensor<1x1xf16>, codes = dense_resource<[[CODES:.*]]> : tensor<1x1x1xi8>} : !lowbit.weight<1x4, #lowbit.bipolar<planes = 1, group = 4, zeta = 0.000000e+00 : f32, per = channel, scale = f16>>
// CHECK-NOT: lowbit.reinterpret
// CHECK: lowbit.matmul
// CHECK: [[CODES]]: "0x4000000006"
func.func @binary(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<40> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf16>}
      : !lowbit.weight<1x4, #lowbit.ternary<group = 4, per = channel, scale = f16>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.ternary<group = 4, per = channel, scale = f16>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Codes -8, 7 need all bits: the midpoint of signed codes is zeta = -1 too.
// CHECK-LABEL: func @signed
// CHECK: lowbit.weight {codes = dense<120>
// CHECK: #lowbit.uniform<bits = 4, group = 2, signed = true>> to !lowbit.weight<1x2, #lowbit.bipolar<planes = 4, group = 2, zeta = -1.000000e+00 : f32>>
func.func @signed(%a: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<120> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, signed = true>>
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, signed = true>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Codes -2, 1 are 0, 3 of two bits around the midpoint.
// CHECK-LABEL: func @signed_narrow
// CHECK: codes = dense_resource<[[CODES:.*]]> : tensor<1x1x1xi8>, {{.*}}#lowbit.uniform<bits = 2, group = 2>>
// CHECK: zeta = -1.000000e+00 : f32
// CHECK: [[CODES]]: "0x400000000C"
func.func @signed_narrow(%a: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<30> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = none, signed = true>>
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = none, signed = true>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// A float zero point stays, so narrow codes stay signed: -2, 1 in two bits; zeta = -1 - 2 z.
// CHECK-LABEL: func @signed_float
// CHECK: codes = dense_resource<[[CODES:.*]]> : tensor<1x1x1xi8>, scales = {{.*}}, zeros = dense<2.500000e-01> : tensor<1x1xf32>} : !lowbit.weight<1x2, #lowbit.uniform<bits = 2, group = 2, zero = float, signed = true>>
// CHECK: zeta = -1.500000e+00 : f32
// CHECK: [[CODES]]: "0x4000000006"
func.func @signed_float(%a: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<30> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>, zeros = dense<0.25> : tensor<1x1xf32>}
      : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = float, signed = true>>
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = float, signed = true>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Codes -2, 1 with z = -3: two signed bits, and z stays; zeta = -1 - 2 z.
// CHECK-LABEL: func @signed_integer
// CHECK: zeros = dense<-3> : tensor<1x1xi8>} : !lowbit.weight<1x2, #lowbit.uniform<bits = 2, group = 2, zero = integer, signed = true>>
// CHECK: zeta = 5.000000e+00 : f32
func.func @signed_integer(%a: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<30> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>, zeros = dense<-3> : tensor<1x1xi8>}
      : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = integer, signed = true>>
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = integer, signed = true>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Codes 4, 7 with z = 3 move down together to unsigned 1, 4 with z = 0.
// CHECK-LABEL: func @signed_one_side
// CHECK: codes = dense_resource<[[CODES:.*]]> : tensor<1x1x1xi8>, {{.*}}zeros = dense<0> : tensor<1x1xi8>} : !lowbit.weight<1x2, #lowbit.uniform<bits = 3, group = 2, zero = integer>>
// CHECK: zeta = 7.000000e+00 : f32
// CHECK: [[CODES]]: "0x4000000021"
func.func @signed_one_side(%a: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<116> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>, zeros = dense<3> : tensor<1x1xi8>}
      : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = integer, signed = true>>
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = integer, signed = true>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// No unsigned byte holds z = -128 of 4-bit codes: codes that use all bits stay.
// CHECK-LABEL: func @signed_far_zero
// CHECK: lowbit.weight {codes = dense<116>
// CHECK: zeta = 2.550000e+02 : f32
func.func @signed_far_zero(%a: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<116> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>, zeros = dense<-128> : tensor<1x1xi8>}
      : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = integer, signed = true>>
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = integer, signed = true>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Without a zero point the high bits that no code uses go: codes 1, 3.
// CHECK-LABEL: func @none
// CHECK: codes = dense_resource<[[CODES:.*]]> : tensor<1x1x1xi8>, {{.*}}#lowbit.uniform<bits = 2, group = 2, zero = none>>
// CHECK: zeta = 3.000000e+00 : f32
// CHECK: [[CODES]]: "0x400000000D"
func.func @none(%a: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<49> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = none>>
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = none>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// One zero point per channel, also when narrowing makes it: codes 8, 9 | 10, 11 with z = 8.
// CHECK-LABEL: func @channel
// CHECK: scales = dense<5.000000e-01> : tensor<1x1xf16>, zeros = dense<0> : tensor<1x1xi8>} : !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 2, zero = integer, per = channel, scale = f16>>
// CHECK: #lowbit.bipolar<planes = 2, group = 2, zeta = 3.000000e+00 : f32, per = channel>
func.func @channel(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<[[[152], [186]]]> : tensor<1x2x1xi8>, scales = dense<0.5> : tensor<1x1xf16>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 2, per = channel, scale = f16>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 2, per = channel, scale = f16>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// A negative scale is as good as any, and so is a column count that no group divides.
// CHECK-LABEL: func @negative_scales
// CHECK: scales = dense<{{\[\[}}-5.000000e-01, 2.500000e-01]]> : tensor<1x2xf32>
// CHECK: zeta = -1.000000e+00 : f32
func.func @negative_scales(%a: tensor<?x3xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<[[[240], [15]]]> : tensor<1x2x1xi8>, scales = dense<[[-0.5, 0.25]]> : tensor<1x2xf32>}
      : !lowbit.weight<1x3, #lowbit.uniform<bits = 4, group = 2>>
  %y = lowbit.matmul %a, %w : tensor<?x3xf32>, !lowbit.weight<1x3, #lowbit.uniform<bits = 4, group = 2>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// A codebook whose values are no planes stays.
// CHECK-LABEL: func @no_planes
// CHECK: lowbit.weight
// CHECK-NOT: lowbit.reinterpret
// CHECK: lowbit.matmul
func.func @no_planes(%a: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<27> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x2, #lowbit.codebook<bits = 4, group = 2, table = nf4>>
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.codebook<bits = 4, group = 2, table = nf4>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Rows that are concatenated are reinterpreted together; the parts' zero points agree.
// CHECK-LABEL: func @concat
// CHECK: %[[C:.*]] = lowbit.concat_rows
// CHECK: lowbit.reinterpret %[[C]] : {{.*}} to !lowbit.weight<2x2, #lowbit.bipolar<planes = 4, group = 2, zeta = 9.000000e+00 : f32>>
!w = !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = integer>>
!c = !lowbit.weight<2x2, #lowbit.uniform<bits = 4, group = 2, zero = integer>>
func.func @concat(%a: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %v = lowbit.weight {codes = dense<1> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>, zeros = dense<3> : tensor<1x1xi8>} : !w
  %w = lowbit.weight {codes = dense<2> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>, zeros = dense<3> : tensor<1x1xi8>} : !w
  %c = lowbit.concat_rows %v, %w : !w, !w -> !c
  %y = lowbit.matmul %a, %c : tensor<?x2xf32>, !c -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A dense product keeps the weight that it has; a lookup of the same weight does not.
// CHECK-LABEL: func @dense
// CHECK: %[[W:.*]] = lowbit.weight
// CHECK: %[[P:.*]] = lowbit.reinterpret %[[W]]
// CHECK: lowbit.matmul %{{.*}}, %[[W]] {strategy = #lowbit.strategy<dense>}
// CHECK: lowbit.matmul %{{.*}}, %[[P]] :
!w = !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2, zero = float>>
func.func @dense(%a: tensor<?x2xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  %w = lowbit.weight {codes = dense<241> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>, zeros = dense<3.3> : tensor<1x1xf32>} : !w
  %x = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<?x2xf32>, !w -> tensor<?x1xf32>
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !w -> tensor<?x1xf32>
  return %x, %y : tensor<?x1xf32>, tensor<?x1xf32>
}
