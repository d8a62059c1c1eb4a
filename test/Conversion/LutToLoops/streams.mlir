// RUN: lutra-opt %s --convert-lut-to-loops --canonicalize --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops=streams=1 --canonicalize --split-input-file | FileCheck %s --check-prefix=ONE

!W = !lowbit.weight<2112x32, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// A range of tiles in four streams of a fourth of them each, rounded down: tiles i, i + n, i + 2 n and i + 3 n at once, where a single row of activations
// loads a table once and looks it up with the codes of each. Two rows take two streams. The tiles that are left come one by one, and so do all with more rows.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK-SAME: %[[FIRST:[a-z0-9]+]]: index, %[[LAST:[a-z0-9]+]]: index, %[[ROW:[a-z0-9]+]]: index, %[[END:[a-z0-9]+]]: index) {
// CHECK: %[[ROWS:.*]] = arith.subi %[[END]], %[[ROW]]
// CHECK: %[[COUNT:.*]] = arith.subi %{{.*}}, %[[FIRST]]
// CHECK: %[[FOURTH:.*]] = arith.divui %[[COUNT]], %c4 : index
// CHECK: %[[SINGLE:.*]] = arith.cmpi eq, %[[ROWS]], %c1 : index
// CHECK: %[[DISTANCE:.*]] = arith.select %[[SINGLE]], %[[FOURTH]], %c0
// CHECK: %[[STREAM_END:.*]] = arith.addi %[[FIRST]], %[[DISTANCE]]
// CHECK: scf.for %[[TILE:.*]] = %[[FIRST]] to %[[STREAM_END]] step %c1 {
// CHECK:   %[[SECOND:.*]] = arith.addi %[[TILE]], %[[DISTANCE]]
// CHECK:   %[[THIRD:.*]] = arith.addi %[[SECOND]], %[[DISTANCE]]
// CHECK:   arith.addi %[[THIRD]], %[[DISTANCE]]
// CHECK:   scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xf32>(, vector<16xf32>){15}[)]}} {
// CHECK:     %[[TABLE:.*]] = vector.load %{{.*}} : memref<?x?x?xi8, {{.*}}>, vector<16xi8>
// CHECK:     vector.load %{{.*}} : memref<?x?x?xi8, {{.*}}>, vector<16xi8>
// Each is read at a part of the speed, and asked for less far ahead.
// CHECK:     %[[AHEAD:.*]] = arith.addi %{{.*}}, %c2048 : index
// CHECK:     memref.prefetch %{{.*}}[%[[AHEAD]]], read, locality<3>, data
// CHECK-COUNT-4: lut.lookup %[[TABLE]][
// CHECK:   vector.store
// CHECK: %[[FOUR:.*]] = arith.muli %[[DISTANCE]], %c4
// CHECK: %[[LEFT:.*]] = arith.addi %[[FIRST]], %[[FOUR]]
// CHECK: %[[HALF:.*]] = arith.divui %[[COUNT]], %c2 : index
// CHECK: %[[TWO:.*]] = arith.cmpi eq, %[[ROWS]], %c2 : index
// CHECK: %[[APART:.*]] = arith.select %[[TWO]], %[[HALF]], %c0
// CHECK: %[[PAIR_END:.*]] = arith.addi %[[FIRST]], %[[APART]]
// CHECK: scf.for %[[TILE:.*]] = %[[FIRST]] to %[[PAIR_END]] step %c1 {
// CHECK:   arith.addi %[[TILE]], %[[APART]]
// CHECK:   scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xf32>(, vector<16xf32>){15}[)]}} {
// Both rows look the codes of either tile up.
// CHECK:     %[[CODES:.*]] = vector.load {{.*}} vector<64xi8>
// CHECK-COUNT-2: lut.lookup {{.*}}[%[[CODES]]]
// CHECK: %[[BOTH:.*]] = arith.muli %[[APART]], %c2
// CHECK: %[[REST:.*]] = arith.addi %[[LEFT]], %[[BOTH]]
// CHECK: scf.for %{{.*}} = %[[REST]] to %[[LAST]] step %c1 {
// A call for each tile; those of a thread become one (lutra-share-loops).
// CHECK-LABEL: func.func @decode
// CHECK: scf.parallel (%[[I:.*]]) = (%c0) to (%c33) step (%c1)
// CHECK:   %[[NEXT:.*]] = arith.addi %[[I]], %c1
// CHECK:   call @lut_matmul{{.*}}({{.*}}, %[[I]], %[[NEXT]], %c0, %c1) {lutra.range = 5 : i64}
// ONE-LABEL: func.func private @lut_matmul
// ONE-NOT: arith.select
// ONE: %[[AHEAD:.*]] = arith.addi %{{.*}}, %c4096 : index
// ONE: memref.prefetch %{{.*}}[%[[AHEAD]]], read, locality<3>, data
// ONE-LABEL: func.func @decode
// ONE: scf.parallel (%{{.*}}) = (%c0) to (%c33) step (%c1)
func.func @decode(%e: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<38016xi8>, %o: memref<1x2112xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<38016xi8>)
      outs(%o : memref<1x2112xf32>) {weight = !W}
  return
}

// -----

!W9 = !lowbit.weight<576x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
!W5 = !lowbit.weight<320x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Few tiles are as many streams as leave few over: 9 are three times three, 5 four and one; with 5 rows of activations known there are none.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK-NOT: arith.divui %{{.*}}, %c{{[0-9]+}} : index
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: arith.divui %{{.*}}, %c4 : index
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: arith.divui %{{.*}}, %c3 : index
// CHECK-LABEL: func.func @nine_tiles
// ONE-LABEL: func.func @rows
func.func @nine_tiles(%e: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<3456xi8>, %o: memref<1x576xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<3456xi8>)
      outs(%o : memref<1x576xf32>) {weight = !W9}
  return
}

func.func @five_tiles(%e: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<1920xi8>, %o: memref<1x320xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<1920xi8>)
      outs(%o : memref<1x320xf32>) {weight = !W5}
  return
}

func.func @rows(%e: memref<5x1x128xi8>, %s: memref<5x1xf32>, %z: memref<5x1xf32>, %w: memref<3456xi8>, %o: memref<5x576xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<5x1x128xi8>, memref<5x1xf32>, memref<5x1xf32>, memref<3456xi8>)
      outs(%o : memref<5x576xf32>) {weight = !W9}
  return
}
