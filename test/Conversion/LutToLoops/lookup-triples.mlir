// Tables of three: entries of each table as signs times activations, a vector of indices for two tables, a mask of signs for each.
//
// RUN: lutra-opt %s --convert-lut-to-loops --canonicalize --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops='vector-rows=16 prefetch-bytes=0' --canonicalize --split-input-file | FileCheck %s --check-prefix=NARROW

#packed = #lowbit.packed<#lowbit.bipolar<planes = 2, group = 16, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>

// A pair of tables: 64 bytes of indices, and a word of signs for each table, repeated. Of a single tile the two rows of a lane are taken apart.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: memref.prefetch
// CHECK: vector.load {{.*}} vector<64xi8>
// CHECK: vector.broadcast {{.*}} : i64 to vector<8xi64>
// CHECK: arith.cmpi eq, {{.*}} : vector<64xi8>
// CHECK: lut.lookup {{.*}} : vector<16xi8>, vector<64xi8>
// CHECK: arith.select {{.*}} : vector<64xi1>, vector<64xi8>
// CHECK: lut.accumulate {{.*}} : vector<64xi8>, vector<32xi16>
// CHECK: math.fma {{.*}} : vector<16xf32>
// 16 columns are six tables: four of columns t, 6 + t and 12 + t, and two without the last. Of the 8 columns of the second group, six
// tables have one, and two of these another.
// CHECK-LABEL: func.func private @lut_precompute
// CHECK: arith.maxui
// CHECK: arith.divf
// CHECK: math.fma
// CHECK: math.fma
// CHECK: arith.trunci {{.*}} : vector<16xi32> to vector<16xi8>
// CHECK: vector.store {{.*}} vector<16xi8>
// CHECK: memref.store %cst{{.*}} : memref<?x?xf32

// Narrow registers take half a tile, whose entries are biased.
// NARROW-LABEL: func.func private @lut_matmul
// NARROW-NOT: memref.prefetch
// NARROW: arith.xori {{.*}} : vector<16xi8>
// NARROW: lut.lookup {{.*}} : vector<16xi8>, vector<32xi8>
// NARROW: arith.shrui {{.*}} : vector<16xi16>
// NARROW-NOT: lut.accumulate
func.func @product(%a: memref<2x24xf32>, %e: memref<2x2x96xi8>, %s: memref<2x2xf32>, %z: memref<2x2xf32>, %w: memref<736xi8>, %o: memref<2x64xf32>) {
  lut.precompute ins(%a : memref<2x24xf32>) outs(%e, %s, %z : memref<2x2x96xi8>, memref<2x2xf32>, memref<2x2xf32>) {group = 16 : i64, width = 3 : i64}
  lut.matmul ins(%e, %s, %z, %w : memref<2x2x96xi8>, memref<2x2xf32>, memref<2x2xf32>, memref<736xi8>) outs(%o : memref<2x64xf32>)
      {weight = !lowbit.weight<64x24, #packed>}
  return
}

// -----

#packed = #lowbit.packed<#lowbit.bipolar<planes = 2, group = 6, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>

// A single row loads a table for four tiles, and biases it.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: arith.xori {{.*}} : vector<16xi8>
// CHECK-COUNT-4: lut.lookup {{.*}} : vector<16xi8>, vector<64xi8>
func.func @streams(%e: memref<1x1x32xi8>, %s: memref<1x1xf32>, %w: memref<6656xi8>, %o: memref<1x2048xf32>) {
  lut.matmul ins(%e, %s, %s, %w : memref<1x1x32xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<6656xi8>) outs(%o : memref<1x2048xf32>)
      {weight = !lowbit.weight<2048x6, #packed>}
  return
}

// -----

#packed = #lowbit.packed<#lowbit.bipolar<planes = 2, group = 64, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>

// 64 columns are 22 tables: sixteen side by side, a lane each, and six one by one, of which two lack the last column. While a single row's tables are made, the first weights
// of the product are asked for, 64 bytes for 32 activations.
// CHECK-LABEL: func.func private @lut_precompute
// CHECK-COUNT-2: memref.prefetch %{{.*}}, read, locality<2>, data
// CHECK: arith.maxui
// CHECK: arith.divf
// CHECK-COUNT-3: vector.load {{.*}} vector<16xf32>
// CHECK-COUNT-4: vector.store {{.*}} vector<64xi8>
// CHECK: arith.trunci {{.*}} : vector<16xi32> to vector<16xi8>
// CHECK: vector.store {{.*}} vector<16xi8>
func.func @blocks(%a: memref<1x64xf32>, %e: memref<1x1x352xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<1008xi8>, %o: memref<1x64xf32>) {
  lut.precompute ins(%a : memref<1x64xf32>) outs(%e, %s, %z : memref<1x1x352xi8>, memref<1x1xf32>, memref<1x1xf32>) {group = 64 : i64, width = 3 : i64}
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x352xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<1008xi8>) outs(%o : memref<1x64xf32>)
      {weight = !lowbit.weight<64x64, #packed>}
  return
}

// -----

#packed = #lowbit.packed<#lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>>

// Eleven tables are less than a block, of which the last has two columns: lanes without one are 0.
// CHECK-LABEL: func.func private @lut_precompute
// CHECK-COUNT-2: vector.constant_mask [11] : vector<16xi1>
// CHECK: %[[TEN:.*]] = vector.constant_mask [10] : vector<16xi1>
// CHECK: vector.maskedload {{.*}}, %[[TEN]]
// CHECK-COUNT-2: vector.store {{.*}} vector<64xi8>
// CHECK: vector.store {{.*}} vector<48xi8>
func.func @short_block(%a: memref<2x32xf32>, %e: memref<2x1x176xi8>, %s: memref<2x1xf32>, %z: memref<2x1xf32>, %w: memref<568xi8>, %o: memref<2x64xf32>) {
  lut.precompute ins(%a : memref<2x32xf32>) outs(%e, %s, %z : memref<2x1x176xi8>, memref<2x1xf32>, memref<2x1xf32>) {group = 32 : i64, width = 3 : i64}
  lut.matmul ins(%e, %s, %z, %w : memref<2x1x176xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<568xi8>) outs(%o : memref<2x64xf32>)
      {weight = !lowbit.weight<64x32, #packed>}
  return
}
