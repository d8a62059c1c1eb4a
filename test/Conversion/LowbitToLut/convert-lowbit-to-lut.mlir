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

// Codes are read as they are, with what they are worth; halves are widened.
// CHECK-LABEL: @codes
// CHECK-SAME: %[[Q:.*]]: tensor<?x264xi8>, %[[S:.*]]: tensor<?x1xf32>, %[[H:.*]]: tensor<?x264xf16>,
// CHECK-DAG: lut.precompute ins(%[[Q]], %[[S]] : tensor<?x264xi8>, tensor<?x1xf32>) outs(%{{.*}} : tensor<?x9x128xi16>, tensor<?x1xf32>, tensor<?x9xf32>)
// CHECK-DAG: %[[WIDE:.*]] = linalg.generic {{.*}} ins(%[[H]] : tensor<?x264xf16>)
// CHECK: lut.precompute ins(%[[WIDE]] : tensor<?x264xf32>) outs(%{{.*}} : tensor<?x9x128xi8>, tensor<?x72xf32>, tensor<?x9xf32>)
!TI = !lowbit.table<?x264, group = 32, element = i16, scale = row>
!TT = !lowbit.table<?x264, group = 32, element = i8, scale = table>
func.func @codes(%q: tensor<?x264xi8>, %s: tensor<?x1xf32>, %h: tensor<?x264xf16>, %w: !W) -> (tensor<?x131xf32>, tensor<?x131xf32>) {
  %t = lowbit.precompute %q scales(%s : tensor<?x1xf32>) : tensor<?x264xi8> -> !TI
  %u = lowbit.precompute %h : tensor<?x264xf16> -> !TT
  %y = lowbit.lookup_matmul %t, %w : !TI, !W -> tensor<?x131xf32>
  %z = lowbit.lookup_matmul %u, %w : !TT, !W -> tensor<?x131xf32>
  return %y, %z : tensor<?x131xf32>, tensor<?x131xf32>
}

// Groups of 5 of 12 activations: padded to 15, reduced, multiplied, rounded, and the padding dropped.
// CHECK-LABEL: @quantize
// CHECK: tensor.pad %{{.*}} low[0, 0] high[0, 3]
// CHECK: tensor.expand_shape {{.*}} : tensor<2x15xf32> into tensor<2x3x5xf32>
// CHECK: linalg.generic {{.*}}"reduction"
// CHECK: arith.maximumf
// CHECK: arith.divf
// CHECK: arith.fptosi %{{.*}} : f32 to i8
// CHECK: tensor.collapse_shape {{.*}} : tensor<2x3x5xi8> into tensor<2x15xi8>
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [2, 12] [1, 1]
func.func @quantize(%a: tensor<2x12xf32>) -> (tensor<2x12xi8>, tensor<2x3xf32>) {
  %q, %s = lowbit.quantize_activations %a {bits = 4 : i64, group = 5 : i64, kind = #lowbit.codes<bipolar>}
      : tensor<2x12xf32> -> tensor<2x12xi8>, tensor<2x3xf32>
  return %q, %s : tensor<2x12xi8>, tensor<2x3xf32>
}

// Codes by their largest magnitude have an op of their own.
// CHECK-LABEL: @quantize_absmax
// CHECK: %[[C:.*]] = tensor.empty(%{{.*}}) : tensor<?x12xi8>
// CHECK: %[[S:.*]] = tensor.empty(%{{.*}}) : tensor<?x3xf32>
// CHECK: lut.quantize ins(%{{.*}} : tensor<?x12xf32>) outs(%[[C]], %[[S]] : tensor<?x12xi8>, tensor<?x3xf32>) {bits = 4 : i64, group = 5 : i64}
func.func @quantize_absmax(%a: tensor<?x12xf32>) -> (tensor<?x12xi8>, tensor<?x3xf32>) {
  %q, %s = lowbit.quantize_activations %a {bits = 4 : i64, group = 5 : i64, kind = #lowbit.codes<absmax>}
      : tensor<?x12xf32> -> tensor<?x12xi8>, tensor<?x3xf32>
  return %q, %s : tensor<?x12xi8>, tensor<?x3xf32>
}

// A dense product of packed planes stays packed.
// CHECK-LABEL: @dense
// CHECK: %[[B:.*]] = lowbit.packed_data
// CHECK: lut.dense_matmul ins(%{{.*}}, %[[B]] : tensor<?x264xf32>, tensor<{{.*}}xi8>)
func.func @dense(%a: tensor<?x264xf32>, %w: !W) -> tensor<?x131xf32> {
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<?x264xf32>, !W -> tensor<?x131xf32>
  return %y : tensor<?x131xf32>
}
