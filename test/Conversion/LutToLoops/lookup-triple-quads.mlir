// Tables of three, four at a time.
//
// RUN: lutra-opt %s --convert-lut-to-loops --canonicalize | FileCheck %s

#packed = #lowbit.packed<#lowbit.bipolar<planes = 2, group = 18, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true, quads = true>>

// In quads: six tables, four of which are looked up at once, as they and their negatives. Two parts of the rows are fields of a line each, two of what is left of
// it and of 32 bytes. The two tables that are left have words of 5 bytes.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: vector.load {{.*}} vector<64xi8>
// CHECK: vector.load {{.*}} vector<32xi8>
// CHECK: lut.fields {{.*}} : vector<64xi8>
// CHECK: vector.shuffle {{.*}} : vector<64xi8>, vector<64xi8>
// CHECK: arith.subi
// CHECK-COUNT-4: lut.accumulate {{.*}} weights [1, 1, 1, 1] : vector<64xi8>, vector<16xi32>
// CHECK-COUNT-4: lut.accumulate {{.*}} weights [1, 1, 0, 0] : vector<64xi8>, vector<16xi32>
// CHECK: lut.lookup {{.*}} : vector<128xi8>, vector<64xi8>
func.func @quads(%e: memref<4x1x96xi8>, %s: memref<4x1xf32>, %w: memref<368xi8>, %o: memref<4x64xf32>) {
  lut.matmul ins(%e, %s, %s, %w : memref<4x1x96xi8>, memref<4x1xf32>, memref<4x1xf32>, memref<368xi8>) outs(%o : memref<4x64xf32>)
      {weight = !lowbit.weight<64x18, #packed>}
  return
}
