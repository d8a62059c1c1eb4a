// RUN: lutra-opt %s --transform-interpreter | FileCheck %s

// lut.precompute tiles along its rows (TilingInterface).
// CHECK-LABEL: @rows
// CHECK-SAME: %[[A:.*]]: tensor<6x10xf32>
// CHECK: scf.for %[[ROW:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[E:.*]] = %{{.*}}, %[[S:.*]] = %{{.*}}, %[[Z:.*]] = %{{.*}})
// CHECK:   %[[AROW:.*]] = tensor.extract_slice %[[A]][%[[ROW]], 0] [2, 10] [1, 1]
// CHECK:   %[[EROW:.*]] = tensor.extract_slice %[[E]][%[[ROW]], 0, 0] [2, 1, 64] [1, 1, 1]
// CHECK:   %[[T:.*]]:3 = lut.precompute ins(%[[AROW]] : tensor<2x10xf32>) outs(%[[EROW]], {{.*}}) {group = 10 : i64}
// CHECK:   tensor.insert_slice %[[T]]#0 into %[[E]][%[[ROW]], 0, 0] [2, 1, 64] [1, 1, 1]
func.func @rows(%a: tensor<6x10xf32>, %e: tensor<6x1x64xi8>, %s: tensor<6x1xf32>, %z: tensor<6x1xf32>)
    -> (tensor<6x1x64xi8>, tensor<6x1xf32>, tensor<6x1xf32>) {
  %t:3 = lut.precompute ins(%a : tensor<6x10xf32>) outs(%e, %s, %z : tensor<6x1x64xi8>, tensor<6x1xf32>, tensor<6x1xf32>)
      {group = 10 : i64} -> tensor<6x1x64xi8>, tensor<6x1xf32>, tensor<6x1xf32>
  return %t#0, %t#1, %t#2 : tensor<6x1x64xi8>, tensor<6x1xf32>, tensor<6x1xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["lut.precompute"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %op tile_sizes [2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
