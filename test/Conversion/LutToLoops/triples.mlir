// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=32 --canonicalize --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=16 --canonicalize --split-input-file | FileCheck %s --check-prefix=SHORT
// RUN: lutra-opt %s --convert-lut-to-loops='accumulator-bits=16 vector-rows=16' --canonicalize --split-input-file | FileCheck %s --check-prefix=NARROW
// RUN: lutra-opt %s --convert-lut-to-loops='accumulator-bits=32 lookup-entries=64' --canonicalize --split-input-file | FileCheck %s --check-prefix=NUMBERS

!W = !lowbit.weight<70x64, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, triples = true>>>

// Rows have a panel, of a block's 24 columns and the octet that is left.
// CHECK-LABEL: func.func private @lut_integer_matmul(
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<24576xi8>
// CHECK: lut.lookup
// But a single row reads codes into registers, and multiplies them there: of 16 rows and half a block three quads, each a shuffle in a table of 16; the second and
// third are taken from the greatest code where the bit is not set. Codes are doubled in the tables.
// CHECK-LABEL: func.func private @lut_integer_single(
// CHECK-DAG: %[[D0:.*]] = arith.constant dense<[0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 0]> : vector<16xi8>
// CHECK-DAG: %[[D1:.*]] = arith.constant dense<[0, 0, 0, 2, 2, 0, 0, 0, 2, 2, 0, 0, 0, 2, 2, 0]> : vector<16xi8>
// CHECK-DAG: %[[D2:.*]] = arith.constant dense<[0, 2, 4, 0, 2, 0, 2, 4, 0, 2, 0, 2, 4, 0, 2, 0]> : vector<16xi8>
// CHECK-DAG: %[[GREATEST:.*]] = arith.constant dense<4> : vector<64xi8>
// CHECK-NOT: memref.alloca
// CHECK: %[[BITS:.*]] = vector.load {{.*}} vector<64xi8>
// CHECK: %[[NIBBLES:.*]] = vector.load {{.*}} vector<64xi8>
// CHECK: arith.andi %[[BITS]],
// CHECK: %[[NEGATIVE:.*]] = arith.cmpi eq, {{.*}} : vector<64xi8>
// CHECK: lut.lookup %[[D0]][%[[NIBBLES]]]
// CHECK: %[[C1:.*]] = lut.lookup %[[D1]][%[[NIBBLES]]]
// CHECK: %[[N1:.*]] = arith.subi %[[GREATEST]], %[[C1]]
// CHECK: arith.select %[[NEGATIVE]], %[[N1]], %[[C1]]
// CHECK: lut.lookup %[[D2]][%[[NIBBLES]]]
// CHECK: lut.dot {{.*}} {largest = 4 : i64} : vector<64xi8>, vector<16xi32>
// CHECK: math.fma
// CHECK: vector.maskedstore
// CHECK-LABEL: func.func @product
// CHECK: %[[SINGLE:.*]] = arith.cmpi eq, %{{.*}}, %c1 : index
// CHECK: scf.if %[[SINGLE]] {
// CHECK: call @lut_integer_single(
// CHECK: } else {
// CHECK: %[[FEW:.*]] = arith.cmpi ule, %{{.*}}, %c{{[0-9]+}} : index
// CHECK: scf.if %[[FEW]] {
// CHECK: call @lut_integer_few(
// CHECK: } else {
// CHECK: call @lut_integer_matmul(
// With tables of 64 the bit is bit 4 of an index, or, for the high nibbles, bit 5, so that one shift serves both, and no digit is taken from another: entries 0 to
// 15 (and 32 to 47), or 0 to 31, are those whose bit is not set.
// NUMBERS-LABEL: func.func private @lut_integer_single(
// NUMBERS-DAG: %[[D1:.*]] = arith.constant dense<[4, 4, 4, 2, 2, 4, 4, 4, 2, 2, 4, 4, 4, 2, 2, 4, 0, 0, 0, 2, 2, 0, 0, 0, 2, 2, 0, 0, 0, 2, 2, 0, {{.*}}]> : vector<64xi8>
// NUMBERS-DAG: %[[H1:.*]] = arith.constant dense<[4, 4, 4, 2, 2, 4, 4, 4, 2, 2, 4, 4, 4, 2, 2, 4, 4, 4, 4, 2, 2, 4, 4, 4, 2, 2, 4, 4, 4, 2, 2, 4, 0, {{.*}}]> : vector<64xi8>
// NUMBERS-NOT: arith.select
// NUMBERS: %[[NUMBER:.*]] = arith.ori
// NUMBERS: lut.lookup %{{.*}}[%[[NUMBER]]] : vector<64xi8>, vector<64xi8>
// NUMBERS: lut.lookup %[[D1]][%[[NUMBER]]] : vector<64xi8>, vector<64xi8>
// NUMBERS-NEXT: lut.lookup
// NUMBERS: lut.lookup %[[H1]]
// NUMBERS: math.fma
// Without dot products of 32 bits panels are of the codes as they are, and begin at five rows; with narrow registers at two.
// SHORT-LABEL: func.func private @lut_integer_matmul(
// SHORT-DAG: arith.constant dense<[0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0]> : vector<16xi8>
// SHORT: lut.dot {{.*}} : vector<64xi8>, vector<32xi16>
// SHORT-LABEL: func.func @product
// SHORT: call @lut_integer_single(
// SHORT: arith.cmpi ule, %{{.*}}, %c4 : index
// NUMBERS-LABEL: func.func @product
// NUMBERS: arith.cmpi ule, %{{.*}}, %c16 : index
// NARROW-LABEL: func.func @product
// NARROW: call @lut_integer_single(
// NARROW-NOT: scf.if
// NARROW: call @lut_integer_matmul(
func.func @product(%p: memref<2x?x32xi8>, %b: memref<2x?xi32>, %z: memref<2x?xf32>, %w: memref<2304xi8>, %o: memref<?x70xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<2x?x32xi8>, memref<2x?xi32>, memref<2x?xf32>, memref<2x?xf32>, memref<2304xi8>)
      outs(%o : memref<?x70xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<2112x24, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 24, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, triples = true>>>

// 33 tiles in two streams of 17 and 16: one row needs no other function.
// CHECK-NOT: lut_integer_matmul
// CHECK-LABEL: func.func @one_row
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c17) step (%c1)
// CHECK: call @lut_integer_single(
// SHORT-LABEL: func.func @one_row
func.func @one_row(%p: memref<1x1x24xi8>, %b: memref<1x1xi32>, %z: memref<1x1xf32>, %w: memref<14784xi8>, %o: memref<1x2112xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<1x1x24xi8>, memref<1x1xi32>, memref<1x1xf32>, memref<1x1xf32>, memref<14784xi8>)
      outs(%o : memref<1x2112xf32>) {weight = !W}
  return
}
