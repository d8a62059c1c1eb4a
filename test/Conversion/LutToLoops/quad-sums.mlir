// One plane, looked up in four tables at once: RUN lines differ in what the machine has.
//
// RUN: lutra-opt %s --convert-lut-to-loops='accumulator-bits=32 lookup-entries=64 quick-permutes=true streams=1' --canonicalize --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops='accumulator-bits=32 lookup-entries=64 streams=1' --canonicalize --split-input-file | FileCheck %s --check-prefix=APART
// RUN: lutra-opt %s --convert-lut-to-loops='accumulator-bits=32 quick-permutes=true streams=1' --canonicalize --split-input-file | FileCheck %s --check-prefix=APART
// RUN: lutra-opt %s --convert-lut-to-loops='accumulator-bits=16 lookup-entries=64 quick-permutes=true streams=1' --canonicalize --split-input-file | FileCheck %s --check-prefix=APART
// RUN: lutra-opt %s --convert-lut-to-loops='accumulator-bits=32 lookup-entries=64 quick-permutes=true vector-rows=16 streams=1' --canonicalize --split-input-file | FileCheck %s --check-prefix=APART

!W = !lowbit.weight<64x64, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 64, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Eight pairs are two quads, of 128 bytes of tables each: those of either half of a code are brought together.
// CHECK-LABEL: func.func private @lut_matmul(
// CHECK-DAG: %[[PLACES:.*]] = arith.constant dense<[0, 16, 32, 48, 0, 16, 32, 48, {{.*}}]> : vector<64xi8>
// CHECK-DAG: %[[LOW:.*]] = arith.constant dense<15> : vector<64xi8>
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1
// CHECK: %[[T0:.*]] = vector.load {{.*}} vector<64xi8>
// CHECK: %[[T1:.*]] = vector.load {{.*}} vector<64xi8>
// CHECK: %[[EVEN:.*]] = vector.shuffle %[[T0]], %[[T1]] [0, 1, {{.*}} 15, 32, {{.*}} 47, 64, {{.*}} 79, 96, {{.*}} 111] :
// CHECK: %[[ODD:.*]] = vector.shuffle %[[T0]], %[[T1]] [16, {{.*}} 31, 48, {{.*}} 63, 80, {{.*}} 95, 112, {{.*}} 127]
// Rows r and r + 32 are neighbours in a line; afterwards the four pairs of a row are.
// CHECK: %[[L0:.*]] = vector.load
// CHECK: %[[L1:.*]] = vector.load
// CHECK: %[[L2:.*]] = vector.load
// CHECK: %[[L3:.*]] = vector.load
// CHECK: %[[A:.*]] = vector.shuffle %[[L0]], %[[L1]] [0, 64, 2, 66,
// CHECK: %[[B:.*]] = vector.shuffle %[[L2]], %[[L3]] [0, 64, 2, 66,
// CHECK: vector.shuffle %[[L0]], %[[L1]] [1, 65, 3, 67,
// CHECK: vector.shuffle %[[L2]], %[[L3]] [1, 65, 3, 67,
// CHECK: %[[ROWS0:.*]] = vector.shuffle %[[A]], %[[B]] [0, 1, 64, 65, 2, 3, 66, 67,
// CHECK: vector.shuffle %[[A]], %[[B]] [32, 33, 96, 97,
// CHECK: %[[AND:.*]] = arith.andi %[[ROWS0]], %[[LOW]]
// CHECK: %[[INDEX:.*]] = arith.ori %[[AND]], %[[PLACES]]
// CHECK: %[[ENTRIES:.*]] = lut.lookup %[[EVEN]][%[[INDEX]]] : vector<64xi8>, vector<64xi8>
// CHECK: lut.accumulate %[[ENTRIES]] into {{.*}} weights [1, 1, 1, 1] : vector<64xi8>, vector<16xi32>
// CHECK: lut.lookup %[[ODD]]
// CHECK-NOT: vector<32xi16>
// CHECK: arith.sitofp

// APART-LABEL: func.func private @lut_matmul(
// APART-NOT: vector<64xi8>, vector<64xi8>
// APART: lut.lookup {{.*}} : vector<16xi8>, vector<64xi8>
func.func @product(%e: memref<1x1x256xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<640xi8>, %o: memref<1x64xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x256xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<640xi8>)
      outs(%o : memref<1x64xf32>) {weight = !W, tile = #lowbit.tile<m = 1, n = 64, k = 64>}
  return
}

// -----

// Groups of 16 have two pairs: no quad.
!W = !lowbit.weight<64x16, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 16, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// CHECK-LABEL: func.func private @lut_matmul(
// CHECK-NOT: vector<64xi8>, vector<64xi8>
// CHECK: lut.lookup {{.*}} : vector<16xi8>, vector<64xi8>
// APART-LABEL: func.func private @lut_matmul(
func.func @short(%e: memref<1x1x64xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<256xi8>, %o: memref<1x64xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x64xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<256xi8>)
      outs(%o : memref<1x64xf32>) {weight = !W, tile = #lowbit.tile<m = 1, n = 64, k = 16>}
  return
}
