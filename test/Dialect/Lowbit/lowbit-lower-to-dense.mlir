// RUN: lutra-opt %s --lowbit-lower-to-dense | FileCheck %s
// RUN: lutra-opt %s --lowbit-lower-to-dense=all=true | FileCheck %s --check-prefix=ALL

!w = !lowbit.weight<8x64, #lowbit.codebook<bits = 4, group = 32, table = nf4>>
!u = !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>>

// Two products share the values of a weight, K x N; N is innermost, and k the reduction.

// CHECK-DAG: #[[A:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[W:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-LABEL: func.func @dense(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[Z:.*]]: tensor<3x64xf32>, %[[V:.*]]: !lowbit.weight
func.func @dense(%a: tensor<?x64xf32>, %b: tensor<3x64xf32>, %w: !w) -> (tensor<?x8xf32>, tensor<3x8xf32>) {
  // CHECK: %[[D:.*]] = lowbit.dequantize %[[V]] transposed : !lowbit.weight<{{.*}}> -> tensor<64x8xf32>
  // CHECK-NOT: lowbit.dequantize
  // CHECK: %[[ZERO:.*]] = linalg.fill
  // CHECK: linalg.generic {indexing_maps = [#[[A]], #[[W]], #[[Y]]], iterator_types = ["parallel", "parallel", "reduction"]}
  // CHECK-SAME: ins(%[[X]], %[[D]] : tensor<?x64xf32>, tensor<64x8xf32>) outs(%[[ZERO]] : tensor<?x8xf32>)
  // CHECK-NEXT: ^bb0(%[[E:.*]]: f32, %[[F:.*]]: f32, %[[S:.*]]: f32):
  // CHECK-NEXT: math.fma %[[E]], %[[F]], %[[S]] : f32
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<?x64xf32>, !w -> tensor<?x8xf32>
  // CHECK: linalg.generic {{.*}} ins(%[[Z]], %[[D]] : tensor<3x64xf32>, tensor<64x8xf32>)
  %z = lowbit.matmul %b, %w {strategy = #lowbit.strategy<dense>} : tensor<3x64xf32>, !w -> tensor<3x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<3x8xf32>
}

// Halves are widened before and rounded once after; codes times their scale are rounded once.

// CHECK-LABEL: func.func @activations(
func.func @activations(%a: tensor<?x64xf16>, %q: tensor<?x64xi8>, %s: tensor<?x2xf32>, %w: !u) -> (tensor<?x8xf16>, tensor<?x8xf32>) {
  // CHECK: arith.extf {{.*}} : f16 to f32
  // CHECK: math.fma
  // CHECK: arith.truncf {{.*}} : f32 to f16
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<?x64xf16>, !u -> tensor<?x8xf16>
  // CHECK: %[[K:.*]] = linalg.index 1
  // CHECK: %[[G:.*]] = arith.divui %[[K]], %c32
  // CHECK: %[[S:.*]] = tensor.extract %{{.*}}[%{{.*}}, %[[G]]]
  // CHECK: %[[Q:.*]] = arith.sitofp
  // CHECK: arith.mulf %[[S]], %[[Q]]
  // CHECK: math.fma
  %z = lowbit.matmul %q, %w scales(%s : tensor<?x2xf32>) {strategy = #lowbit.strategy<dense>} : tensor<?x64xi8>, !u -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf16>, tensor<?x8xf32>
}

// Other products stay, unless all are wanted.

// CHECK-LABEL: func.func @lookup(
// ALL-LABEL: func.func @lookup(
func.func @lookup(%a: tensor<?x64xf32>, %w: !u) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK-COUNT-2: lowbit.matmul
  // ALL-NOT: lowbit.matmul
  // ALL-COUNT-2: math.fma
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<lut>} : tensor<?x64xf32>, !u -> tensor<?x8xf32>
  %z = lowbit.matmul %a, %w : tensor<?x64xf32>, !u -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}
