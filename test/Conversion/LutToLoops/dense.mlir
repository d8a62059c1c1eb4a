// RUN: lutra-opt %s --convert-lut-to-loops | FileCheck %s

!W = !lowbit.weight<70x45, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// A block of K becomes a panel of numbers, made in f64; the 13 codes of the last group take three steps of four and one of one.
// CHECK-LABEL: func.func private @lut_dense_matmul(
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<4096xf32>
// CHECK: arith.xori {{.*}} : vector<16xi32>
// CHECK: arith.mulf {{.*}} : vector<16xf64>
// CHECK: arith.truncf {{.*}} : vector<16xf64> to vector<16xf32>
// CHECK: math.fma
// CHECK: vector.maskedstore
// CHECK-LABEL: func.func @product
// CHECK: scf.parallel
// CHECK: call @lut_dense_matmul(
func.func @product(%a: memref<?x45xf32>, %w: memref<4608xi8>, %o: memref<?x70xf32>) {
  lut.dense_matmul ins(%a, %w : memref<?x45xf32>, memref<4608xi8>) outs(%o : memref<?x70xf32>) {weight = !W}
  return
}
