// RUN: lutra-opt %s --pass-pipeline='builtin.module(lmma.kernel(lmma-allocate-registers),lmma-serialize-kernels)' | FileCheck %s
// Every instruction, as text that the assembler reads again.
// RUN: lutra-opt %s --pass-pipeline='builtin.module(lmma.kernel(lmma-allocate-registers),lmma-serialize-kernels)' \
// RUN:   | %python -c 'import re, sys; print(re.search(r"\"(.*)\"", sys.stdin.read()).group(1).replace("\\0A", "\n"), end="")' > %t.lmma
// RUN: lutra-sim --check %t.lmma | FileCheck %s --check-prefix=TEXT

// CHECK: module attributes {lmma.program = ".lmma 5\0A\0A.kernel i8\0A
// CHECK-NOT: lmma.kernel

// TEXT: .lmma 5
// TEXT: .kernel i8
// TEXT-NEXT: .buffer entries : i8[M, 2, 128]
// TEXT-NEXT: .buffer scales : f32[M, 2]
// TEXT-NEXT: .buffer sums : f32[M, 2]
// TEXT-NEXT: .buffer weights : i8[4096]
// TEXT-NEXT: .buffer out : f32[M, 131]
lmma.kernel @i8(%e: memref<?x2x128xi8>, %s: memref<?x2xf32>, %u: memref<?x2xf32>, %w: memref<4096xi8>, %o: memref<?x131xf32>) {
  // TEXT-NEXT: set.cols c0, -1 ; 0x0000
  %c = lmma.set_cols -1.0
  // TEXT-NEXT: loop r0, 0, 2, 1
  lmma.for %n = 0 to 2 step 1 {
    // TEXT-NEXT: loop r1, rows(4), rows(1), 2
    lmma.for %m = rows(4) to rows(1) step 2 {
      // TEXT-NEXT: zero f0
      %y0 = lmma.zero : !lmma.acc<f32>
      // TEXT-NEXT: loop r2, 0, 2, 1
      %y = lmma.for %g = 0 to 2 step 1 carry(%acc = %y0 : !lmma.acc<f32>) {
        // TEXT-NEXT: ld.table.i8 t0, entries[r1, r2, 0], tables=8
        %t = lmma.load_table %e[%m, %g, 0] : memref<?x2x128xi8> -> !lmma.table<8, i8>
        // TEXT-NEXT: ld.weights w0, weights[1152*r0 + 64*r2], planes=4, tables=8, pitch=256
        %q = lmma.load_weights %w[%n * 1152 + %g * 64] pitch 256 : memref<4096xi8> -> !lmma.weights<4, 8>
        // TEXT-NEXT: ld.rows.f32 s0, scales[r1 + 2, r2]
        %r0 = lmma.load_rows %s[%m + 2, %g] : memref<?x2xf32>
        // TEXT-NEXT: ld.rows.f32 s1, sums[r1 + 2, r2]
        %r1 = lmma.load_rows %u[%m + 2, %g] : memref<?x2xf32>
        // TEXT-NEXT: ld.cols.f16 c1, weights[128*r2]
        %a = lmma.load_cols %w[%g * 128] as f16 : memref<4096xi8>
        // TEXT-NEXT: zero a0
        %z = lmma.zero : !lmma.acc<i32>
        // TEXT-NEXT: lmma.m2n64k4.i8.w4.i32.i32 a0, t0[7], w0[7]
        %p = lmma.mma %z, %t[7], %q[7, 0] bits 4 : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
        // TEXT-NEXT: lmma.m2n64k4.i8.w3.i32.i32 a0, t0[3], w0[2, 1]
        %sum = lmma.mma %p, %t[3], %q[2, 1] bits 3 : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
        // TEXT-NEXT: scale.i32 f0, a0, s0, s1, c1, c0
        %next = lmma.scale %acc, %sum, %r0, %r1, %a, %c : !lmma.acc<i32>
        // TEXT-NEXT: end
        lmma.yield %next : !lmma.acc<f32>
      }
      // TEXT-NEXT: st.f32 out[r1, 64*r0], f0
      lmma.store %y, %o[%m, %n * 64] : memref<?x131xf32>
      // TEXT-NEXT: end
    }
    // TEXT-NEXT: end
  }
  // TEXT-NEXT: .end
}

// TEXT: .kernel exact
lmma.kernel @exact(%x: memref<?x2x128xf32>, %w: memref<4096xi8>, %s: memref<?x2xf32>) {
  // TEXT: ld.table.f32 t0, b0[0, 1, 16], tables=7
  %t = lmma.load_table %x[0, 1, 16] : memref<?x2x128xf32> -> !lmma.table<7, f32>
  // TEXT-NEXT: ld.weights w0, b1[0], planes=2, tables=8, pitch=256
  %q = lmma.load_weights %w[0] pitch 256 : memref<4096xi8> -> !lmma.weights<2, 8>
  // TEXT-NEXT: ld.cols.f32 c0, b1[512]
  %a = lmma.load_cols %w[512] as f32 : memref<4096xi8>
  // TEXT-NEXT: ld.cols.i8 c1, b1[768]
  %b = lmma.load_cols %w[768] as i8 : memref<4096xi8>
  %r = lmma.load_rows %s[0, 0] : memref<?x2xf32>
  %y = lmma.zero : !lmma.acc<f32>
  // TEXT: negzero f1
  %z0 = lmma.zero negative : !lmma.acc<f32>
  // TEXT-NEXT: negzero f2
  %z1 = lmma.zero negative : !lmma.acc<f32>
  // TEXT-NEXT: lmma.m2n64k4.f32.w1.f32.f32 f1, t0[0], w0[0]
  %p0 = lmma.mma %z0, %t[0], %q[0, 0] bits 1 : !lmma.acc<f32>, !lmma.table<7, f32>, !lmma.weights<2, 8>
  // TEXT-NEXT: lmma.m2n64k4.f32.w1.f32.f32 f2, t0[0], w0[0, 1]
  %p1 = lmma.mma %z1, %t[0], %q[0, 1] bits 1 : !lmma.acc<f32>, !lmma.table<7, f32>, !lmma.weights<2, 8>
  // TEXT-NEXT: shift.f32 f1, f2, 1
  %sum = lmma.shift %p0, %p1 plane 1
  // TEXT-NEXT: scale.f32 f0, f1, s0, s0, c0, c1
  %out = lmma.scale %y, %sum, %r, %r, %a, %b : !lmma.acc<f32>
}
