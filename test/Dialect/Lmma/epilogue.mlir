// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --pass-pipeline='builtin.module(lmma.kernel(lmma-allocate-registers),lmma-serialize-kernels)' \
// RUN:   | %python -c 'import re, sys; print(re.search(r"\"(.*)\"", sys.stdin.read()).group(1).replace("\\0A", "\n"), end="")' > %t.lmma
// RUN: lutra-sim --check %t.lmma | FileCheck %s --check-prefix=TEXT
// RUN: lutra-sim --encode=%t.bin %t.lmma
// RUN: lutra-sim --check %t.bin | FileCheck %s --check-prefix=TEXT

// What follows a product: numbers of each column from a buffer of their own type, greater and smaller ones; tables of float8 e5m2.

// CHECK-LABEL: lmma.kernel @epilogue
lmma.kernel @epilogue(%b: memref<70xf32>, %h: memref<70xf16>, %a: memref<?x64xf8E5M2>, %e: memref<?x2x128xf8E5M2>, %o: memref<?x70xf32>, %last: memref<8xi8>) {
  // CHECK: lmma.load_cols %{{.*}}[0] as f32 : memref<70xf32>
  // TEXT: ld.cols.f32 c0, b0[0]
  %c = lmma.load_cols %b[0] as f32 : memref<70xf32>
  // Its last columns are past the end: 0.
  // CHECK: lmma.load_cols %{{.*}}[64] as f16 : memref<70xf16>
  // TEXT-NEXT: ld.cols.f16 c1, b1[64]
  %d = lmma.load_cols %h[64] as f16 : memref<70xf16>
  %x = lmma.spread %c
  %y = lmma.spread %d
  // CHECK: lmma.max
  // TEXT: max.f32 f2, f0, f1
  %g = lmma.max %x, %y
  // CHECK: lmma.min
  // TEXT-NEXT: min.f32 f3, f2, f1
  %l = lmma.min %g, %y
  lmma.for %m = 0 to rows(1) step 2 {
    lmma.store %l, %o[%m, 0] : memref<?x70xf32>
    // CHECK: lmma.load_acts {{.*}} : memref<?x64xf8E5M2>
    // TEXT: ld.act.bf8 x0, b2[r0, 0], count=64
    %acts = lmma.load_acts %a[%m, 0] count 64 : memref<?x64xf8E5M2>
    // TEXT-NEXT: precompute.bf8 t0, x0, tables=2
    %t = lmma.precompute %acts : !lmma.table<2, f8E5M2>
    // TEXT-NEXT: st.table.bf8 b3[r0, 0, 0], t0, tables=2, pitch=16
    lmma.store_table %t, %e[%m, 0, 0] pitch 16 : !lmma.table<2, f8E5M2>, memref<?x2x128xf8E5M2>
    // CHECK: lmma.load_table {{.*}} -> <2, f8E5M2>
    // TEXT-NEXT: ld.table.bf8 t1, b3[r0, 1, 0], tables=2
    %u = lmma.load_table %e[%m, 1, 0] : memref<?x2x128xf8E5M2> -> !lmma.table<2, f8E5M2>
  }
}
