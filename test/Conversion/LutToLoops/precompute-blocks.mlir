// RUN: lutra-opt %s --convert-lut-to-loops --canonicalize --split-input-file | FileCheck %s

// i8 tables that share a scale are made side by side: a group of 40 activations, 10 tables, is a block of 8 and a pair. In the first
// pass the largest magnitudes and the sums in order, in the second the entries: of 8 upper ones, 4 and 4 to a word, the lower ones their
// negatives in reverse.
// CHECK-LABEL: func.func private @lut_precompute
// CHECK: scf.for
// CHECK:   scf.for
// CHECK-COUNT-4: vector.load %arg0[%{{.*}}] : {{.*}}, vector<8xf32>
// CHECK:     vector.shuffle %{{.*}}, %{{.*}} [0, 8, 1, 9, 4, 12, 5, 13] : vector<8xf32>, vector<8xf32>
// CHECK:     vector.shuffle %{{.*}}, %{{.*}} [0, 1, 8, 9, 4, 5, 12, 13] : vector<8xf32>, vector<8xf32>
// CHECK:     vector.extract %{{.*}}[0] : f32 from vector<8xf32>
// CHECK:     vector.extract %{{.*}}[4] : f32 from vector<8xf32>
// CHECK:     vector.extract %{{.*}}[1] : f32 from vector<8xf32>
// CHECK:     vector.load %arg0[%{{.*}}] : {{.*}}, vector<8xf32>
// CHECK:     vector.reduction <maxui>
// CHECK:     arith.divf
// CHECK-COUNT-4: vector.load %arg0[%{{.*}}] : {{.*}}, vector<8xf32>
// CHECK:     vector.shuffle %{{.*}}, %{{.*}} [3, 2, 1, 0, 7, 6, 5, 4, {{.*}}] : vector<32xi8>, vector<32xi8>
// CHECK-COUNT-4: vector.store %{{.*}}, %arg1[%{{.*}}] : {{.*}}, vector<32xi8>
// CHECK:     vector.store %{{.*}}, %arg1[%{{.*}}] : {{.*}}, vector<32xi8>
// CHECK-NOT: vector.store
// CHECK-LABEL: func.func @blocks
func.func @blocks(%a: memref<1x80xf32>, %e: memref<1x2x160xi8>, %s: memref<1x2xf32>, %z: memref<1x2xf32>) {
  lut.precompute ins(%a : memref<1x80xf32>) outs(%e, %s, %z : memref<1x2x160xi8>, memref<1x2xf32>, memref<1x2xf32>) {group = 40 : i64}
  return
}

// -----

// A group of a whole row: blocks of 16 in a loop, and a scale per row: the first loop over groups finds the largest of all.
// CHECK-LABEL: func.func private @lut_precompute
// CHECK: scf.for
// CHECK:   scf.for {{.*}} iter_args({{.*}}) -> (vector<16xi32>)
// CHECK:     scf.for %{{.*}} = %c0 to %c8 step %c2 iter_args({{.*}}) -> (f32, vector<16xi32>)
// CHECK-COUNT-4: vector.load %arg0[%{{.*}}] : {{.*}}, vector<16xf32>
// CHECK:     vector.reduction <maxui>
// CHECK:     vector.store %{{.*}}, %arg1[%{{.*}}] : {{.*}}, vector<64xi8>
// CHECK-LABEL: func.func @row
func.func @row(%a: memref<1x1024xf32>, %e: memref<1x2x2048xi8>, %s: memref<1x1xf32>, %z: memref<1x2xf32>) {
  lut.precompute ins(%a : memref<1x1024xf32>) outs(%e, %s, %z : memref<1x2x2048xi8>, memref<1x1xf32>, memref<1x2xf32>) {group = 512 : i64}
  return
}
