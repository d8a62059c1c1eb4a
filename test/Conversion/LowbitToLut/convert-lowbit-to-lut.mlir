// RUN: lutra-opt %s --convert-lowbit-to-lut --canonicalize --cse | FileCheck %s

!P = !lowbit.weight<131x264, #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>>
!W = !lowbit.weight<131x264, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>,
                                            #lowbit.layout<rows = 64, alpha = f16>>>
!T = !lowbit.table<?x264, group = 32, element = i8>
!TF = !lowbit.table<3x264, group = 32, element = f32, symmetric = true>

// CHECK-LABEL: @shared_table
// CHECK-SAME: %[[A:[a-z0-9]+]]: tensor<?x264xf32>, %[[W:[a-z0-9]+]]: !lowbit.weight
// CHECK-DAG: %[[M:.*]] = tensor.dim %[[A]]
// CHECK-DAG: %[[E:.*]] = tensor.empty(%[[M]]) : tensor<?x9x128xi8>
// CHECK-DAG: %[[S:.*]] = tensor.empty(%[[M]]) : tensor<?x9xf32>
// CHECK: %[[T:.*]]:3 = lut.precompute ins(%[[A]] : tensor<?x264xf32>) outs(%[[E]], %[[S]], %{{.*}}) {group = 32 : i64}
// CHECK: %[[B:.*]] = lowbit.packed_data %[[W]] : {{.*}} -> tensor<31104xi8>
// CHECK: lut.matmul ins(%[[T]]#0, %[[T]]#1, %[[T]]#2, %[[B]] : {{.*}}) outs(%{{.*}} : tensor<?x131xf32>) {tile = #lowbit.tile<m = 4, n = 64, k = 264>, weight = !lowbit.weight<131x264
// CHECK: %[[B2:.*]] = lowbit.packed_data
// CHECK: lut.matmul ins(%[[T]]#0, %[[T]]#1, %[[T]]#2, %[[B2]]
// CHECK-NOT: lowbit.precompute
// CHECK-NOT: lowbit.assemble_table
func.func @shared_table(%a: tensor<?x264xf32>, %w: !W, %v: !W) -> (tensor<?x131xf32>, tensor<?x131xf32>) {
  %t = lowbit.precompute %a : tensor<?x264xf32> -> !T
  %y = lowbit.lookup_matmul %t, %w tile <m = 4, n = 64, k = 264> : !T, !W -> tensor<?x131xf32>
  %z = lowbit.lookup_matmul %t, %v : !T, !W -> tensor<?x131xf32>
  return %y, %z : tensor<?x131xf32>, tensor<?x131xf32>
}

// CHECK-LABEL: @exact_symmetric
// CHECK: lut.precompute {{.*}} {group = 32 : i64, symmetric} -> tensor<3x9x128xf32>, tensor<3x9xf32>, tensor<3x9xf32>
// CHECK: lut.matmul {{.*}} -> tensor<3x131xf32>
func.func @exact_symmetric(%a: tensor<3x264xf32>, %w: !W) -> tensor<3x131xf32> {
  %t = lowbit.precompute %a : tensor<3x264xf32> -> !TF
  %y = lowbit.lookup_matmul %t, %w : !TF, !W -> tensor<3x131xf32>
  return %y : tensor<3x131xf32>
}

// A table that lowbit-fuse-precompute assembled folds away.
// CHECK-LABEL: @assembled
// CHECK-SAME: %[[E:.*]]: tensor<?x9x128xi8>, %[[S:.*]]: tensor<?x9xf32>, %[[Z:.*]]: tensor<?x9xf32>,
// CHECK-NOT: lowbit.assemble_table
// CHECK: lut.matmul ins(%[[E]], %[[S]], %[[Z]], %{{.*}})
func.func @assembled(%e: tensor<?x9x128xi8>, %s: tensor<?x9xf32>, %z: tensor<?x9xf32>, %w: !W) -> tensor<?x131xf32> {
  %t = lowbit.assemble_table %e, %s, %z : tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32> -> !T
  %y = lowbit.lookup_matmul %t, %w : !T, !W -> tensor<?x131xf32>
  return %y : tensor<?x131xf32>
}
