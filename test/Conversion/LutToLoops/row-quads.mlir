// Where four neighbouring bytes are one row's, nothing is rearranged, and vectors are of 16 rows.
//
// RUN: lutra-opt %s --convert-lut-to-loops='accumulator-bits=32 lookup-entries=64 streams=1' --canonicalize --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops='accumulator-bits=16 vector-rows=16 streams=1' --canonicalize --split-input-file | FileCheck %s --check-prefix=NARROW

!W = !lowbit.weight<64x64, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 64, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, quads = true>>>

// Eight pairs are two quads, of 128 bytes of tables each: the first half is looked up by the low nibbles.
// CHECK-LABEL: func.func private @lut_matmul(
// CHECK-DAG: %[[PLACES:.*]] = arith.constant dense<[0, 16, 32, 48, 0, 16, 32, 48, {{.*}}]> : vector<64xi8>
// CHECK-DAG: %[[LOW:.*]] = arith.constant dense<15> : vector<64xi8>
// CHECK-DAG: %[[FOUR:.*]] = arith.constant dense<4> : vector<64xi8>
// CHECK-NOT: vector.shuffle
// CHECK: %[[T0:.*]] = vector.load {{.*}} vector<64xi8>
// CHECK: %[[T1:.*]] = vector.load {{.*}} vector<64xi8>
// CHECK: memref.prefetch
// CHECK: %[[CODES:.*]] = vector.load {{.*}} vector<64xi8>
// CHECK: %[[AND:.*]] = arith.andi %[[CODES]], %[[LOW]]
// CHECK: %[[FIRST:.*]] = arith.ori %[[AND]], %[[PLACES]]
// CHECK: %[[ENTRIES:.*]] = lut.lookup %[[T0]][%[[FIRST]]] : vector<64xi8>, vector<64xi8>
// CHECK: %[[SUM:.*]] = lut.accumulate %[[ENTRIES]] into {{.*}} weights [1, 1, 1, 1] : vector<64xi8>, vector<16xi32>
// CHECK: %[[HIGH:.*]] = arith.shrui %[[CODES]], %[[FOUR]]
// CHECK: %[[SECOND:.*]] = arith.ori %[[HIGH]], %[[PLACES]]
// CHECK: lut.lookup %[[T1]][%[[SECOND]]]
// CHECK: lut.accumulate {{.*}} into %[[SUM]]
// CHECK-NOT: vector.shuffle
// CHECK: arith.sitofp

// With few registers 16 rows are summed after another.
// NARROW-LABEL: func.func private @lut_matmul(
// NARROW-COUNT-4: arith.sitofp {{.*}} vector<16xi32>
func.func @product(%e: memref<1x1x256xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<640xi8>, %o: memref<1x64xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x256xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<640xi8>)
      outs(%o : memref<1x64xf32>) {weight = !W, tile = #lowbit.tile<m = 1, n = 64, k = 64>}
  return
}

// -----

// Two planes: one register of four tables for both nibbles. Three pairs are one and a half quads: the last two tables' are looked up by the low nibbles, and
// nothing by the high ones. Of the third plane they are most of a quad: zeros for what is not there. Three rows of a tile are computed as 16.
!W = !lowbit.weight<3x24, #lowbit.packed<#lowbit.bipolar<planes = 3, group = 24, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, quads = true>>>

// CHECK-LABEL: func.func private @lut_matmul(
// CHECK-DAG: %[[SECOND:.*]] = arith.constant dense<[32, 32, 48, 48, {{.*}}]> : vector<64xi8>
// CHECK-DAG: %[[FIRST:.*]] = arith.constant dense<[0, 0, 16, 16, {{.*}}]> : vector<64xi8>
// CHECK-DAG: %[[NONE:.*]] = arith.constant dense<0> : vector<64xi8>
// CHECK: %[[ALL:.*]] = vector.load {{.*}} vector<64xi8>
// CHECK: %[[X:.*]] = arith.ori {{.*}}, %[[FIRST]]
// CHECK: lut.lookup %[[ALL]][%[[X]]]
// CHECK: lut.accumulate {{.*}} weights [1, 2, 1, 2]
// CHECK: %[[Y:.*]] = arith.ori {{.*}}, %[[SECOND]]
// CHECK: lut.lookup %[[ALL]][%[[Y]]]
// CHECK: %[[T4:.*]] = vector.load {{.*}} vector<16xi8>
// CHECK: %[[PART:.*]] = vector.insert_strided_slice %[[T4]], %[[NONE]] {offsets = [0], strides = [1]}
// CHECK: %[[T5:.*]] = vector.load {{.*}} vector<16xi8>
// CHECK: %[[REST:.*]] = vector.insert_strided_slice %[[T5]], %[[PART]] {offsets = [16], strides = [1]}
// CHECK: lut.lookup %[[REST]]
// CHECK-COUNT-4: lut.accumulate {{.*}} weights [1, 2, 1, 2]
// CHECK-NOT: weights [1, 2, 1, 2]
// CHECK: %[[T0:.*]] = vector.load {{.*}} vector<64xi8>
// CHECK: vector.insert_strided_slice {{.*}}, %[[NONE]]
// CHECK: %[[HALF:.*]] = vector.insert_strided_slice
// CHECK: lut.lookup %[[T0]]
// CHECK: lut.accumulate {{.*}} weights [4, 4, 4, 4]
// CHECK: lut.lookup %[[HALF]]
// CHECK-COUNT-4: arith.sitofp
// CHECK: } else {
// CHECK: arith.sitofp
// CHECK-NOT: arith.sitofp
// NARROW-LABEL: func.func private @lut_matmul(
func.func @rest(%e: memref<1x1x96xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<896xi8>, %o: memref<1x3xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x96xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<896xi8>)
      outs(%o : memref<1x3xf32>) {weight = !W, tile = #lowbit.tile<m = 1, n = 64, k = 24>}
  return
}
