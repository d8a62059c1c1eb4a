// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{width must be 4 or 3, but is 5}}
func.func private @width() attributes {lowbit.example = #lowbit.table_kind<i8, width = 5>}

// -----

// expected-error @+1 {{tables of three activations have i8 entries and a scale per group or row, but found 'i16' and group; take width = 4}}
func.func private @element() attributes {lowbit.example = #lowbit.table_kind<i16, width = 3>}

// -----

// expected-error @+1 {{tables of three activations have i8 entries and a scale per group or row, but found 'i8' and table; take width = 4}}
func.func private @scale(!lowbit.table<?x64, group = 32, element = i8, scale = table, width = 3>)

// -----

// expected-error @+1 {{tables of three activations are halves as they are; leave symmetric out}}
func.func private @symmetric(!lowbit.table<?x64, group = 32, element = i8, width = 3, symmetric = true>)

// -----

func.func @codes(%a: tensor<?x64xi8>, %s: tensor<?x2xf32>) {
  // expected-error @+1 {{tables of integer activations are of 4, but found width = 3: ternary weights multiply codes without tables (C2)}}
  %t = lowbit.precompute %a scales(%s : tensor<?x2xf32>) : tensor<?x64xi8> -> !lowbit.table<?x64, group = 32, element = i8, width = 3>
  return
}

// -----

func.func @matmul_c5(%a: tensor<?x64xf32>, %w: !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>) {
  // expected-error @+1 {{tables of three activations are for ternary weights, but the weight's format is #lowbit.bipolar<planes = 4, group = 32> (C5)}}
  %y = lowbit.matmul %a, %w {table = #lowbit.table_kind<i8, width = 3>} : tensor<?x64xf32>, !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>> -> tensor<?x8xf32>
  return
}

// -----

func.func @lookup_c5(%t: !lowbit.table<?x64, group = 32, element = i8, width = 3>, %w: !lowbit.weight<8x64, #lowbit.bipolar<planes = 2, group = 32>>) {
  // expected-error @+1 {{tables of three activations are for ternary weights, two planes with zeta 1, but the weight's format is #lowbit.bipolar<planes = 2, group = 32> (C5)}}
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x64, group = 32, element = i8, width = 3>, !lowbit.weight<8x64, #lowbit.bipolar<planes = 2, group = 32>> -> tensor<?x8xf32>
  return
}

// -----

#planes = #lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>
!P = !lowbit.weight<8x64, #lowbit.packed<#planes, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>>
func.func @packed_for_three(%t: !lowbit.table<?x64, group = 32, element = i8>, %w: !P) {
  // expected-error @+1 {{the table is of 4 activations, but the weight is packed for tables of 3 (C5)}}
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x64, group = 32, element = i8>, !P -> tensor<?x8xf32>
  return
}

// -----

#planes = #lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>
!P = !lowbit.weight<8x64, #lowbit.packed<#planes, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @packed_for_four(%t: !lowbit.table<?x64, group = 32, element = i8, width = 3>, %w: !P) {
  // expected-error @+1 {{the table is of 3 activations, but the weight is packed for tables of 4 (C5)}}
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x64, group = 32, element = i8, width = 3>, !P -> tensor<?x8xf32>
  return
}

// -----

// expected-error @+1 {{triples are for tiles of 64 rows, but rows is 16}}
func.func private @rows() attributes {lowbit.example = #lowbit.layout<rows = 16, alpha = f16, lookup_triples = true>}

// -----

// expected-error @+1 {{triples that are looked up are codes and signs of their own, without zetas; leave zeta or lookup_triples out}}
func.func private @zeta() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, zeta = i8, lookup_triples = true>}

// -----

// expected-error @+1 {{triples that are looked up are codes and signs of their own, without zetas; leave triples or lookup_triples out}}
func.func private @both() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, triples = true, lookup_triples = true>}

// -----

// expected-error @+1 {{triples that are looked up are of two planes that share an alpha and have zeta 1, but the format is #lowbit.bipolar<planes = 2, group = 24, zeta = -1.000000e+00 : f32>}}
func.func private @format() attributes {lowbit.example = #lowbit.packed<#lowbit.bipolar<planes = 2, group = 24, zeta = -1.0 : f32>,
    #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>}
