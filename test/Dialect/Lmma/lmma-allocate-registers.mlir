// RUN: lutra-opt %s --pass-pipeline='builtin.module(lmma.kernel(lmma-allocate-registers))' --split-input-file | FileCheck %s

// What accumulates keeps its register; what a loop carries keeps it through the loop.
// CHECK-LABEL: @tied
lmma.kernel @tied(%e: memref<?x2x128xi8>, %b: memref<4096xi8>, %s: memref<?x2xf32>, %o: memref<?x64xf32>) {
  // CHECK: lmma.set_cols {{.*}} {lmma.registers = array<i64: 0>}
  %c = lmma.set_cols 1.0
  // CHECK: lmma.zero {lmma.registers = array<i64: 0>} : <f32>
  %y0 = lmma.zero : !lmma.acc<f32>
  // CHECK: lmma.zero {lmma.registers = array<i64: 1>} : <f32>
  %x0 = lmma.zero : !lmma.acc<f32>
  // CHECK: lmma.for {{.*}} attributes {lmma.registers = array<i64: 0, 0>}
  %y = lmma.for %g = 0 to 2 step 1 carry(%acc = %y0 : !lmma.acc<f32>) {
    // CHECK: lmma.load_table {{.*}} {lmma.registers = array<i64: 0>}
    %t = lmma.load_table %e[0, %g, 0] : memref<?x2x128xi8> -> !lmma.table<8, i8>
    // CHECK: lmma.load_weights {{.*}} {lmma.registers = array<i64: 0>}
    %w = lmma.load_weights %b[0] pitch 256 : memref<4096xi8> -> !lmma.weights<4, 8>
    // CHECK: lmma.load_rows {{.*}} {lmma.registers = array<i64: 0>}
    %r = lmma.load_rows %s[0, %g] : memref<?x2xf32>
    // CHECK: lmma.zero {lmma.registers = array<i64: 0>} : <i32>
    %z = lmma.zero : !lmma.acc<i32>
    // CHECK: lmma.mma {{.*}} {lmma.registers = array<i64: 0>}
    %sum = lmma.mma %z, %t[0], %w[0, 0] bits 4 : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
    // CHECK: lmma.scale {{.*}} {lmma.registers = array<i64: 0>}
    %next = lmma.scale %acc, %sum, %r, %r, %c, %c : !lmma.acc<i32>
    lmma.yield %next : !lmma.acc<f32>
  }
  lmma.store %y, %o[0, 0] : memref<?x64xf32>
  lmma.store %x0, %o[0, 0] : memref<?x64xf32>
}

// -----

// The register that has been free the longest comes first.
// CHECK-LABEL: @rotation
lmma.kernel @rotation(%o: memref<?x64xf32>) {
  // CHECK-COUNT-1: array<i64: 0>
  %a = lmma.zero : !lmma.acc<f32>
  lmma.store %a, %o[0, 0] : memref<?x64xf32>
  // CHECK-COUNT-1: array<i64: 1>
  %b = lmma.zero : !lmma.acc<f32>
  lmma.store %b, %o[0, 0] : memref<?x64xf32>
}

// -----

// A value used in a loop that it is defined outside of lives until that loop ends.
// CHECK-LABEL: @outlives
lmma.kernel @outlives(%o: memref<?x64xf32>) {
  // CHECK: lmma.zero {lmma.registers = array<i64: 0>}
  %a = lmma.zero : !lmma.acc<f32>
  // CHECK: lmma.for {{.*}} attributes {lmma.registers = array<i64: 0>}
  lmma.for %i = 0 to 2 step 1 {
    lmma.store %a, %o[0, 0] : memref<?x64xf32>
    // CHECK: lmma.for {{.*}} attributes {lmma.registers = array<i64: 1>}
    lmma.for %j = 0 to 2 step 1 {
      // CHECK: lmma.zero {lmma.registers = array<i64: 1>}
      %b = lmma.zero : !lmma.acc<f32>
      lmma.store %b, %o[0, 0] : memref<?x64xf32>
    }
  }
}
