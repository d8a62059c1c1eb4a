// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=32 --canonicalize | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=16 --canonicalize | FileCheck %s --check-prefix=SHORT

!W = !lowbit.weight<70x32, #lowbit.packed<#lowbit.bipolar<planes = 5, group = 32, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, codebook = [4, 8, 16, 28]>>>

// A byte of the panel is looked up: both halves of a byte of indices. Codes of 5 bits are doubled in the table, but for sums of 16 bits.
// CHECK-DAG: %[[T:.*]] = arith.constant dense<[8, 16, 32, 56, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]> : vector<16xi8>
// CHECK-DAG: %[[H:.*]] = arith.shrui %[[L:.*]], %{{.*}} : vector<64xi8>
// CHECK-DAG: lut.lookup %[[T]][%[[L]]] : vector<16xi8>, vector<64xi8>
// CHECK-DAG: lut.lookup %[[T]][%[[H]]] : vector<16xi8>, vector<64xi8>
// CHECK: lut.dot {{.*}} {largest = 56 : i64} : vector<64xi8>, vector<16xi32>
// SHORT: arith.constant dense<[4, 8, 16, 28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]> : vector<16xi8>
// SHORT: lut.dot {{.*}} {largest = 28 : i64} : vector<64xi8>, vector<32xi16>
func.func @five_bits(%p: memref<1x?x32xi8>, %b: memref<1x?xi32>, %z: memref<1x?xf32>, %w: memref<2304xi8>, %o: memref<?x70xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<1x?x32xi8>, memref<1x?xi32>, memref<1x?xf32>, memref<1x?xf32>, memref<2304xi8>)
      outs(%o : memref<?x70xf32>) {weight = !W}
  return
}
