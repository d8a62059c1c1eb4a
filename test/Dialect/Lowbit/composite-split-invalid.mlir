// A product that was not put in planes, nor sent another way, is not left behind silently.
// RUN: lutra-opt %s --lowbit-split-precompute --split-input-file --verify-diagnostics

!nf4 = !lowbit.weight<2x16, #lowbit.codebook<bits = 4, group = 16, table = nf4>>
func.func @codebook(%a: tensor<?x16xf32>, %w: !nf4) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %x = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<?x16xf32>, !nf4 -> tensor<?x2xf32>
  // expected-error @+1 {{the weight has no bit planes to look up, its format is #lowbit.codebook<bits = 4, group = 16, table = nf4>; run lowbit-canonicalize-weights first, and for what stays without planes lowbit-select-strategy}}
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !nf4 -> tensor<?x2xf32>
  return %x, %y : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 6>>
func.func @composite(%a: tensor<?x16xf32>, %w: !nested) -> tensor<?x2xf32> {
  // expected-error @+1 {{the weight has no bit planes to look up, its format is #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 6>; run lowbit-decompose-weights first}}
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !nested -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
