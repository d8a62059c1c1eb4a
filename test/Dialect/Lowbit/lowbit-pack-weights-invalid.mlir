// RUN: lutra-opt %s --lowbit-pack-weights --split-input-file --verify-diagnostics
// RUN: not lutra-opt %s --lowbit-pack-weights=rows=0 --split-input-file 2>&1 | FileCheck %s

// CHECK: lowbit-pack-weights: rows must be positive, but is 0

!t = !lowbit.table<?x16, group = 16, element = i8>
!planes = !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16>>

// expected-error @+1 {{the weight must be a constant: a lowbit.weight through lowbit.reinterpret, lowbit.pack and other ops from weight to weight only}}
func.func @argument(%t: !t, %w: !planes) -> tensor<?x2xf32> {
  %x = lowbit.lookup_matmul %t, %w : !t, !planes -> tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}

// -----

!t = !lowbit.table<?x16, group = 16, element = i8>
!uniform = !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16, zero = integer>>
!planes = !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = 5.0 : f32>>

func.func @wrong_zeta(%t: !t) -> tensor<?x2xf32> {
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>, zeros = dense<[[5], [6]]> : tensor<2x1xi8>} : !uniform
  // expected-error @+1 {{the format states a constant zeta of 5.000000e+00, but the zero points do not all give it}}
  %p = lowbit.reinterpret %w : !uniform to !planes
  %x = lowbit.lookup_matmul %t, %p : !t, !planes -> tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}
