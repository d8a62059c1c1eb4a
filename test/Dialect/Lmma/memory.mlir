// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt --mlir-print-op-generic %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --pass-pipeline='builtin.module(lmma.kernel(lmma-allocate-registers),lmma-serialize-kernels)' \
// RUN:   | %python -c 'import re, sys; print(re.search(r"\"(.*)\"", sys.stdin.read()).group(1).replace("\\0A", "\n"), end="")' > %t.lmma
// RUN: lutra-sim --check %t.lmma | FileCheck %s --check-prefix=TEXT
// RUN: lutra-sim --encode=%t.bin %t.lmma
// RUN: lutra-sim --check %t.bin | FileCheck %s --check-prefix=TEXT

// Shared memory, copies and waits, a grid, tables made on the device, and what follows a product. Five buffers get the names that those of
// a product have.

// CHECK-LABEL: lmma.kernel @memory
// CHECK-SAME: attributes {grid = array<i64: 3, 16, 2>}
// TEXT: .kernel memory
// TEXT: .shared s0 : i8[16, 2, 64]
// TEXT-NEXT: .grid r0, columns=3, rows=16, swizzle=2
lmma.kernel @memory(%e: memref<?x2x128xi8>, %w: memref<4096xi8>, %o: memref<?x192xf32>, %h: memref<?x192xf16>, %q: memref<?x192xi32>)
    attributes {grid = array<i64: 3, 16, 2>} {
  // CHECK: %[[COLUMN:.*]] = lmma.block_column
  %column = lmma.block_column
  // CHECK: %[[STAGE:.*]] = lmma.shared : memref<16x2x64xi8, #lmma.shared>
  %stage = lmma.shared : memref<16x2x64xi8, #lmma.shared>
  // CHECK: lmma.for %[[M:.*]] = 0 to rows(1) step 2
  // TEXT: loop r1, 0, rows(1), 2
  lmma.for %m = 0 to rows(1) step 2 {
    // CHECK: lmma.copy %{{.*}}[%[[M]], 0, 0] to %[[STAGE]][0, 0, 0] sizes [2, 2, 64] token 3 : memref<?x2x128xi8> to memref<16x2x64xi8, #lmma.shared>
    // TEXT-NEXT: copy s0[0, 0, 0], entries[r1, 0, 0], sizes=2x2x64, token=3
    lmma.copy %e[%m, 0, 0] to %stage[0, 0, 0] sizes [2, 2, 64] token 3 : memref<?x2x128xi8> to memref<16x2x64xi8, #lmma.shared>
    // CHECK: lmma.wait 3
    // TEXT-NEXT: wait 3
    lmma.wait 3
    // CHECK: lmma.load_table %[[STAGE]][0, 1, 0] {pitch = 8 : i64} : memref<16x2x64xi8, #lmma.shared> -> <8, i8>
    // TEXT-NEXT: ld.table.i8 t0, s0[0, 1, 0], tables=8, pitch=8
    %t = lmma.load_table %stage[0, 1, 0] {pitch = 8 : i64} : memref<16x2x64xi8, #lmma.shared> -> !lmma.table<8, i8>
    %codes = lmma.load_weights %w[%column * 1024] pitch 256 : memref<4096xi8> -> !lmma.weights<4, 8>
    %z = lmma.zero : !lmma.acc<i32>
    // CHECK: lmma.mma {{.*}} bits 2 {kind = "ternary"}
    // TEXT: lmma.m2n64k4.i8.wt.i32.i32 a0, t0[0], w0[0]
    %a = lmma.mma %z, %t[0], %codes[0, 0] bits 2 {kind = "ternary"} : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
    // CHECK: lmma.mma {{.*}} bits 4 {kind = "fp4"}
    // TEXT-NEXT: lmma.m2n64k4.i8.wfp4.i32.i32 a0, t0[1], w0[1]
    %b = lmma.mma %a, %t[1], %codes[1, 0] bits 4 {kind = "fp4"} : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
    // CHECK: lmma.mma_to {{.*}} bits 4 out f32
    // TEXT-NEXT: lmma.m2n64k4.i8.w4.i32.f32 f0, a0, t0[2], w0[2]
    %c = lmma.mma_to %b, %t[2], %codes[2, 0] bits 4 out f32 : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
    // CHECK: lmma.load_tile
    // TEXT-NEXT: ld.tile.f32 f1, sums[r1, 64*r0]
    %y = lmma.load_tile %o[%m, %column * 64] : memref<?x192xf32>
    %ones = lmma.set_cols 1.0
    // CHECK: lmma.spread
    // TEXT: spread f2, c0
    %one = lmma.spread %ones
    // CHECK: lmma.add
    // TEXT-NEXT: add.f32 f3, f0, f1
    %sum = lmma.add %c, %y
    // CHECK: lmma.sub
    // TEXT-NEXT: sub.f32 {{f[0-9]+}}, f3, f2
    %less = lmma.sub %sum, %one
    // CHECK: lmma.mul
    // TEXT-NEXT: mul.f32
    %times = lmma.mul %less, %sum
    // CHECK: lmma.div
    // TEXT-NEXT: div.f32
    %over = lmma.div %times, %sum
    // TEXT-NEXT: st.f32 sums[r1, 64*r0]
    lmma.store %over, %o[%m, %column * 64] : memref<?x192xf32>
    // CHECK: lmma.store {{.*}} : memref<?x192xf16>
    // TEXT-NEXT: st.f16 weights[r1, 0]
    lmma.store %over, %h[%m, 0] : memref<?x192xf16>
    // CHECK: lmma.store {{.*}} : memref<?x192xi32>
    // TEXT-NEXT: st.i32 out[r1, 0], a0
    lmma.store %b, %q[%m, 0] : memref<?x192xi32>
  }
}

// CHECK-LABEL: lmma.kernel @tables
// TEXT: .kernel tables
lmma.kernel @tables(%x: memref<?x64xbf16>, %f: memref<?x64xf8E4M3FN>, %e: memref<?x2x128xi8>, %s: memref<?x2xf32>) {
  // CHECK: lmma.load_acts {{.*}} count 32 : memref<?x64xbf16>
  // TEXT: ld.act.bf16 x0, b0[0, 32], count=32
  %a = lmma.load_acts %x[0, 32] count 32 : memref<?x64xbf16>
  // TEXT-NEXT: ld.act.f8 x1, b1[0, 0], count=64
  %g = lmma.load_acts %f[0, 0] count 64 : memref<?x64xf8E4M3FN>
  // CHECK: %[[SUM:.*]] = lmma.asum %{{.*}} tables 8
  // TEXT-NEXT: asum s0, x0, tables=8
  %sum = lmma.asum %a tables 8
  // CHECK: lmma.asum %{{.*}} tables 4 into %[[SUM]] {first = 2 : i64}
  // TEXT-NEXT: asum.more s0, x1, tables=4, first=2
  %more = lmma.asum %g tables 4 into %sum {first = 2 : i64}
  // CHECK: lmma.amax
  // TEXT-NEXT: amax s1, x0, tables=8
  %amax = lmma.amax %a tables 8
  // TEXT-NEXT: amax.more s1, x1, tables=16
  %most = lmma.amax %g tables 16 into %amax
  // CHECK: lmma.table_scale %{{.*}} as i8
  // TEXT-NEXT: table.scale.i8 s2, s3, s1
  %ts, %inv = lmma.table_scale %most as i8
  // CHECK: lmma.quantize
  // TEXT-NEXT: quantize.i8 t0, x0, s3, tables=8
  %t = lmma.quantize %a, %inv : !lmma.table<8, i8>
  // CHECK: lmma.precompute
  // TEXT-NEXT: precompute.f8 t1, x1, tables=16
  %u = lmma.precompute %g : !lmma.table<16, f8E4M3FN>
  // CHECK: lmma.store_table {{.*}} pitch 8 : <8, i8>, memref<?x2x128xi8>
  // TEXT-NEXT: st.table.i8 b2[0, 1, 0], t0, tables=8, pitch=8
  lmma.store_table %t, %e[0, 1, 0] pitch 8 : !lmma.table<8, i8>, memref<?x2x128xi8>
  // CHECK: lmma.set_rows 1.000000e+00
  // TEXT-NEXT: set.rows s4, 1
  %one = lmma.set_rows 1.0
  // CHECK: lmma.mul_rows
  // TEXT-NEXT: mul.rows s5, s0, s4
  %scaled = lmma.mul_rows %more, %one
  // CHECK: lmma.store_rows
  // TEXT-NEXT: st.rows.f32 b3[0, 1], s5
  lmma.store_rows %scaled, %s[0, 1] : memref<?x2xf32>
}
