// RUN: lutra-opt %s --lowbit-share-tables | FileCheck %s
// RUN: lutra-opt %s --lowbit-share-tables -Rpass=lowbit-share-tables -Rpass-missed=lowbit-share-tables -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!w = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
!t = !lowbit.table<?x64, group = 32, element = i8>

// The first of the equal tables remains; its location is those of all.
// REMARK-DAG: [Passed] lowbit-share-tables {{.*}} Reason="3 equal tables are computed once", tables=3
// CHECK-LABEL: func @three
// CHECK: %[[T:.*]] = lowbit.precompute
// CHECK-NOT: lowbit.precompute
// CHECK-COUNT-3: lowbit.lookup_matmul %[[T]]
func.func @three(%a: tensor<?x64xf32>, %w: !w) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %t0 = lowbit.precompute %a : tensor<?x64xf32> -> !t
  %t1 = lowbit.precompute %a : tensor<?x64xf32> -> !t
  %x = lowbit.lookup_matmul %t0, %w : !t, !w -> tensor<?x8xf32>
  %y = lowbit.lookup_matmul %t1, %w : !t, !w -> tensor<?x8xf32>
  %t2 = lowbit.precompute %a : tensor<?x64xf32> -> !t
  %z = lowbit.lookup_matmul %t2, %w : !t, !w -> tensor<?x8xf32>
  return %x, %y, %z : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// Tables of other activations, and tables of another kind, are others.
// REMARK-DAG: [Missed] lowbit-share-tables {{.*}} Reason="the same activations have another table too: !lowbit.table<?x64, group = 32, element = i8>, not !lowbit.table<?x64, group = 16, element = i8>"
// CHECK-LABEL: func @different
// CHECK-COUNT-3: lowbit.precompute
func.func @different(%a: tensor<?x64xf32>, %b: tensor<?x64xf32>) -> (!t, !t, !lowbit.table<?x64, group = 16, element = i8>) {
  %x = lowbit.precompute %a : tensor<?x64xf32> -> !t
  %y = lowbit.precompute %b : tensor<?x64xf32> -> !t
  %z = lowbit.precompute %a : tensor<?x64xf32> -> !lowbit.table<?x64, group = 16, element = i8>
  return %x, %y, %z : !t, !t, !lowbit.table<?x64, group = 16, element = i8>
}

// A table that is there before a branch serves the branch.
// CHECK-LABEL: func @before_branch
// CHECK: %[[T:.*]] = lowbit.precompute
// CHECK: scf.if
// CHECK-NOT: lowbit.precompute
// CHECK: lowbit.lookup_matmul %[[T]]
func.func @before_branch(%a: tensor<?x64xf32>, %w: !w, %c: i1, %d: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %t = lowbit.precompute %a : tensor<?x64xf32> -> !t
  %x = scf.if %c -> tensor<?x8xf32> {
    %u = lowbit.precompute %a : tensor<?x64xf32> -> !t
    %y = lowbit.lookup_matmul %u, %w : !t, !w -> tensor<?x8xf32>
    scf.yield %y : tensor<?x8xf32>
  } else {
    scf.yield %d : tensor<?x8xf32>
  }
  %z = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<?x8xf32>
  return %x, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// A table that is needed in a branch and after it is computed before.
// CHECK-LABEL: func @after_branch
// CHECK: %[[T:.*]] = lowbit.precompute
// CHECK: scf.if
// CHECK: lowbit.lookup_matmul %[[T]]
// CHECK-NOT: lowbit.precompute
// CHECK: lowbit.lookup_matmul %[[T]]
func.func @after_branch(%a: tensor<?x64xf32>, %w: !w, %c: i1, %d: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %x = scf.if %c -> tensor<?x8xf32> {
    %u = lowbit.precompute %a : tensor<?x64xf32> -> !t
    %y = lowbit.lookup_matmul %u, %w : !t, !w -> tensor<?x8xf32>
    scf.yield %y : tensor<?x8xf32>
  } else {
    scf.yield %d : tensor<?x8xf32>
  }
  %t = lowbit.precompute %a : tensor<?x64xf32> -> !t
  %z = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<?x8xf32>
  return %x, %z : tensor<?x8xf32>, tensor<?x8xf32>
}
