// Codebooks as planes, where their tables are: affine in the bits of the code, or multiples of a power of two.
// RUN: lutra-opt %s --lowbit-canonicalize-weights=narrow=false --split-input-file | FileCheck %s

// FP4 (e2m1) in 5 bits, with half the scale: codes 1 (0.5), 15 (-6) are 17 and 4 around the midpoint 16.
!mxfp4 = !lowbit.weight<1x2, #lowbit.codebook<bits = 4, group = 2, table = e2m1, scale = f8E8M0FNU>>
// CHECK-LABEL: func.func @e2m1(
func.func @e2m1(%a: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<0xF1> : tensor<1x1x1xi8>, scales = dense<4.0> : tensor<1x1xf8E8M0FNU>} : !mxfp4
  // CHECK: %[[U:.*]] = lowbit.weight {codes = dense_resource<widened> : tensor<1x1x2xi8>, scales = dense_resource<widened_scales> : tensor<1x1xf32>} : !lowbit.weight<1x2, #lowbit.uniform<bits = 5, group = 2>>
  // CHECK: %[[P:.*]] = lowbit.reinterpret %[[U]] {{.*}} to !lowbit.weight<1x2, #lowbit.bipolar<planes = 5, group = 2, zeta = -1.000000e+00 : f32>>
  // CHECK: lowbit.matmul %{{.*}}, %[[P]]
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !mxfp4 -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
// 17 + 4 * 32 = 145 = 0x91; 2.0.
// CHECK: widened: "0x400000009100"
// CHECK: widened_scales: "0x4000000000000040"

// -----

// A symmetric table of four values keeps its codes.
!symmetric = !lowbit.weight<1x4, #lowbit.codebook<bits = 2, group = 4, table = tensor>>
// CHECK-LABEL: func.func @symmetric(
func.func @symmetric(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: %[[W:.*]] = lowbit.weight {codes = dense<27>
  %w = lowbit.weight {codes = dense<27> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>, table = dense<[-1.0, -0.3125, 0.3125, 1.0]> : tensor<4xf32>} : !symmetric
  // CHECK: lowbit.reinterpret %[[W]] {{.*}} to !lowbit.weight<1x4, #lowbit.bcq<planes = 2, group = 4>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !symmetric -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Tables of the rows: alphas of the rows, even where all share a scale.
!channel = !lowbit.weight<2x4, #lowbit.codebook<bits = 1, group = 4, table = channel, per = tensor>>
// CHECK-LABEL: func.func @channel(
func.func @channel(%a: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = lowbit.weight {codes = dense<5> : tensor<2x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>, table = dense<[[-0.171875, 4.0], [500.0, 0.75]]> : tensor<2x2xf32>} : !channel
  // CHECK: lowbit.reinterpret {{.*}} to !lowbit.weight<2x4, #lowbit.bcq<planes = 1, group = 4, per = channel>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !channel -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Positive integers need an integer zero point: the midpoint would take a bit more.
!positive = !lowbit.weight<1x4, #lowbit.codebook<bits = 2, group = 4, table = tensor>>
// CHECK-LABEL: func.func @positive(
func.func @positive(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: zeros = dense<0> : tensor<1x1xi8>} : !lowbit.weight<1x4, #lowbit.uniform<bits = 3, group = 4, zero = integer>>
  %w = lowbit.weight {codes = dense<27> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>, table = dense<[0.0, 1.0, 2.0, 7.0]> : tensor<4xf32>} : !positive
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !positive -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// NF4 has no planes, nor has a table whose alphas would round: they stay, to be dequantized.
!nf4 = !lowbit.weight<1x2, #lowbit.codebook<bits = 4, group = 2, table = nf4>>
!inexact = !lowbit.weight<1x2, #lowbit.codebook<bits = 1, group = 2, table = tensor>>
// CHECK-LABEL: func.func @others(
func.func @others(%a: tensor<?x2xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  %w = lowbit.weight {codes = dense<17> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>} : !nf4
  %v = lowbit.weight {codes = dense<1> : tensor<1x1x1xi8>, scales = dense<0.3> : tensor<1x1xf32>, table = dense<[-0.7, 0.1]> : tensor<2xf32>} : !inexact
  // CHECK-COUNT-2: lowbit.matmul {{.*}} #lowbit.codebook
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !nf4 -> tensor<?x1xf32>
  %z = lowbit.matmul %a, %v : tensor<?x2xf32>, !inexact -> tensor<?x1xf32>
  return %y, %z : tensor<?x1xf32>, tensor<?x1xf32>
}
