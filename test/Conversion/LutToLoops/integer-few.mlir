// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=32 --canonicalize | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops="accumulator-bits=32 vector-rows=16" --canonicalize | FileCheck %s --check-prefix=NARROW
// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=16 --canonicalize | FileCheck %s --check-prefix=SHORT

!W = !lowbit.weight<70x40, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Up to twelve rows are multiplied without a panel, up to four in loops of their own, more in those of pairs of numbers: of one row 64 weight rows at a time, their codes
// next to their products; of twelve 32 weight rows at a time, whose four vectors of codes all rows use. With narrow registers it is up to four rows.
// Sums of 16 bits on the way have no such function.
// CHECK-LABEL: func.func private @lut_integer_few(
// CHECK: scf.index_switch
// CHECK: case 1 {
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xi32>(, vector<16xi32>){3}[)]}} {
// CHECK-COUNT-4: arith.xori {{.*}} : vector<16xi32>
// CHECK: lut.dot {{.*}} {largest = 30 : i64}
// CHECK-COUNT-4: arith.xori {{.*}} : vector<16xi32>
// CHECK-COUNT-2: lut.dot {{.*}} {largest = 30 : i64}
// CHECK: scf.yield
// CHECK: case 4 {
// CHECK: case 6 {
// CHECK-NOT: case 11
// CHECK: case 12 {
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xi32>(, vector<16xi32>){23}[)]}} {
// CHECK-COUNT-8: arith.xori {{.*}} : vector<16xi32>
// CHECK-COUNT-48: lut.dot {{.*}} {largest = 30 : i64}
// CHECK-NOT: lut.dot
// CHECK: scf.yield
// CHECK: math.fma
// CHECK: default {
// CHECK-NEXT: }
// CHECK-LABEL: func.func @product
// CHECK: arith.cmpi ule, %{{.*}}, %c12
// CHECK: call @lut_integer_few(
// CHECK: } else {
// CHECK: call @lut_integer_matmul(
// NARROW-LABEL: func.func @product
// NARROW: arith.cmpi ule, %{{.*}}, %c4
// SHORT-NOT: lut_integer_few
func.func @product(%p: memref<2x?x32xi8>, %b: memref<2x?xi32>, %z: memref<2x?xf32>, %s: memref<2x?xf32>, %w: memref<4608xi8>, %o: memref<?x70xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<2x?x32xi8>, memref<2x?xi32>, memref<2x?xf32>, memref<2x?xf32>, memref<4608xi8>)
      outs(%o : memref<?x70xf32>) {weight = !W}
  return
}

// A number that is known needs no choice.
// CHECK-LABEL: func.func @three_rows
// CHECK-NOT: scf.if
// CHECK: call @lut_integer_few
// CHECK-NOT: lut_integer_matmul
// CHECK: return
func.func @three_rows(%p: memref<2x3x32xi8>, %b: memref<2x3xi32>, %z: memref<2x3xf32>, %s: memref<2x3xf32>, %w: memref<4608xi8>, %o: memref<3x70xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<2x3x32xi8>, memref<2x3xi32>, memref<2x3xf32>, memref<2x3xf32>, memref<4608xi8>)
      outs(%o : memref<3x70xf32>) {weight = !W}
  return
}
