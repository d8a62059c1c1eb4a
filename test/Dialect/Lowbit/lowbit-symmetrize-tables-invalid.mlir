// RUN: lutra-opt %s --lowbit-symmetrize-tables -Rpass-missed=lowbit-symmetrize-tables 2>&1 | FileCheck %s

// Nothing is an error: a table that something else than a lookup reads keeps its type, and a remark says who reads it.

!t = !lowbit.table<?x64, group = 32, element = i8>

// CHECK: [Missed] lowbit-symmetrize-tables {{.*}} Reason="func.return also reads the table"
// CHECK-LABEL: func.func @escapes
// CHECK: lowbit.precompute %{{.*}} -> !lowbit.table<?x64, group = 32, element = i8>{{$}}
func.func @escapes(%a: tensor<?x64xf32>) -> !t {
  %t = lowbit.precompute %a : tensor<?x64xf32> -> !t
  return %t : !t
}
