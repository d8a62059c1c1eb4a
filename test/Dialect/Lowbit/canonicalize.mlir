// Folds of the weight ops, and the upstream passes on them.
// RUN: lutra-opt %s --canonicalize --cse | FileCheck %s

!uniform = !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
!planes = !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>>
!bcq = !lowbit.weight<2x16, #lowbit.bcq<planes = 4, group = 16>>

// Two reinterprets are one.
// CHECK-LABEL: func @chain
// CHECK-SAME: (%[[W:.*]]: !lowbit.weight<2x16, #lowbit.uniform
func.func @chain(%w: !uniform) -> !bcq {
  // CHECK-NEXT: %[[R:.*]] = lowbit.reinterpret %[[W]] : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>> to !lowbit.weight<2x16, #lowbit.bcq<planes = 4, group = 16>>
  // CHECK-NEXT: return %[[R]]
  %p = lowbit.reinterpret %w : !uniform to !planes
  %b = lowbit.reinterpret %p : !planes to !bcq
  return %b : !bcq
}

// CHECK-LABEL: func @same_type
// CHECK-SAME: (%[[W:.*]]: !lowbit.weight
func.func @same_type(%w: !uniform) -> !uniform {
  // CHECK-NEXT: return %[[W]]
  %p = lowbit.reinterpret %w : !uniform to !uniform
  return %p : !uniform
}

// Equal constants are one, and so is what is made from them.
// CHECK-LABEL: func @equal_constants
func.func @equal_constants() -> (!planes, !planes) {
  // CHECK-NEXT: lowbit.weight {
  // CHECK-NEXT: %[[P:.*]] = lowbit.reinterpret
  // CHECK-NEXT: return %[[P]], %[[P]]
  %a = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>} : !uniform
  %b = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>} : !uniform
  %p = lowbit.reinterpret %a : !uniform to !planes
  %q = lowbit.reinterpret %b : !uniform to !planes
  return %p, %q : !planes, !planes
}

// Concatenations of concatenations are one; one of a single weight is that weight.
// CHECK-LABEL: func @concat_rows
// CHECK-SAME: (%[[W:.*]]: !lowbit.weight<2x16
func.func @concat_rows(%w: !uniform) -> (!uniform, !lowbit.weight<6x16, #lowbit.uniform<bits = 4, group = 16>>) {
  // CHECK-NEXT: %[[C:.*]] = lowbit.concat_rows %[[W]], %[[W]], %[[W]] :
  // CHECK-NEXT: return %[[W]], %[[C]]
  %one = lowbit.concat_rows %w : !uniform -> !uniform
  %two = lowbit.concat_rows %w, %one : !uniform, !uniform -> !lowbit.weight<4x16, #lowbit.uniform<bits = 4, group = 16>>
  %three = lowbit.concat_rows %two, %w : !lowbit.weight<4x16, #lowbit.uniform<bits = 4, group = 16>>, !uniform
      -> !lowbit.weight<6x16, #lowbit.uniform<bits = 4, group = 16>>
  return %one, %three : !uniform, !lowbit.weight<6x16, #lowbit.uniform<bits = 4, group = 16>>
}

// Two precomputes of the same activations are one, and what nobody reads goes.
// CHECK-LABEL: func @precompute
func.func @precompute(%a: tensor<?x16xf32>, %w: !planes) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK-NEXT: %[[T:.*]] = lowbit.precompute
  // CHECK-NEXT: lowbit.lookup_matmul %[[T]]
  // CHECK-NEXT: lowbit.lookup_matmul %[[T]]
  %t = lowbit.precompute %a : tensor<?x16xf32> -> !lowbit.table<?x16, group = 16, element = i8>
  %u = lowbit.precompute %a : tensor<?x16xf32> -> !lowbit.table<?x16, group = 16, element = i8>
  %unused = lowbit.precompute %a : tensor<?x16xf32> -> !lowbit.table<?x16, group = 16, element = f32>
  %x = lowbit.lookup_matmul %t, %w : !lowbit.table<?x16, group = 16, element = i8>, !planes -> tensor<?x2xf32>
  %y = lowbit.lookup_matmul %u, %w tile <m = 1, n = 2, k = 16> : !lowbit.table<?x16, group = 16, element = i8>, !planes -> tensor<?x2xf32>
  return %x, %y : tensor<?x2xf32>, tensor<?x2xf32>
}
