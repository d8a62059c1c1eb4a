// RUN: lutra-opt %s --lowbit-merge-matmuls | FileCheck %s
// RUN: lutra-opt %s --lowbit-merge-matmuls --mlir-print-debuginfo | FileCheck %s --check-prefix=LOC
// RUN: lutra-opt %s --lowbit-merge-matmuls -Rpass=lowbit-merge-matmuls -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!w4 = !lowbit.weight<4x64, #lowbit.bipolar<planes = 4, group = 32>>
!w8 = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
!bcq = !lowbit.weight<8x64, #lowbit.bcq<planes = 3, group = 16>>

// Weights of different numbers of rows become one; each product a slice of its result. M is dynamic: the slices ask for it.
// REMARK-DAG: [Passed] lowbit-merge-matmuls {{.*}} Reason="3 products of the same activations become one of 16 channels", channels=16, products=3
// CHECK-LABEL: func @qkv
// CHECK-SAME: %[[A:.*]]: tensor<?x64xf32>, %[[Q:.*]]: !lowbit.weight<8x64, {{.*}}>, %[[K:.*]]: !lowbit.weight<4x64, {{.*}}>, %[[V:.*]]: !lowbit.weight<4x64
// CHECK: %[[W:.*]] = lowbit.concat_rows %[[Q]], %[[K]], %[[V]]
// CHECK: %[[Y:.*]] = lowbit.matmul %[[A]], %[[W]] {strategy = #lowbit.strategy<lut>} : tensor<?x64xf32>, !lowbit.weight<16x64, {{.*}}> -> tensor<?x16xf32>
// CHECK: %[[M:.*]] = tensor.dim
// CHECK: tensor.extract_slice %[[Y]][0, 0] [%[[M]], 8] [1, 1]
// CHECK: tensor.extract_slice %[[Y]][0, 8] [%[[M]], 4] [1, 1]
// CHECK: tensor.extract_slice %[[Y]][0, 12] [%[[M]], 4] [1, 1]
// LOC-LABEL: func @qkv
// LOC: lowbit.matmul {{.*}} loc(#[[FUSED:.*]])
func.func @qkv(%a: tensor<?x64xf32>, %q: !w8, %k: !w4, %v: !w4) -> (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %x = lowbit.matmul %a, %q {strategy = #lowbit.strategy<lut>} : tensor<?x64xf32>, !w8 -> tensor<?x8xf32> loc("/q_proj/MatMul")
  %y = lowbit.matmul %a, %k {strategy = #lowbit.strategy<lut>} : tensor<?x64xf32>, !w4 -> tensor<?x4xf32> loc("/k_proj/MatMul")
  %z = lowbit.matmul %a, %v {strategy = #lowbit.strategy<lut>} : tensor<?x64xf32>, !w4 -> tensor<?x4xf32> loc("/v_proj/MatMul")
  return %x, %y, %z : tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// The merged product stands where the first stood: what makes the weights is moved up.
// CHECK-LABEL: func @later_weight
// CHECK: lowbit.reinterpret
// CHECK: lowbit.reinterpret
// CHECK: lowbit.concat_rows
// CHECK: lowbit.matmul
// CHECK: arith.negf
// CHECK-NOT: lowbit.matmul
func.func @later_weight(%a: tensor<2x64xf32>, %u: !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>>) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %p = lowbit.reinterpret %u : !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>> to !w8
  %x = lowbit.matmul %a, %p : tensor<2x64xf32>, !w8 -> tensor<2x8xf32>
  %n = arith.negf %x : tensor<2x8xf32>
  %q = lowbit.reinterpret %u : !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>> to !w8
  %y = lowbit.matmul %a, %q : tensor<2x64xf32>, !w8 -> tensor<2x8xf32>
  return %n, %y : tensor<2x8xf32>, tensor<2x8xf32>
}

// Two formats make two products.
// CHECK-LABEL: func @two_formats
// CHECK-COUNT-2: lowbit.concat_rows
// CHECK-COUNT-2: tensor.extract_slice
func.func @two_formats(%a: tensor<2x64xf32>, %p: !w8, %q: !bcq) -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) {
  %x = lowbit.matmul %a, %p : tensor<2x64xf32>, !w8 -> tensor<2x8xf32>
  %y = lowbit.matmul %a, %q : tensor<2x64xf32>, !bcq -> tensor<2x8xf32>
  %z = lowbit.matmul %a, %p : tensor<2x64xf32>, !w8 -> tensor<2x8xf32>
  %v = lowbit.matmul %a, %q : tensor<2x64xf32>, !bcq -> tensor<2x8xf32>
  return %x, %y, %z, %v : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>
}

// LOC-DAG: #[[Q:.*]] = loc("/q_proj/MatMul")
// LOC-DAG: #[[K:.*]] = loc("/k_proj/MatMul")
// LOC-DAG: #[[V:.*]] = loc("/v_proj/MatMul")
// LOC-DAG: #[[FUSED]] = loc(fused[#[[Q]], #[[K]], #[[V]]])

!t1 = !lowbit.weight<1x64, #lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32, per = tensor>>
!t2 = !lowbit.weight<2x64, #lowbit.bipolar<planes = 2, group = 32, zeta = -1.0 : f32, per = tensor>>

// A scale per tensor becomes one per channel, and constant zetas that differ are none.
// CHECK-LABEL: func @what_parts_share
// CHECK: lowbit.concat_rows {{.*}} -> !lowbit.weight<2x64, #lowbit.bipolar<planes = 2, group = 32, zeta = 1.000000e+00 : f32, per = channel>>
// CHECK: lowbit.concat_rows {{.*}} -> !lowbit.weight<3x64, #lowbit.bipolar<planes = 2, group = 32, per = channel>>
func.func @what_parts_share(%a: tensor<2x64xf32>, %b: tensor<2x64xf32>, %u: !t1, %v: !t1, %w: !t2)
    -> (tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x2xf32>) {
  %0 = lowbit.matmul %a, %u : tensor<2x64xf32>, !t1 -> tensor<2x1xf32>
  %1 = lowbit.matmul %a, %v : tensor<2x64xf32>, !t1 -> tensor<2x1xf32>
  %2 = lowbit.matmul %b, %u : tensor<2x64xf32>, !t1 -> tensor<2x1xf32>
  %3 = lowbit.matmul %b, %w : tensor<2x64xf32>, !t2 -> tensor<2x2xf32>
  return %0, %1, %2, %3 : tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x2xf32>
}
