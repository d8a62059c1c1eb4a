// Operations that overwrite the same fill get one each.
// RUN: lutra-opt %s --lutra-own-destinations | FileCheck %s

// CHECK-LABEL: func.func @fills
// CHECK-DAG: %[[E0:.*]] = tensor.empty() : tensor<4x2xf32>
// CHECK-DAG: %[[E1:.*]] = tensor.empty() : tensor<4x2xf32>
// CHECK-DAG: %[[F0:.*]] = linalg.fill {{.*}} outs(%[[E0]]
// CHECK-DAG: %[[F1:.*]] = linalg.fill {{.*}} outs(%[[E1]]
// CHECK: %[[X:.*]] = linalg.matmul {{.*}} outs(%[[F:.*]] : tensor<4x2xf32>)
// CHECK-NOT: linalg.matmul {{.*}} outs(%[[F]] : tensor<4x2xf32>)
// CHECK: %[[Y:.*]] = linalg.matmul
// CHECK: return %[[X]], %[[Y]]
func.func @fills(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %zero: f32) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %e = tensor.empty() : tensor<4x2xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
  %x = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x2xf32>) outs(%f : tensor<4x2xf32>) -> tensor<4x2xf32>
  %y = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x2xf32>) outs(%f : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %x, %y : tensor<4x2xf32>, tensor<4x2xf32>
}
