// RUN: lutra-opt %s --lutra-own-destinations | FileCheck %s

// Nothing is refused. What one operation uses alone, and what is no initial tensor, stays as it is.

// CHECK-LABEL: func.func @alone
// CHECK-COUNT-1: tensor.empty
// CHECK-COUNT-1: linalg.fill
// CHECK-COUNT-2: linalg.matmul
// CHECK-NOT: linalg.fill
// CHECK: return
func.func @alone(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %zero: f32) -> tensor<4x2xf32> {
  %e = tensor.empty() : tensor<4x2xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
  %x = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x2xf32>) outs(%f : tensor<4x2xf32>) -> tensor<4x2xf32>
  %y = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x2xf32>) outs(%x : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}
