// With `most-rows`, products become one only where one of them has at most so many channels.
//
// RUN: lutra-opt %s --lowbit-merge-matmuls=most-rows=4 | FileCheck %s
// RUN: lutra-opt %s --lowbit-merge-matmuls=most-rows=4 -Rpass-missed=lowbit-merge-matmuls -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSED

!w4 = !lowbit.weight<4x64, #lowbit.bipolar<planes = 4, group = 32>>
!w8 = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
!w513 = !lowbit.weight<513x64, #lowbit.bipolar<planes = 4, group = 32>>

// MISSED-DAG: [Missed] lowbit-merge-matmuls {{.*}} Reason="each of the products of these activations is of more than 4 channels"
// CHECK-LABEL: func @main
// CHECK-SAME:    %[[A:.*]]: tensor<2x64xf32>, %[[B:.*]]: tensor<2x64xf32>, %[[C:.*]]: tensor<2x64xf32>, %[[W4:.*]]: !lowbit.weight<4x64, {{.*}}, %[[W8:.*]]: !lowbit.weight<8x64, {{.*}}, %[[W513:.*]]: !lowbit.weight<513x64
// CHECK:         lowbit.concat_rows %[[W8]], %[[W4]]
// CHECK:         lowbit.matmul %[[A]], %{{.*}} -> tensor<2x12xf32>
// CHECK:         lowbit.matmul %[[B]], %{{.*}} -> tensor<2x8xf32>
// CHECK:         lowbit.matmul %[[B]], %{{.*}} -> tensor<2x513xf32>
// CHECK:         lowbit.matmul %[[C]], %{{.*}} -> tensor<2x513xf32>
// CHECK:         lowbit.matmul %[[C]], %{{.*}} -> tensor<2x513xf32>
func.func @main(%a: tensor<2x64xf32>, %b: tensor<2x64xf32>, %c: tensor<2x64xf32>, %w4: !w4, %w8: !w8, %w513: !w513)
    -> (tensor<2x8xf32>, tensor<2x4xf32>, tensor<2x8xf32>, tensor<2x513xf32>, tensor<2x513xf32>, tensor<2x513xf32>) {
  %0 = lowbit.matmul %a, %w8 : tensor<2x64xf32>, !w8 -> tensor<2x8xf32>
  %1 = lowbit.matmul %a, %w4 : tensor<2x64xf32>, !w4 -> tensor<2x4xf32>
  %2 = lowbit.matmul %b, %w8 : tensor<2x64xf32>, !w8 -> tensor<2x8xf32>
  %3 = lowbit.matmul %b, %w513 : tensor<2x64xf32>, !w513 -> tensor<2x513xf32>
  %4 = lowbit.matmul %c, %w513 : tensor<2x64xf32>, !w513 -> tensor<2x513xf32>
  %5 = lowbit.matmul %c, %w513 : tensor<2x64xf32>, !w513 -> tensor<2x513xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<2x8xf32>, tensor<2x4xf32>, tensor<2x8xf32>, tensor<2x513xf32>, tensor<2x513xf32>, tensor<2x513xf32>
}
