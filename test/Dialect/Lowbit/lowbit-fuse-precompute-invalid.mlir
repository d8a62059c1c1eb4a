// RUN: lutra-opt %s --lowbit-fuse-precompute -Rpass-missed=lowbit-fuse-precompute 2>&1 | FileCheck %s

// Nothing is an error: a precompute whose activations come from elsewhere, or whose K is not static, stays as it is.

// CHECK-DAG: [Missed] lowbit-fuse-precompute {{.*}} Reason="the activations do not come from a row-wise linalg op"
// CHECK-LABEL: func.func @argument
// CHECK-NEXT: lowbit.precompute
func.func @argument(%a: tensor<?x64xf32>) -> !lowbit.table<?x64, group = 32, element = i8> {
  %t = lowbit.precompute %a : tensor<?x64xf32> -> !lowbit.table<?x64, group = 32, element = i8>
  return %t : !lowbit.table<?x64, group = 32, element = i8>
}
