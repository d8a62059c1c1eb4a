// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --mlir-print-op-generic | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --emit-bytecode | lutra-opt | FileCheck %s

!W = !lowbit.weight<131x264, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>,
                                            #lowbit.layout<rows = 64, alpha = f16>>>

// CHECK-LABEL: @tensors
// CHECK: lut.prepare_codes ins(%{{.*}}, %{{.*}} : tensor<?x264xi8>, tensor<?x1xf32>) outs({{.*}} : tensor<9x?x32xi8>, tensor<9x?xi32>, tensor<9x?xf32>, tensor<9x?xf32>) {factor = 15 : i64, group = 32 : i64} -> tensor<9x?x32xi8>, tensor<9x?xi32>, tensor<9x?xf32>, tensor<9x?xf32>
// CHECK: lut.integer_matmul ins({{.*}} : tensor<9x?x32xi8>, tensor<9x?xi32>, tensor<9x?xf32>, tensor<9x?xf32>, tensor<31104xi8>) outs(%{{.*}} : tensor<?x131xf32>) {weight = !lowbit.weight<131x264, {{.*}}>} -> tensor<?x131xf32>
func.func @tensors(%q: tensor<?x264xi8>, %a: tensor<?x1xf32>, %p: tensor<9x?x32xi8>, %b: tensor<9x?xi32>, %s: tensor<9x?xf32>,
                   %w: tensor<31104xi8>, %o: tensor<?x131xf32>) -> tensor<?x131xf32> {
  %t:4 = lut.prepare_codes ins(%q, %a : tensor<?x264xi8>, tensor<?x1xf32>)
      outs(%p, %b, %s, %s : tensor<9x?x32xi8>, tensor<9x?xi32>, tensor<9x?xf32>, tensor<9x?xf32>) {group = 32 : i64, factor = 15 : i64}
      -> tensor<9x?x32xi8>, tensor<9x?xi32>, tensor<9x?xf32>, tensor<9x?xf32>
  %y = lut.integer_matmul ins(%t#0, %t#1, %t#2, %t#3, %w : tensor<9x?x32xi8>, tensor<9x?xi32>, tensor<9x?xf32>, tensor<9x?xf32>, tensor<31104xi8>)
      outs(%o : tensor<?x131xf32>) {weight = !W} -> tensor<?x131xf32>
  return %y : tensor<?x131xf32>
}

// CHECK-LABEL: @buffers
// CHECK: lut.integer_matmul ins({{.*}}) epilogue(%{{.*}} : memref<131xf32>) {
// CHECK: arith.addf
// CHECK: } outs(%{{.*}} : memref<3x131xf32>) {weight = !lowbit.weight<131x264, {{.*}}>}{{$}}
func.func @buffers(%p: memref<9x3x32xi8>, %b: memref<9x3xi32>, %s: memref<9x3xf32>, %w: memref<31104xi8>, %e: memref<131xf32>,
                   %o: memref<3x131xf32>) {
  lut.integer_matmul ins(%p, %b, %s, %s, %w : memref<9x3x32xi8>, memref<9x3xi32>, memref<9x3xf32>, memref<9x3xf32>, memref<31104xi8>)
      epilogue(%e : memref<131xf32>) {
      ^bb0(%x: f32, %y: f32):
        %z = arith.addf %x, %y : f32
        lowbit.yield %z : f32
      } outs(%o : memref<3x131xf32>) {weight = !W}
  return
}

// CHECK-LABEL: @dot
// CHECK: lut.dot %{{.*}}, %{{.*}} into %{{.*}} {largest = 30 : i64} : vector<64xi8>, vector<16xi32>
func.func @dot(%w: vector<64xi8>, %a: vector<64xi8>, %acc: vector<16xi32>) -> vector<16xi32> {
  %s = lut.dot %w, %a into %acc {largest = 30 : i64} : vector<64xi8>, vector<16xi32>
  return %s : vector<16xi32>
}
