// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --pass-pipeline='builtin.module(lmma.kernel(lmma-allocate-registers),lmma-serialize-kernels)' \
// RUN:   | %python -c 'import re, sys; print(re.search(r"\"(.*)\"", sys.stdin.read()).group(1).replace("\\0A", "\n"), end="")' > %t.lmma
// RUN: lutra-sim --check %t.lmma | FileCheck %s --check-prefix=TEXT
// RUN: lutra-sim --encode=%t.bin %t.lmma
// RUN: lutra-sim --check %t.bin | FileCheck %s --check-prefix=TEXT

// Functions of an epilogue, and what a norm before tables takes: squares in f64, what a row is multiplied by, and a weight that all rows share.

// CHECK-LABEL: lmma.kernel @norms
lmma.kernel @norms(%a: memref<?x70xf32>, %w: memref<70xf32>, %e: memref<?x2x128xf32>, %o: memref<?x70xf32>) {
  lmma.for %m = 0 to rows(1) step 2 {
    %x = lmma.load_acts %a[%m, 0] count 64 : memref<?x70xf32>
    %y = lmma.load_acts %a[%m, 64] count 6 : memref<?x70xf32>
    // CHECK: lmma.load_acts %{{.*}}[64] count 6 : memref<70xf32>
    // TEXT: ld.act.f32 x2, b1[64], count=6
    %v = lmma.load_acts %w[64] count 6 : memref<70xf32>
    // CHECK: %[[D:.*]] = lmma.squares %{{.*}} count 64{{$}}
    // TEXT: squares d0, x0, count=64
    %d = lmma.squares %x count 64
    // CHECK: lmma.squares %{{.*}} count 6 into %[[D]]
    // TEXT: squares.more d0, x1, count=6
    %f = lmma.squares %y count 6 into %d
    // CHECK: lmma.norm %{{.*}} count 70 epsilon 1.000000e-03
    // TEXT: norm s0, d0, count=70, 0.00100000005
    %r = lmma.norm %f count 70 epsilon 1.0e-3
    // CHECK: lmma.scale_acts
    // TEXT: scale.act x3, x1, s0
    %z = lmma.scale_acts %y, %r
    // CHECK: lmma.mul_acts
    // TEXT: mul.act x4, x3, x2
    %n = lmma.mul_acts %z, %v
    %t = lmma.precompute %n : !lmma.table<2, f32>
    lmma.store_table %t, %e[%m, 0, 0] pitch 8 : !lmma.table<2, f32>, memref<?x2x128xf32>
    %p = lmma.load_tile %o[%m, 0] : memref<?x70xf32>
    // CHECK: lmma.exp
    // TEXT: exp.f32 f1, f0
    %q = lmma.exp %p
    // CHECK: lmma.erf
    // TEXT: erf.f32 f2, f1
    %s = lmma.erf %q
    // CHECK: lmma.tanh
    // TEXT: tanh.f32 f3, f2
    %u = lmma.tanh %s
    lmma.store %u, %o[%m, 0] : memref<?x70xf32>
  }
}
