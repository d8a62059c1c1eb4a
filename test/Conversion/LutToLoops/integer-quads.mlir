// RUN: lutra-opt %s --split-input-file --convert-lut-to-loops='accumulator-bits=32' --canonicalize --verify-diagnostics | FileCheck %s

!W = !lowbit.weight<64x80, #lowbit.packed<#lowbit.bipolar<planes = 3, group = 80, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, quads = true>>>

// A lane of two planes has the codes of four tables, one of a plane those of eight. For each 16 rows of the tile a step of eight tables is three lanes, whose bits are
// put in order in two exchanges, and makes eight quads of doubled codes. The group's 20 tables are two steps and half of one, of which two lanes exist.
// CHECK-LABEL: func.func private @lut_integer_few(
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xi32>(, vector<16xi32>){3}[)]}} {
// CHECK-COUNT-72: arith.xori {{.*}} : vector<16xi32>
// CHECK-NOT: arith.xori
// CHECK-COUNT-32: lut.dot {{.*}} {largest = 14 : i64}
// CHECK-NOT: lut.dot
// CHECK: scf.yield
// CHECK-COUNT-48: arith.xori {{.*}} : vector<16xi32>
// CHECK-NOT: arith.xori
// CHECK-COUNT-16: lut.dot {{.*}} {largest = 14 : i64}
// CHECK-NOT: lut.dot
// CHECK: return
func.func @few(%p: memref<1x1x80xi8>, %b: memref<1x1xi32>, %z: memref<1x1xf32>, %w: memref<2176xi8>, %o: memref<1x64xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<1x1x80xi8>, memref<1x1xi32>, memref<1x1xf32>, memref<1x1xf32>, memref<2176xi8>)
      outs(%o : memref<1x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x80, #lowbit.packed<#lowbit.bipolar<planes = 3, group = 80, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, quads = true>>>

// The panel: two steps in a loop, and the rest: 8 and 4 quads for each 16 rows.
// CHECK-LABEL: func.func private @lut_integer_matmul(
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c4
// CHECK-COUNT-48: vector.store {{.*}} : memref<20480xi8>, vector<64xi8>
// CHECK-NOT: vector.store {{.*}} : memref<20480xi8>, vector<64xi8>
// CHECK: lut.dot
func.func @many(%p: memref<1x32x80xi8>, %b: memref<1x32xi32>, %z: memref<1x32xf32>, %w: memref<2176xi8>, %o: memref<32x64xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<1x32x80xi8>, memref<1x32xi32>, memref<1x32xf32>, memref<1x32xf32>, memref<2176xi8>)
      outs(%o : memref<32x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, quads = true>>>
func.func @lookup(%e: memref<2x1x128xi16>, %s: memref<2x1xf32>, %w: memref<384xi8>, %o: memref<2x64xf32>) {
  // expected-error @+1 {{looks up in tables of i16, but the weight is stored in quads; run lut-multiply-codes, or pack it with lowbit-pack-weights{quads=false}}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x128xi16>, memref<2x1xf32>, memref<2x1xf32>, memref<384xi8>) outs(%o : memref<2x64xf32>) {weight = !W}
  return
}
