// RUN: lutra-opt %s --lowbit-pack-weights | FileCheck %s
// RUN: lutra-opt %s --lowbit-pack-weights='rows=16 symmetric=true' | FileCheck %s --check-prefix=SYMMETRIC
// RUN: lutra-opt %s --lowbit-pack-weights --remark-policy=all --remarks-filter=lowbit-pack-weights -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!t = !lowbit.table<?x16, group = 16, element = i8>
!uniform = !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
!constant = !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>>
!planes = !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16>>
!bcq = !lowbit.weight<2x16, #lowbit.bcq<planes = 2, group = 16>>

// A weight that two products read is packed once; a constant zeta is not stored.
// 64 rows of (4 planes x 2 bytes + 2 for alpha) = 640 bytes for 2 x 16 weights.
// REMARK-DAG: [Analysis] lowbit-pack-weights {{.*}} Remark="160.00 bits per weight", bytes=640
// CHECK-LABEL: func @constant
// SYMMETRIC-LABEL: func @constant
func.func @constant(%t: !t) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>} : !uniform
  // CHECK: %[[P:.*]] = lowbit.reinterpret
  // CHECK-NEXT: %[[Q:.*]] = lowbit.pack %[[P]] : {{.*}} to !lowbit.weight<2x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.000000e+00 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
  // CHECK-NEXT: lowbit.lookup_matmul %{{.*}}, %[[Q]]
  // CHECK-NEXT: lowbit.lookup_matmul %{{.*}}, %[[Q]]
  // SYMMETRIC: #lowbit.layout<rows = 16, alpha = f16, symmetric = true>
  %p = lowbit.reinterpret %w : !uniform to !constant
  %x = lowbit.lookup_matmul %t, %p : !t, !constant -> tensor<?x2xf32>
  %y = lowbit.lookup_matmul %t, %p tile <m = 1, n = 2, k = 16> : !t, !constant -> tensor<?x2xf32>
  return %x, %y : tensor<?x2xf32>, tensor<?x2xf32>
}

// An alpha with more bits than f16 has, and zetas that are whole numbers.
// CHECK-LABEL: func @alpha_f32_zeta_i8
// CHECK: #lowbit.layout<rows = 64, alpha = f32, zeta = i8>
func.func @alpha_f32_zeta_i8(%t: !t) -> tensor<?x2xf32> {
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<[[0.5], [0.1]]> : tensor<2x1xf32>, zetas = dense<[[-128.0], [127.0]]> : tensor<2x1xf32>} : !planes
  %x = lowbit.lookup_matmul %t, %w : !t, !planes -> tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}

// One zeta beyond i8, or a fraction, or a negative zero, and f16 holds them; then f32.
// CHECK-LABEL: func @zeta_f16
// CHECK: #lowbit.layout<rows = 64, alpha = f16, zeta = f16>
// CHECK: #lowbit.layout<rows = 64, alpha = f16, zeta = f16>
// CHECK: #lowbit.layout<rows = 64, alpha = f16, zeta = f16>
// CHECK: #lowbit.layout<rows = 64, alpha = f16, zeta = f32>
func.func @zeta_f16(%t: !t) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>, zetas = dense<[[1.0], [128.0]]> : tensor<2x1xf32>} : !planes
  %b = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>, zetas = dense<[[1.0], [0.25]]> : tensor<2x1xf32>} : !planes
  %c = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>, zetas = dense<[[1.0], [-0.0]]> : tensor<2x1xf32>} : !planes
  %d = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, alphas = dense<0.5> : tensor<2x1xf32>, zetas = dense<[[1.0], [0.1]]> : tensor<2x1xf32>} : !planes
  %w = lowbit.lookup_matmul %t, %a : !t, !planes -> tensor<?x2xf32>
  %x = lowbit.lookup_matmul %t, %b : !t, !planes -> tensor<?x2xf32>
  %y = lowbit.lookup_matmul %t, %c : !t, !planes -> tensor<?x2xf32>
  %z = lowbit.lookup_matmul %t, %d : !t, !planes -> tensor<?x2xf32>
  return %w, %x, %y, %z : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// BCQ stores its betas.
// CHECK-LABEL: func @bcq
// CHECK: #lowbit.packed<#lowbit.bcq<planes = 2, group = 16>, #lowbit.layout<rows = 64, alpha = f16, zeta = f16>>
func.func @bcq(%t: !t) -> tensor<?x2xf32> {
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x4xi8>, alphas = dense<0.5> : tensor<2x1x2xf32>, betas = dense<0.125> : tensor<2x1xf32>} : !bcq
  %x = lowbit.lookup_matmul %t, %w : !t, !bcq -> tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}
