// RUN: lutra-opt %s --lowbit-share-tables | FileCheck %s
// RUN: lutra-opt %s --lowbit-share-tables -Rpass-missed=lowbit-share-tables -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Two branches of which at most one is taken keep a table each: moved up, it would be computed when neither is.

!t = !lowbit.table<?x64, group = 32, element = i8>

// REMARK: [Missed] lowbit-share-tables {{.*}} Reason="an equal table is computed in another branch, and neither is computed before the other"
// CHECK-LABEL: func @exclusive
// CHECK: scf.if
// CHECK: lowbit.precompute
// CHECK: else
// CHECK: lowbit.precompute
func.func @exclusive(%a: tensor<?x64xf32>, %w: !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>, %c: i1) -> tensor<?x8xf32> {
  %x = scf.if %c -> tensor<?x8xf32> {
    %t = lowbit.precompute %a : tensor<?x64xf32> -> !t
    %y = lowbit.lookup_matmul %t, %w : !t, !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>> -> tensor<?x8xf32>
    scf.yield %y : tensor<?x8xf32>
  } else {
    %t = lowbit.precompute %a : tensor<?x64xf32> -> !t
    %y = lowbit.lookup_matmul %t, %w : !t, !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>> -> tensor<?x8xf32>
    %z = arith.negf %y : tensor<?x8xf32>
    scf.yield %z : tensor<?x8xf32>
  }
  return %x : tensor<?x8xf32>
}
