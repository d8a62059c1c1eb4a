// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt --mlir-print-op-generic %s | lutra-opt | FileCheck %s

// CHECK-LABEL: lmma.kernel @every_instruction
// CHECK-SAME: (%[[E:.*]]: memref<?x2x128xi8>, %[[X:.*]]: memref<?x2x128xf32>, %[[S:.*]]: memref<?x2xf32>, %[[W:.*]]: memref<4096xi8>, %[[O:.*]]: memref<?x131xf32>)
lmma.kernel @every_instruction(%e: memref<?x2x128xi8>, %x: memref<?x2x128xf32>, %s: memref<?x2xf32>, %w: memref<4096xi8>, %o: memref<?x131xf32>) {
  // CHECK: %[[ONE:.*]] = lmma.set_cols -1.000000e+00
  %c = lmma.set_cols -1.0
  // CHECK: lmma.for %[[N:.*]] = 0 to 3 step 1 {
  lmma.for %n = 0 to 3 step 1 {
    // CHECK: lmma.for %[[M:.*]] = rows(4) to rows(1) step 2 {
    lmma.for %m = rows(4) to rows(1) step 2 {
      // CHECK: lmma.zero : <f32>
      %y0 = lmma.zero : !lmma.acc<f32>
      // CHECK: lmma.for %[[G:.*]] = 0 to 2 step 1 carry(%[[Y:.*]] = %{{.*}} : !lmma.acc<f32>) {
      %y = lmma.for %g = 0 to 2 step 1 carry(%acc = %y0 : !lmma.acc<f32>) {
        // CHECK: lmma.load_table %[[E]][%[[M]], %[[G]], 0] : memref<?x2x128xi8> -> <8, i8>
        %t = lmma.load_table %e[%m, %g, 0] : memref<?x2x128xi8> -> !lmma.table<8, i8>
        // CHECK: lmma.load_weights %[[W]][%[[N]] * 1152 + %[[G]] * 64] pitch 256 : memref<4096xi8> -> <4, 8>
        %q = lmma.load_weights %w[%n * 1152 + %g * 64] pitch 256 : memref<4096xi8> -> !lmma.weights<4, 8>
        // CHECK: lmma.load_rows %[[S]][%[[M]] + 2, %[[G]]] : memref<?x2xf32>
        %r = lmma.load_rows %s[%m + 2, %g] : memref<?x2xf32>
        // CHECK: lmma.load_cols %[[W]][%[[G]] * 2] as f16 : memref<4096xi8>
        %a = lmma.load_cols %w[%g * 2] as f16 : memref<4096xi8>
        // CHECK: lmma.zero : <i32>
        %z = lmma.zero : !lmma.acc<i32>
        // CHECK: lmma.mma %{{.*}}, %{{.*}}[3], %{{.*}}[3, 1] bits 3 : <i32>, <8, i8>, <4, 8>
        %sum = lmma.mma %z, %t[3], %q[3, 1] bits 3 : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
        // CHECK: lmma.scale {{.*}} : <i32>
        %next = lmma.scale %acc, %sum, %r, %r, %a, %c : !lmma.acc<i32>
        // CHECK: lmma.yield %{{.*}} : !lmma.acc<f32>
        lmma.yield %next : !lmma.acc<f32>
      }
      // CHECK: lmma.store %{{.*}}, %[[O]][%[[M]], %[[N]] * 64] : memref<?x131xf32>
      lmma.store %y, %o[%m, %n * 64] : memref<?x131xf32>
    }
  }
}

// CHECK-LABEL: lmma.kernel @exact
lmma.kernel @exact(%x: memref<?x2x128xf32>, %w: memref<4096xi8>) {
  %t = lmma.load_table %x[0, 0, 0] : memref<?x2x128xf32> -> !lmma.table<8, f32>
  %q = lmma.load_weights %w[0] pitch 256 : memref<4096xi8> -> !lmma.weights<2, 8>
  // CHECK: lmma.zero negative : <f32>
  %z0 = lmma.zero negative : !lmma.acc<f32>
  %z1 = lmma.zero negative : !lmma.acc<f32>
  // CHECK: lmma.mma %{{.*}}, %{{.*}}[0], %{{.*}}[0, 1] bits 1 : <f32>, <8, f32>, <2, 8>
  %a = lmma.mma %z0, %t[0], %q[0, 0] bits 1 : !lmma.acc<f32>, !lmma.table<8, f32>, !lmma.weights<2, 8>
  %b = lmma.mma %z1, %t[0], %q[0, 1] bits 1 : !lmma.acc<f32>, !lmma.table<8, f32>, !lmma.weights<2, 8>
  // CHECK: lmma.shift %{{.*}}, %{{.*}} plane 1
  %c = lmma.shift %a, %b plane 1
}

// CHECK-LABEL: lmma.kernel @kinds
lmma.kernel @kinds(%i: memref<?x2x128xi16>, %h: memref<?x2x128xf16>, %s: memref<?x16xf32>, %w: memref<4096xi8>) {
  // CHECK: lmma.load_table {{.*}} : memref<?x2x128xi16> -> <8, i16>
  %t = lmma.load_table %i[0, 0, 0] : memref<?x2x128xi16> -> !lmma.table<8, i16>
  // CHECK: lmma.load_table {{.*}} : memref<?x2x128xf16> -> <8, f16>
  %u = lmma.load_table %h[0, 0, 0] : memref<?x2x128xf16> -> !lmma.table<8, f16>
  %q = lmma.load_weights %w[0] pitch 256 : memref<4096xi8> -> !lmma.weights<2, 8>
  %r = lmma.load_rows %s[0, 3] : memref<?x16xf32>
  %c = lmma.load_cols %w[0] as f32 : memref<4096xi8>
  %z = lmma.zero negative : !lmma.acc<f32>
  // CHECK: %[[U:.*]] = lmma.fma_outer %{{.*}}, %{{.*}}, %{{.*}}
  %a = lmma.fma_outer %z, %r, %c
  %n = lmma.zero : !lmma.acc<i32>
  // CHECK: %[[S:.*]] = lmma.mma %{{.*}}, %{{.*}}[0], %{{.*}}[0, 0] bits 2 : <i32>, <8, i16>, <2, 8>
  %m = lmma.mma %n, %t[0], %q[0, 0] bits 2 : !lmma.acc<i32>, !lmma.table<8, i16>, !lmma.weights<2, 8>
  // CHECK: %[[V:.*]] = lmma.fma_rows %[[U]], %[[S]], %{{.*}} : <i32>
  %b = lmma.fma_rows %a, %m, %r : !lmma.acc<i32>
  %f = lmma.zero negative : !lmma.acc<f32>
  // CHECK: %[[H:.*]] = lmma.mma %{{.*}} bits 1 : <f32>, <8, f16>, <2, 8>
  %g = lmma.mma %f, %u[0], %q[0, 0] bits 1 : !lmma.acc<f32>, !lmma.table<8, f16>, !lmma.weights<2, 8>
  // CHECK: lmma.fma_cols %[[H]], %[[V]], %{{.*}}
  %y = lmma.fma_cols %g, %b, %c
}

// CHECK-LABEL: func.func @host
func.func @host(%x: memref<3x2x128xf32>, %w: memref<4096xi8>) {
  // CHECK: lmma.launch @exact(%{{.*}}, %{{.*}}) : memref<3x2x128xf32>, memref<4096xi8>
  lmma.launch @exact(%x, %w) : memref<3x2x128xf32>, memref<4096xi8>
  return
}
