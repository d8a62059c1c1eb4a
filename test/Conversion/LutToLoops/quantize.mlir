// RUN: lutra-opt %s --convert-lut-to-loops | FileCheck %s

// The largest magnitude of a group as bits, then codes: by rounding numbers where a vector holds them. 20 activations are 16 and 4, the last group of 5 is by itself.
// CHECK-LABEL: func.func private @lut_quantize(
// CHECK: arith.maxsi {{.*}} : vector<16xi32>
// CHECK: vector.reduction <maxsi>
// CHECK: arith.divf
// CHECK: arith.divf
// CHECK: arith.trunci {{.*}} : vector<16xi32> to vector<16xi8>
// CHECK: vector.store {{.*}} vector<16xi8>
// CHECK: vector.store {{.*}} vector<4xi8>
// CHECK: vector.store {{.*}} vector<5xi8>
// CHECK-LABEL: func.func @rows
// CHECK: scf.parallel
// CHECK: call @lut_quantize(
func.func @rows(%a: memref<?x45xf32>, %q: memref<?x45xi8>, %s: memref<?x3xf32>) {
  lut.quantize ins(%a : memref<?x45xf32>) outs(%q, %s : memref<?x45xi8>, memref<?x3xf32>) {group = 20 : i64, bits = 8 : i64}
  return
}
