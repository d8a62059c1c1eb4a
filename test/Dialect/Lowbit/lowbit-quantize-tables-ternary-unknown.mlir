// RUN: lutra-opt %s --lowbit-quantize-tables=ternary | FileCheck %s
// A weight that is an argument may have a code of 3: its tables are of four activations.

!W = !lowbit.weight<2x32, #lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>>

// CHECK-LABEL: func @unknown
// CHECK: table = #lowbit.table_kind<i8>}
func.func @unknown(%a: tensor<?x32xf32>, %w: !W) -> tensor<?x2xf32> {
  %y = lowbit.matmul %a, %w : tensor<?x32xf32>, !W -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
