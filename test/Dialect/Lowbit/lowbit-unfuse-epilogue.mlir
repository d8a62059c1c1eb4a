// RUN: lutra-opt %s --lowbit-unfuse-epilogue | FileCheck %s

!t = !lowbit.table<8x64, group = 32, element = i8>
!w = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

// The epilogue becomes a generic behind the product; constants from outside, and an output that is an argument alone, are as before.
// CHECK-LABEL: func @clamped
// CHECK: %[[Y:.*]] = lowbit.lookup_matmul %{{.*}}, %{{.*}} tile <m = 1, n = 8, k = 64> : !lowbit.table
// CHECK: %[[Z:.*]] = linalg.generic {{.*}} ins(%[[Y]], %{{.*}} : tensor<8x8xf32>, tensor<8xf32>)
// CHECK: ^bb0(%[[P:.*]]: f32, %[[Q:.*]]: f32, %{{.*}}: f32):
// CHECK: %[[X:.*]] = arith.maximumf %[[P]], %[[Q]]
// CHECK: arith.minimumf %[[X]], %{{.*}}
// CHECK: return %[[Z]], %[[Z]]
func.func @clamped(%t: !t, %w: !w, %b: tensor<8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %six = arith.constant 6.0 : f32
  %y = lowbit.lookup_matmul %t, %w tile <m = 1, n = 8, k = 64> epilogue(%b : tensor<8xf32>) {
  ^bb0(%p: f32, %q: f32):
    %x = arith.maximumf %p, %q : f32
    %z = arith.minimumf %x, %six : f32
    lowbit.yield %z : f32
  } : !t, !w -> tensor<8x8xf32>
  return %y, %y : tensor<8x8xf32>, tensor<8x8xf32>
}
