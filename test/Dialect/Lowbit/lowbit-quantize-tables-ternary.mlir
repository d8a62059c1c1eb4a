// RUN: lutra-opt %s --lowbit-quantize-tables=ternary | FileCheck %s
// RUN: lutra-opt %s --lowbit-quantize-tables='ternary scale=row' | FileCheck %s --check-prefix=ROW
// RUN: lutra-opt %s --lowbit-quantize-tables=ternary --lowbit-split-precompute --lowbit-symmetrize-tables --lowbit-tile-elongated --lowbit-pack-weights=triples \
// RUN:   | FileCheck %s --check-prefix=PACKED
// RUN: not lutra-opt %s --lowbit-quantize-tables='ternary element=f16' 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: not lutra-opt %s --lowbit-quantize-tables='ternary scale=table' 2>&1 | FileCheck %s --check-prefix=REFUSED
// REFUSED: tables of three activations have i8 entries and a scale per group or row; take these, or leave ternary out

#planes = #lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>
!W = !lowbit.weight<2x32, #planes>
!Z = !lowbit.weight<2x32, #lowbit.bipolar<planes = 2, group = 32, zeta = -1.0 : f32>>

// CHECK-LABEL: func @ternary
// CHECK: table = #lowbit.table_kind<i8, width = 3>
// ROW: table = #lowbit.table_kind<i8, scale = row, width = 3>
// A tile of 64 rows has 11 tables of 40 bytes, and an f16 for each row.
// PACKED-LABEL: func @ternary
// PACKED: lowbit.precompute {{.*}} -> !lowbit.table<?x32, group = 32, element = i8, width = 3>
// PACKED: lowbit.pack {{.*}} #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>
func.func @ternary(%a: tensor<?x32xf32>) -> tensor<?x2xf32> {
  %w = lowbit.weight {codes = dense<0x24> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !W
  %y = lowbit.matmul %a, %w : tensor<?x32xf32>, !W -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// A code of 3, another zeta, or a weight that is multiplied elsewhere: tables of four.
// CHECK-LABEL: func @others
// CHECK-COUNT-3: table = #lowbit.table_kind<i8>
// CHECK-NOT: width = 3
func.func @others(%a: tensor<?x32xf32>, %q: tensor<?x32xi8>, %s: tensor<?x1xf32>)
    -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = lowbit.weight {codes = dense<3> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !W
  %z = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !Z
  %v = lowbit.weight {codes = dense<2> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !W
  %0 = lowbit.matmul %a, %w : tensor<?x32xf32>, !W -> tensor<?x2xf32>
  %1 = lowbit.matmul %a, %z : tensor<?x32xf32>, !Z -> tensor<?x2xf32>
  %3 = lowbit.matmul %a, %v : tensor<?x32xf32>, !W -> tensor<?x2xf32>
  %4 = lowbit.matmul %q, %v scales(%s : tensor<?x1xf32>) : tensor<?x32xi8>, !W -> tensor<?x2xf32>
  return %0, %1, %3, %4 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
