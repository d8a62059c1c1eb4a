// RUN: lutra-opt %s --lowbit-symmetrize-tables | FileCheck %s
// RUN: lutra-opt %s --lowbit-symmetrize-tables --remark-policy=all --remarks-filter=lowbit-symmetrize-tables -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!w = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
!t = !lowbit.table<?x64, group = 32, element = i8>

// REMARK-DAG: [Passed] lowbit-symmetrize-tables {{.*}} Reason="every use is a lookup of -1 and +1 planes: 8 of 16 entries are computed"
// CHECK-LABEL: func @lookups
func.func @lookups(%a: tensor<?x64xf32>, %w: !w) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK: %[[T:.*]] = lowbit.precompute %{{.*}} -> !lowbit.table<?x64, group = 32, element = i8, symmetric = true>
  // CHECK-COUNT-2: lowbit.lookup_matmul %[[T]], %{{.*}} : !lowbit.table<?x64, group = 32, element = i8, symmetric = true>
  %t = lowbit.precompute %a : tensor<?x64xf32> -> !t
  %x = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<?x8xf32>
  %y = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<?x8xf32>
  return %x, %y : tensor<?x8xf32>, tensor<?x8xf32>
}

// A table that something else reads keeps its type.
// REMARK-DAG: [Missed] lowbit-symmetrize-tables {{.*}} Reason="func.return also reads the table"
// CHECK-LABEL: func @escapes
func.func @escapes(%a: tensor<?x64xf32>, %w: !w) -> (tensor<?x8xf32>, !t) {
  // CHECK: lowbit.precompute %{{.*}} -> !lowbit.table<?x64, group = 32, element = i8>{{$}}
  %t = lowbit.precompute %a : tensor<?x64xf32> -> !t
  %x = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<?x8xf32>
  return %x, %t : tensor<?x8xf32>, !t
}

// A table that is no precompute's is left alone.
// CHECK-LABEL: func @argument
func.func @argument(%t: !t, %w: !w) -> tensor<?x8xf32> {
  // CHECK: lowbit.lookup_matmul %{{.*}} : !lowbit.table<?x64, group = 32, element = i8>, !lowbit
  %x = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}
