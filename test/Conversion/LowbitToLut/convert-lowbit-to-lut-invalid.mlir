// RUN: lutra-opt %s --convert-lowbit-to-lut --split-input-file --verify-diagnostics

!P = !lowbit.weight<8x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>>
!T = !lowbit.table<?x16, group = 16, element = i8>
func.func @unpacked(%a: tensor<?x16xf32>, %w: !P) -> tensor<?x8xf32> {
  %t = lowbit.precompute %a : tensor<?x16xf32> -> !T
  // expected-error @+1 {{needs a packed weight, but its format is #lowbit.bipolar<planes = 4, group = 16, zeta = -1.000000e+00 : f32>; run lowbit-pack-weights}}
  %y = lowbit.lookup_matmul %t, %w : !T, !P -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

!P = !lowbit.weight<8x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>>
func.func @not_split(%a: tensor<?x16xf32>, %w: !P) -> tensor<?x8xf32> {
  // expected-error @+1 {{is not split into precompute and lookup; run lowbit-split-precompute}}
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !P -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

!W = !lowbit.weight<8x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
!T = !lowbit.table<?x16, group = 16, element = i8>
func.func @table_from_elsewhere(%t: !T, %w: !W) -> tensor<?x8xf32> {
  // expected-error @+1 {{needs its table to be made by lowbit.precompute or lowbit.assemble_table in the same region, but it comes from elsewhere}}
  %y = lowbit.lookup_matmul %t, %w : !T, !W -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

!T = !lowbit.table<?x16, group = 16, element = i8>
func.func @table_returned(%a: tensor<?x16xf32>) -> !T {
  // expected-error @+1 {{makes a table that 'func.return' uses; only lowbit.lookup_matmul can read one below this level}}
  %t = lowbit.precompute %a : tensor<?x16xf32> -> !T
  return %t : !T
}

// -----

!T = !lowbit.table<?x16, group = 16, element = i8>
func.func @dynamic_k(%a: tensor<?x?xf32>) {
  // expected-error @+1 {{needs activations whose K is static, but they are 'tensor<?x?xf32>'; cast them to K = 16 first}}
  %t = lowbit.precompute %a : tensor<?x?xf32> -> !T
  return
}

// -----

func.func @quantize_dynamic_k(%a: tensor<?x?xf32>) -> (tensor<?x?xi8>, tensor<?x1xf32>) {
  // expected-error @+1 {{needs activations whose K is static, but they are 'tensor<?x?xf32>'}}
  %q, %s = lowbit.quantize_activations %a {bits = 8 : i64, kind = #lowbit.codes<absmax>} : tensor<?x?xf32> -> tensor<?x?xi8>, tensor<?x1xf32>
  return %q, %s : tensor<?x?xi8>, tensor<?x1xf32>
}
