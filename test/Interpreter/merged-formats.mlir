// Q, K and V in ternary and uniform formats, each with a scale for its tensor, are one product of planes: the same values.
// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics -o /dev/null
// RUN: lutra-opt %s --lowbit-canonicalize-weights --lowbit-merge-matmuls --lowbit-split-precompute --lowbit-pack-weights \
// RUN:   --lowbit-interpret --verify-diagnostics | FileCheck %s

// CHECK: lowbit.concat_rows {{.*}} -> !lowbit.weight<3x4, #lowbit.bipolar<planes = 2, group = 4, per = channel>>
// CHECK: lowbit.lookup_matmul
// CHECK-NOT: lowbit.lookup_matmul
!one = !lowbit.weight<1x4, #lowbit.ternary<group = 4, per = tensor>>
!u = !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 4, zero = none, per = tensor, scale = f16>>
func.func @f() -> (tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[1.0, 10.0, 100.0, 1000.0]]> : tensor<1x4xf32>
  %v = lowbit.weight {codes = dense<"0xA4"> : tensor<1x1x1xi8>, scales = dense<2.0> : tensor<1x1xf32>} : !one
  %w = lowbit.weight {codes = dense<"0x1A"> : tensor<1x1x1xi8>, scales = dense<1.0> : tensor<1x1xf32>} : !one
  %x = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf16>} : !u
  %0 = lowbit.matmul %a, %v {table = #lowbit.table_kind<f32>} : tensor<1x4xf32>, !one -> tensor<1x1xf32>
  %1 = lowbit.matmul %a, %w {table = #lowbit.table_kind<f32>} : tensor<1x4xf32>, !one -> tensor<1x1xf32>
  %2 = lowbit.matmul %a, %x {table = #lowbit.table_kind<f32>} : tensor<1x4xf32>, !u -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[2198]]}}
  // expected-remark@below {{result 1: 'tensor<1x1xf32>' = [[-989]]}}
  // expected-remark@below {{result 2: 'tensor<1x1xf32>' = [[1605]]}}
  return %0, %1, %2 : tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>
}
