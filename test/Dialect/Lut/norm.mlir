// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --one-shot-bufferize="bufferize-function-boundaries" | FileCheck %s --check-prefix=BUFFERS
// RUN: lutra-opt %s --lowbit-interpret 2>&1 | FileCheck %s --check-prefix=VALUES

// Rows of mean square 1, by hand: [3, 4, 0, 0, ..] has the mean square 25 / 8 and, with an epsilon of 0, the factor sqrt(8 / 25) = 0.56568545 in f32.
// 3 r = 1.6970564, 4 r = 2.2627418, twice that with the weight. The second entry -a0 - a1 .. of f32 tables: entry 8 is ((-a0 - a1) - a2) + a3.

// CHECK-LABEL: func.func @norm
// CHECK: lut.norm_precompute ins(%{{.*}}, %{{.*}} : tensor<1x8xf32>, tensor<8xf32>) outs({{.*}}) {epsilon = 0.000000e+00 : f32, group = 8 : i64}
// BUFFERS-LABEL: func.func @norm
// BUFFERS: lut.norm_precompute ins(%{{.*}}, %{{.*}} : memref<1x8xf32{{.*}}>, memref<8xf32{{.*}}>) outs(%{{.*}}, %{{.*}}, %{{.*}} : memref<1x1x32xf32>, memref<1x1xf32>, memref<1x1xf32>)
// VALUES: result 0: 'tensor<1x1xf32>' = {{\[\[}}7.919596
func.func @norm() -> tensor<1x1xf32> {
  %x = arith.constant dense<[[3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<1x8xf32>
  %w = arith.constant dense<2.0> : tensor<8xf32>
  %e = tensor.empty() : tensor<1x1x32xf32>
  %s = tensor.empty() : tensor<1x1xf32>
  %z = tensor.empty() : tensor<1x1xf32>
  %t:3 = lut.norm_precompute ins(%x, %w : tensor<1x8xf32>, tensor<8xf32>)
      outs(%e, %s, %z : tensor<1x1x32xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {epsilon = 0.0 : f32, group = 8 : i64}
      -> tensor<1x1x32xf32>, tensor<1x1xf32>, tensor<1x1xf32>
  return %t#2 : tensor<1x1xf32>
}
