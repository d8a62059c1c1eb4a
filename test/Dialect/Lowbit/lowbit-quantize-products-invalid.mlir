// What lowbit-quantize-products leaves to another pass.
// RUN: lutra-opt %s --lowbit-quantize-products --split-input-file --verify-diagnostics

!u = !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
func.func @uniform(%a: tensor<?x16xf32>, %w: !u) -> tensor<?x2xf32> {
  // expected-error @+1 {{expected a weight in bit planes, but its format is #lowbit.uniform<bits = 4, group = 16>; run lowbit-canonicalize-weights first}}
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<int8>} : tensor<?x16xf32>, !u -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 6>>
func.func @composite(%a: tensor<?x16xf32>, %w: !nested) -> tensor<?x2xf32> {
  // expected-error @+1 {{run lowbit-decompose-weights first}}
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<int8>} : tensor<?x16xf32>, !nested -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
