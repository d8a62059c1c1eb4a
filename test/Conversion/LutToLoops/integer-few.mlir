// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=32 --canonicalize > %t
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=AHEAD < %t
// RUN: FileCheck %s --check-prefix=COPY < %t
// RUN: lutra-opt %s --convert-lut-to-loops="accumulator-bits=32 vector-rows=16" --canonicalize | FileCheck %s --check-prefix=NARROW
// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=16 --canonicalize | FileCheck %s --check-prefix=SHORT

!W = !lowbit.weight<70x40, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Up to 24 rows are multiplied without a panel, each number in loops of its own: of one row 64 weight rows at a time, their codes
// next to their products; of twelve 32 weight rows at a time, whose four vectors of codes all rows use; of more, 16 at a time. What is less than a tile is a loop. With
// narrow registers it is up to four rows, and with sums of 16 bits on the way, which are emptied once in this group, up to twelve. Rows of a group are as far from each other as the format says.
// CHECK-LABEL: func.func private @lut_integer_few(
// CHECK-SAME: memref<?x?x?xi8, strided<[?, 32, 1], offset: ?>>
// CHECK: scf.index_switch
// CHECK: case 1 {
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xi32>(, vector<16xi32>){3}[)]}} {
// CHECK-COUNT-4: arith.xori {{.*}} : vector<16xi32>
// CHECK: lut.dot {{.*}} {largest = 30 : i64}
// CHECK: scf.yield
// CHECK: case 4 {
// CHECK: case 5 {
// CHECK: case 12 {
// CHECK: scf.for %[[SIXTEENS:.*]] = %c0 to %c2 step
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xi32>(, vector<16xi32>){23}[)]}} {
// CHECK-COUNT-8: arith.xori {{.*}} : vector<16xi32>
// CHECK-COUNT-48: lut.dot {{.*}} {largest = 30 : i64}
// CHECK-NOT: lut.dot
// CHECK: scf.yield
// CHECK: math.fma
// CHECK: case 14 {
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xi32>(, vector<16xi32>){13}[)]}} {
// CHECK-COUNT-4: arith.xori {{.*}} : vector<16xi32>
// CHECK-COUNT-28: lut.dot {{.*}} {largest = 30 : i64}
// CHECK-NOT: lut.dot
// CHECK: scf.yield
// CHECK: case 15 {
// CHECK: case 24 {
// CHECK-NOT: case 25
// CHECK: default {
// CHECK-NEXT: }
// CHECK-LABEL: func.func @product
// CHECK: arith.cmpi ule, %{{.*}}, %c24
// CHECK: call @lut_integer_few(
// CHECK: } else {
// CHECK: call @lut_integer_matmul(
// NARROW-LABEL: func.func @product
// NARROW: arith.cmpi ule, %{{.*}}, %c4
// SHORT-LABEL: func.func private @lut_integer_few(
// SHORT: case 2 {
// SHORT: %[[LANES:.*]]:8 = scf.for {{.*}} -> ({{vector<32xi16>(, vector<32xi16>){7}[)]}} {
// SHORT: lut.dot {{.*}} {largest = 15 : i64} : vector<64xi8>, vector<32xi16>
// SHORT: scf.yield
// SHORT: lut.accumulate %[[LANES]]#0 into %{{.*}} weights [2, 2] : vector<32xi16>, vector<16xi32>
// SHORT: case 12 {
// SHORT-NOT: case 14 {
// SHORT-LABEL: func.func @product
// SHORT: arith.cmpi ule, %{{.*}}, %c12
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

!A = !lowbit.weight<64x128, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 128, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// In a longer group the codes of the next pair are unpacked beside the products of more than twelve rows: they are carried from one iteration to the next, and the
// last pair's are unpacked twice.
// AHEAD-LABEL: func.func private @lut_integer_few_1(
// AHEAD: scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xi32>(, vector<16xi32>){13}, vector<64xi8>, vector<64xi8>[)]}} {
// AHEAD: arith.minui
// AHEAD-LABEL: func.func @fourteen_rows
func.func @fourteen_rows(%p: memref<1x14x128xi8>, %b: memref<1x14xi32>, %z: memref<1x14xf32>, %s: memref<1x14xf32>, %w: memref<4224xi8>, %o: memref<14x64xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<1x14x128xi8>, memref<1x14xi32>, memref<1x14xf32>, memref<1x14xf32>, memref<4224xi8>)
      outs(%o : memref<14x64xf32>) {weight = !A}
  return
}

!L = !lowbit.weight<64x4096, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 4096, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Rows that would contend for the same lines of the first cache are copied to places a line further apart, if there are more than its ways.
// COPY-LABEL: func.func private @lut_integer_few_3(
// COPY-NOT: vector.store {{.*}} : memref<24x4160xi8>
// COPY-LABEL: func.func private @lut_integer_few_2(
// COPY: %[[NEAR:.*]] = memref.alloca() {alignment = 64 : i64} : memref<24x4160xi8>
// COPY: vector.store {{.*}}, %[[NEAR]]
// COPY: vector.load %[[NEAR]][%{{.*}}] : memref<24x4160xi8>, vector<4xi8>
// COPY-LABEL: func.func private @lut_integer_few_1(
func.func @long_rows(%p: memref<1x10x4096xi8>, %b: memref<1x10xi32>, %z: memref<1x10xf32>, %s: memref<1x10xf32>, %p8: memref<1x8x4096xi8>, %b8: memref<1x8xi32>, %z8: memref<1x8xf32>, %s8: memref<1x8xf32>,
                     %w: memref<131200xi8>, %o: memref<10x64xf32>, %o8: memref<8x64xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<1x10x4096xi8>, memref<1x10xi32>, memref<1x10xf32>, memref<1x10xf32>, memref<131200xi8>)
      outs(%o : memref<10x64xf32>) {weight = !L}
  lut.integer_matmul ins(%p8, %b8, %z8, %s8, %w : memref<1x8x4096xi8>, memref<1x8xi32>, memref<1x8xf32>, memref<1x8xf32>, memref<131200xi8>)
      outs(%o8 : memref<8x64xf32>) {weight = !L}
  return
}
