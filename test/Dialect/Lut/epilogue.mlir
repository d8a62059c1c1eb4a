// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s --check-prefix=BUFFERS

!W = !lowbit.weight<70x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// An epilogue of a lut.matmul round-trips, with operands and without, and keeps its region when tensors become buffers.
// CHECK-LABEL: func @main
// CHECK: lut.matmul ins({{.*}}) epilogue(%{{.*}} : tensor<70xf32>) {
// CHECK-NEXT: ^bb0(%[[P:.*]]: f32, %[[Q:.*]]: f32):
// CHECK-NEXT: %[[X:.*]] = arith.addf %[[P]], %[[Q]] : f32
// CHECK-NEXT: lowbit.yield %[[X]] : f32
// CHECK-NEXT: } outs(%{{.*}} : tensor<2x70xf32>) {weight = {{.*}}} -> tensor<2x70xf32>
// CHECK: epilogue() {
// BUFFERS-LABEL: func @main
// BUFFERS: lut.matmul ins({{.*}}) epilogue(%{{.*}} : memref<70xf32, {{.*}}>) {
// BUFFERS: arith.addf
// BUFFERS: } outs(
// BUFFERS: epilogue() {
func.func @main(%e: tensor<2x1x64xi8>, %s: tensor<2x1xf32>, %w: tensor<1280xi8>, %b: tensor<70xf32>, %o: tensor<2x70xf32>) -> tensor<2x70xf32> {
  %y = lut.matmul ins(%e, %s, %s, %w : tensor<2x1x64xi8>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<1280xi8>) epilogue(%b : tensor<70xf32>) {
  ^bb0(%p: f32, %q: f32):
    %x = arith.addf %p, %q : f32
    lowbit.yield %x : f32
  } outs(%o : tensor<2x70xf32>) {weight = !W} -> tensor<2x70xf32>
  %z = lut.matmul ins(%e, %s, %s, %w : tensor<2x1x64xi8>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<1280xi8>) epilogue() {
  ^bb0(%p: f32):
    lowbit.yield %p : f32
  } outs(%y : tensor<2x70xf32>) {weight = !W} -> tensor<2x70xf32>
  return %z : tensor<2x70xf32>
}
