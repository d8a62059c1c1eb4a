// RUN: lutra-opt %s --one-shot-bufferize=bufferize-function-boundaries --canonicalize | FileCheck %s

!W = !lowbit.weight<8x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// The outputs are written in place and nothing is copied into them first.
// CHECK-LABEL: @chain
// CHECK-SAME: %[[A:.*]]: memref<?x16xf32
// CHECK-NOT: memref.copy
// CHECK-DAG: %[[O:.*]] = memref.alloc(%{{.*}}) {{.*}} : memref<?x8xf32>
// CHECK: lut.precompute ins(%[[A]] : {{.*}}) outs(%[[E:.*]], %[[S:.*]], %[[Z:.*]] : memref<?x1x64xi8>, memref<?x1xf32>, memref<?x1xf32>) {group = 16 : i64}{{$}}
// CHECK: lut.matmul ins(%[[E]], %[[S]], %[[Z]], %{{.*}}) outs(%[[O]] : memref<?x8xf32>)
// CHECK-NOT: memref.copy
// CHECK: return %[[O]]
func.func @chain(%a: tensor<?x16xf32>, %w: tensor<640xi8>, %m: index) -> tensor<?x8xf32> {
  %e = tensor.empty(%m) : tensor<?x1x64xi8>
  %s = tensor.empty(%m) : tensor<?x1xf32>
  %z = tensor.empty(%m) : tensor<?x1xf32>
  %o = tensor.empty(%m) : tensor<?x8xf32>
  %t:3 = lut.precompute ins(%a : tensor<?x16xf32>) outs(%e, %s, %z : tensor<?x1x64xi8>, tensor<?x1xf32>, tensor<?x1xf32>)
      {group = 16 : i64} -> tensor<?x1x64xi8>, tensor<?x1xf32>, tensor<?x1xf32>
  %y = lut.matmul ins(%t#0, %t#1, %t#2, %w : tensor<?x1x64xi8>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<640xi8>)
      outs(%o : tensor<?x8xf32>) {weight = !W} -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
