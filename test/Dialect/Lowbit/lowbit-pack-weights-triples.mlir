// RUN: lutra-opt %s --lowbit-pack-weights='dense triples' | FileCheck %s
// RUN: lutra-opt %s --lowbit-pack-weights=dense | FileCheck %s --check-prefix=PLANES
// RUN: lutra-opt %s --lowbit-pack-weights='triples rows=32' | FileCheck %s --check-prefix=PLANES
// RUN: not lutra-opt %s --lowbit-pack-weights='symmetric triples' 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: lutra-opt %s --lowbit-pack-weights='dense triples' --remark-policy=all --remarks-filter=lowbit-pack-weights -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// REFUSED: triples are for machines that multiply codes, symmetric for half tables; leave one out

!planes = !lowbit.weight<2x32, #lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>>
!zetas = !lowbit.weight<2x32, #lowbit.bipolar<planes = 2, group = 32>>
!short = !lowbit.weight<2x16, #lowbit.bipolar<planes = 2, group = 16, zeta = 1.0 : f32>>
!three = !lowbit.weight<2x32, #lowbit.bipolar<planes = 3, group = 32, zeta = 1.0 : f32>>
!floats = !lowbit.table<?x32, group = 32, element = i8>
!codes = !lowbit.table<?x32, group = 32, element = i16>
!short_codes = !lowbit.table<?x16, group = 16, element = i16>
// PLANES-NOT: triples

// Codes of 0, 1 and 2 that are multiplied: a tile of 64 rows has 320 bytes for 24 columns, 128 for 8, and an f16 for each row.
// REMARK: bytes=576
// CHECK-LABEL: func @multiplied
// CHECK: lowbit.pack {{.*}} #lowbit.layout<rows = 64, alpha = f16, triples = true>
func.func @multiplied(%t: tensor<?x32xi8>, %s: tensor<?x1xf32>) -> tensor<?x2xf32> {
  // 0x24 is the codes 0, 1, 2, 0 and 0x18 the codes 0, 2, 1, 0.
  %w = lowbit.weight {codes = dense<[[[0x24, 0, 0, 0, 0, 0, 0, 0x18]], [[0, 0x18, 0, 0, 0, 0, 0, 0]]]> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !planes
  %c = lowbit.precompute %t scales(%s : tensor<?x1xf32>) : tensor<?x32xi8> -> !codes
  %y = lowbit.lookup_matmul %c, %w : !codes, !planes -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// Zetas lie beside triples.
// CHECK-LABEL: func @zetas
// CHECK: #lowbit.layout<rows = 64, alpha = f16, zeta = i8, triples = true>
func.func @zetas(%t: tensor<?x32xi8>, %s: tensor<?x1xf32>) -> tensor<?x2xf32> {
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>, zetas = dense<[[1.0], [-1.0]]> : tensor<2x1xf32>} : !zetas
  %c = lowbit.precompute %t scales(%s : tensor<?x1xf32>) : tensor<?x32xi8> -> !codes
  %y = lowbit.lookup_matmul %c, %w : !codes, !zetas -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// Not a code of 3, nor three planes, nor zetas as f32, nor a group that has no 24 columns.
// CHECK-LABEL: func @others
// CHECK-COUNT-4: lowbit.pack
// CHECK-NOT: triples
func.func @others(%t: tensor<?x32xi8>, %u: tensor<?x16xi8>, %s: tensor<?x1xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = lowbit.weight {codes = dense<[[[0, 0, 0, 0, 0, 0, 0, 3]], [[0, 0, 0, 0, 0, 0, 0, 0]]]> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !planes
  %b = lowbit.weight {codes = dense<1> : tensor<2x1x12xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !three
  %d = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>, zetas = dense<0.1> : tensor<2x1xf32>} : !zetas
  %e = lowbit.weight {codes = dense<1> : tensor<2x1x4xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !short
  %c = lowbit.precompute %t scales(%s : tensor<?x1xf32>) : tensor<?x32xi8> -> !codes
  %f = lowbit.precompute %u scales(%s : tensor<?x1xf32>) : tensor<?x16xi8> -> !short_codes
  %v = lowbit.lookup_matmul %c, %a : !codes, !planes -> tensor<?x2xf32>
  %x = lowbit.lookup_matmul %c, %b : !codes, !three -> tensor<?x2xf32>
  %y = lowbit.lookup_matmul %c, %d : !codes, !zetas -> tensor<?x2xf32>
  %z = lowbit.lookup_matmul %f, %e : !short_codes, !short -> tensor<?x2xf32>
  return %v, %x, %y, %z : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// Nor where a product looks planes up, or makes numbers of them.
// CHECK-LABEL: func @looked_up
// CHECK-COUNT-2: lowbit.pack
// CHECK-NOT: triples
func.func @looked_up(%q: tensor<?x32xi8>, %s: tensor<?x1xf32>, %a: tensor<?x32xf32>, %t: !floats) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !planes
  %v = lowbit.weight {codes = dense<2> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !planes
  %c = lowbit.precompute %q scales(%s : tensor<?x1xf32>) : tensor<?x32xi8> -> !codes
  %x = lowbit.lookup_matmul %c, %w : !codes, !planes -> tensor<?x2xf32>
  %y = lowbit.lookup_matmul %t, %w : !floats, !planes -> tensor<?x2xf32>
  %z = lowbit.lookup_matmul %c, %v : !codes, !planes -> tensor<?x2xf32>
  %d = lowbit.matmul %a, %v {strategy = #lowbit.strategy<dense>} : tensor<?x32xf32>, !planes -> tensor<?x2xf32>
  return %x, %y, %z, %d : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
