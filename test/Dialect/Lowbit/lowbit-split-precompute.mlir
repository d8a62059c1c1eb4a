// RUN: lutra-opt %s --lowbit-split-precompute | FileCheck %s
// RUN: lutra-opt %s --lowbit-split-precompute=table=f32 | FileCheck %s --check-prefix=F32
// RUN: lutra-opt %s --lowbit-split-precompute --remark-policy=all --remarks-filter=lowbit-split-precompute -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!w32 = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
!w16 = !lowbit.weight<8x64, #lowbit.bcq<planes = 3, group = 16>>

// Products of the same activations share one table per group length; it stands where the activations are defined.
// REMARK-DAG: [Passed] lowbit-split-precompute {{.*}} Reason="2 products share a table", cols=64, group=32
// REMARK-DAG: [Passed] lowbit-split-precompute {{.*}} Reason="1 products share a table", cols=64, group=16
// CHECK-LABEL: func @shared
// CHECK-SAME: (%[[A:.*]]: tensor<?x64xf32>, %[[Q:.*]]: !lowbit.weight<{{.*}}>, %[[K:.*]]: !lowbit.weight<{{.*}}>, %[[V:.*]]: !lowbit.weight
// F32-LABEL: func @shared
func.func @shared(%a: tensor<?x64xf32>, %q: !w32, %k: !w32, %v: !w16) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK-DAG: %[[T:.*]] = lowbit.precompute %[[A]] : tensor<?x64xf32> -> !lowbit.table<?x64, group = 32, element = i8>
  // CHECK-DAG: %[[U:.*]] = lowbit.precompute %[[A]] : tensor<?x64xf32> -> !lowbit.table<?x64, group = 16, element = i8>
  // CHECK-NOT: lowbit.precompute
  // CHECK: lowbit.lookup_matmul %[[T]], %[[Q]] : !lowbit.table<?x64, group = 32, element = i8>, !lowbit.weight<{{.*}}> -> tensor<?x8xf32>
  // CHECK: lowbit.lookup_matmul %[[T]], %[[K]]
  // CHECK: lowbit.lookup_matmul %[[U]], %[[V]]
  // F32-COUNT-2: lowbit.precompute {{.*}}element = f32>
  // F32-NOT: element = i8
  %x = lowbit.matmul %a, %q : tensor<?x64xf32>, !w32 -> tensor<?x8xf32>
  %y = lowbit.matmul %a, %k : tensor<?x64xf32>, !w32 -> tensor<?x8xf32>
  %z = lowbit.matmul %a, %v : tensor<?x64xf32>, !w16 -> tensor<?x8xf32>
  return %x, %y, %z : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// A precompute that is there already, here after the product, is shared too. Static M stays.
// CHECK-LABEL: func @existing
// F32-LABEL: func @existing
func.func @existing(%b: tensor<3x64xf32>, %q: !w32) -> (tensor<3x8xf32>, tensor<3x8xf32>) {
  // CHECK: %[[A:.*]] = arith.negf
  // CHECK-NEXT: %[[T:.*]] = lowbit.precompute %[[A]] : tensor<3x64xf32> -> !lowbit.table<3x64, group = 32, element = i8>
  // CHECK-NEXT: lowbit.lookup_matmul %[[T]]
  // CHECK-NEXT: lowbit.lookup_matmul %[[T]]
  %a = arith.negf %b : tensor<3x64xf32>
  %x = lowbit.matmul %a, %q : tensor<3x64xf32>, !w32 -> tensor<3x8xf32>
  %t = lowbit.precompute %a : tensor<3x64xf32> -> !lowbit.table<3x64, group = 32, element = i8>
  %y = lowbit.lookup_matmul %t, %q : !lowbit.table<3x64, group = 32, element = i8>, !w32 -> tensor<3x8xf32>
  return %x, %y : tensor<3x8xf32>, tensor<3x8xf32>
}

// A product whose weight is not in planes stays, and a remark says what to do.
// REMARK-DAG: [Missed] lowbit-split-precompute {{.*}} Reason="the weight is not in bit planes", Suggestion="run lowbit-canonicalize-weights first"
// CHECK-LABEL: func @uniform
func.func @uniform(%a: tensor<?x64xf32>, %w: !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>>) -> tensor<?x8xf32> {
  // CHECK-NEXT: lowbit.matmul
  %x = lowbit.matmul %a, %w : tensor<?x64xf32>, !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>> -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}
