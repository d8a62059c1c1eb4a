// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --lowbit-symmetrize-tables | FileCheck %s --check-prefix=WHOLE
// Tables of three activations, and weights that lie as they are looked up.
// WHOLE-NOT: symmetric

!T = !lowbit.table<?x50, group = 32, element = i8, width = 3>
#planes = #lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>
!W = !lowbit.weight<8x50, #planes>
!P = !lowbit.weight<8x50, #lowbit.packed<#planes, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>>

// CHECK-LABEL: func @kind
// CHECK: lowbit.matmul %{{.*}}, %{{.*}} {table = #lowbit.table_kind<i8, width = 3>}
// CHECK: lowbit.matmul %{{.*}}, %{{.*}} {table = #lowbit.table_kind<i8, scale = row, width = 3>}
func.func @kind(%a: tensor<?x50xf32>, %w: !W) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %y = lowbit.matmul %a, %w {table = #lowbit.table_kind<i8, width = 3>} : tensor<?x50xf32>, !W -> tensor<?x8xf32>
  %z = lowbit.matmul %a, %w {table = #lowbit.table_kind<i8, scale = row, width = 3>} : tensor<?x50xf32>, !W -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func @lookup
// CHECK: lowbit.precompute %{{.*}} -> !lowbit.table<?x50, group = 32, element = i8, width = 3>
// 11 tables for 32 columns.
// CHECK: lowbit.assemble_table {{.*}} tensor<?x2x176xi8>
// CHECK: #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>
func.func @lookup(%a: tensor<?x50xf32>, %e: tensor<?x2x176xi8>, %s: tensor<?x2xf32>, %w: !W, %p: !P) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %t = lowbit.precompute %a : tensor<?x50xf32> -> !T
  %u = lowbit.assemble_table %e, %s, %s : tensor<?x2x176xi8>, tensor<?x2xf32>, tensor<?x2xf32> -> !T
  %y = lowbit.lookup_matmul %t, %w : !T, !W -> tensor<?x8xf32>
  %z = lowbit.lookup_matmul %u, %p : !T, !P -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func private @row
// CHECK-SAME: !lowbit.table<4x50, group = 32, element = i8, scale = row, width = 3>
func.func private @row(!lowbit.table<4x50, group = 32, element = i8, width = 3, scale = row>)
