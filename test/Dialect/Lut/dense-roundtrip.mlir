// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s --check-prefix=BUFFERS

!W = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// CHECK-LABEL: func @tensors
// CHECK: lut.dense_matmul ins(%{{.*}}, %{{.*}} : tensor<?x32xf32>, tensor<384xi8>) outs(%{{.*}} : tensor<?x8xf32>) {weight = !lowbit.weight<8x32, {{.*}}>} -> tensor<?x8xf32>
// BUFFERS-LABEL: func @tensors
// BUFFERS: lut.dense_matmul ins(%{{.*}}, %{{.*}} : memref<?x32xf32, {{.*}}>, memref<384xi8, {{.*}}>) outs(%{{.*}} : memref<?x8xf32, {{.*}}>)
func.func @tensors(%a: tensor<?x32xf32>, %w: tensor<384xi8>, %o: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = lut.dense_matmul ins(%a, %w : tensor<?x32xf32>, tensor<384xi8>) outs(%o : tensor<?x8xf32>) {weight = !W} -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @codes
// CHECK: lut.quantize ins(%{{.*}} : tensor<?x20xf32>) outs(%{{.*}}, %{{.*}} : tensor<?x20xi8>, tensor<?x2xf32>) {bits = 8 : i64, group = 16 : i64} -> tensor<?x20xi8>, tensor<?x2xf32>
// BUFFERS-LABEL: func @codes
// BUFFERS: lut.quantize
func.func @codes(%a: tensor<?x20xf32>, %q: tensor<?x20xi8>, %s: tensor<?x2xf32>) -> (tensor<?x20xi8>, tensor<?x2xf32>) {
  %c:2 = lut.quantize ins(%a : tensor<?x20xf32>) outs(%q, %s : tensor<?x20xi8>, tensor<?x2xf32>) {group = 16 : i64, bits = 8 : i64}
      -> tensor<?x20xi8>, tensor<?x2xf32>
  return %c#0, %c#1 : tensor<?x20xi8>, tensor<?x2xf32>
}
