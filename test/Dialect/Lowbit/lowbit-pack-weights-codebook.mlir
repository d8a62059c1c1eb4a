// RUN: lutra-opt %s --lowbit-pack-weights='dense codebooks' | FileCheck %s
// RUN: lutra-opt %s --lowbit-pack-weights=dense | FileCheck %s --check-prefix=PLANES
// RUN: not lutra-opt %s --lowbit-pack-weights='symmetric codebooks' 2>&1 | FileCheck %s --check-prefix=REFUSED
// REFUSED: codebooks are for machines that multiply codes, symmetric for half tables; leave one out

!wide = !lowbit.weight<2x8, #lowbit.bipolar<planes = 8, group = 8, zeta = -1.0 : f32>>
!planes = !lowbit.weight<2x16, #lowbit.bipolar<planes = 5, group = 16, zeta = -1.0 : f32>>
!floats = !lowbit.table<?x8, group = 8, element = i8>
!codes = !lowbit.table<?x8, group = 8, element = i16>
// PLANES-NOT: codebook

// Three codes of 8 bits: indices of 4, for products that multiply codes, and dense ones.
// CHECK-LABEL: func @multiplied
// CHECK: lowbit.pack {{.*}} #lowbit.layout<rows = 64, alpha = f16, codebook = [0, 1, 255]>
func.func @multiplied(%q: tensor<?x8xi8>, %s: tensor<?x1xf32>, %a: tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = lowbit.weight {codes = dense<[[[0, 1, -1, 0, 0, 0, 0, 0]], [[1, 1, 1, 1, 1, 1, 1, 0]]]> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !wide
  %t = lowbit.precompute %q scales(%s : tensor<?x1xf32>) : tensor<?x8xi8> -> !codes
  %y = lowbit.lookup_matmul %t, %w : !codes, !wide -> tensor<?x2xf32>
  %d = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<?x8xf32>, !wide -> tensor<?x2xf32>
  return %y, %d : tensor<?x2xf32>, tensor<?x2xf32>
}

// One product that looks planes up is enough for planes.
// CHECK-LABEL: func @looked_up
// CHECK: lowbit.pack
// CHECK-NOT: codebook
func.func @looked_up(%q: tensor<?x8xi8>, %s: tensor<?x1xf32>, %t: !floats) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = lowbit.weight {codes = dense<3> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !wide
  %c = lowbit.precompute %q scales(%s : tensor<?x1xf32>) : tensor<?x8xi8> -> !codes
  %y = lowbit.lookup_matmul %c, %w : !codes, !wide -> tensor<?x2xf32>
  %z = lowbit.lookup_matmul %t, %w : !floats, !wide -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// 17 codes are too many: 16 of a row, and one of the other.
// CHECK-LABEL: func @many
// CHECK: lowbit.pack
// CHECK-NOT: codebook
func.func @many(%a: tensor<?x16xf32>) -> tensor<?x2xf32> {
  %w = lowbit.weight {codes = dense<[[[32, -120, 65, -118, 57, 40, -87, -59, -102, 123]], [[-1, -1, -1, -1, -1, -1, -1, -1, -1, -1]]]> : tensor<2x1x10xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !planes
  %d = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<?x16xf32>, !planes -> tensor<?x2xf32>
  return %d : tensor<?x2xf32>
}
