// What lowbit-lower-to-dense leaves to another pass.
// RUN: lutra-opt %s --lowbit-lower-to-dense=all=true --split-input-file --verify-diagnostics

!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 6>>
func.func @composite(%a: tensor<?x16xf32>, %w: !nested) -> tensor<?x2xf32> {
  // expected-error @+1 {{expected a weight that is not composite, but its format is #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 6>; run lowbit-decompose-weights first}}
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !nested -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

!u = !lowbit.weight<2x16, #lowbit.uniform<bits = 8, group = 16>>
func.func @precision(%a: tensor<?x16xf32>, %w: !u, %b: i32) -> tensor<?x2xf32> {
  // expected-error @+1 {{expected no precision operand; run lowbit-decompose-weights first}}
  %y = lowbit.matmul %a, %w precision(%b) : tensor<?x16xf32>, !u -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
