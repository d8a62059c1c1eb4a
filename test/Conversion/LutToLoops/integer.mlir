// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=32 --canonicalize | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=16 --canonicalize | FileCheck %s --check-prefix=SHORT

!W = !lowbit.weight<70x40, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// A block of K becomes a panel of doubled codes, up to 30; then rows are multiplied with it: 48 rows go through all groups of the block before the
// next ones do, six of them with all 64 rows of the tile at once, 24 sums, while the codes of the 48 after are asked for, and, quad by quad, the
// weights of the next block. Rows that are left, here five, have a block of their own. The output's rows are asked for before they are stored.
// CHECK-LABEL: func.func private @lut_integer_matmul(
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<24576xi8>
// Bits of planes become bytes of codes in two exchanges.
// CHECK-COUNT-6: arith.xori {{.*}} : vector<16xi32>
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c48
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c6
// CHECK-COUNT-6: memref.prefetch %{{.*}}, read
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xi32>(, vector<16xi32>){23}[)]}} {
// CHECK: memref.prefetch %arg4[%{{.*}}], read, locality<2>
// CHECK-COUNT-24: lut.dot {{.*}} {largest = 30 : i64}
// CHECK-NOT: lut.dot
// CHECK: scf.yield
// CHECK: math.fma
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c5
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xi32>(, vector<16xi32>){19}[)]}} {
// CHECK-COUNT-20: lut.dot {{.*}} {largest = 30 : i64}
// CHECK-NOT: lut.dot
// CHECK: scf.yield
// CHECK: math.fma
// CHECK: memref.prefetch %{{.*}}, write
// CHECK: vector.maskedstore
// Sums of 16 bits on the way: codes of 15 are left as they are, since 8 quads of 2 * 128 * 15 = 3840 fit, all of this group's, and doubled as they are widened.
// SHORT-LABEL: func.func private @lut_integer_matmul(
// SHORT: scf.for {{.*}} iter_args({{.*}}) -> ({{vector<32xi16>(, vector<32xi16>){23}[)]}} {
// SHORT-COUNT-24: lut.dot {{.*}} {largest = 15 : i64} : vector<64xi8>, vector<32xi16>
// SHORT-NOT: lut.dot
// SHORT: scf.yield
// SHORT-COUNT-24: lut.accumulate {{.*}} weights [2, 2] : vector<32xi16>, vector<16xi32>
// SHORT-NOT: arith.shli
// SHORT: math.fma
// CHECK-LABEL: func.func private @lut_prepare_codes(
// CHECK: vector.reduction <add>
// CHECK-LABEL: func.func @product
// CHECK: scf.parallel
// CHECK: call @lut_prepare_codes(
// CHECK: scf.parallel
// CHECK: call @lut_integer_matmul(
func.func @product(%q: memref<?x40xi8>, %a: memref<?x2xf32>, %p: memref<2x?x32xi8>, %b: memref<2x?xi32>, %z: memref<2x?xf32>, %s: memref<2x?xf32>,
                   %w: memref<4608xi8>, %o: memref<?x70xf32>) {
  lut.prepare_codes ins(%q, %a : memref<?x40xi8>, memref<?x2xf32>)
      outs(%p, %b, %z, %s : memref<2x?x32xi8>, memref<2x?xi32>, memref<2x?xf32>, memref<2x?xf32>) {group = 32 : i64, factor = 15 : i64}
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<2x?x32xi8>, memref<2x?xi32>, memref<2x?xf32>, memref<2x?xf32>, memref<4608xi8>)
      outs(%o : memref<?x70xf32>) {weight = !W}
  return
}
