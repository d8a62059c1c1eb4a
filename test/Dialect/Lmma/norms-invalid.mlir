// RUN: lutra-opt %s --split-input-file --verify-diagnostics

lmma.kernel @count(%a: memref<?x64xf32>) {
  %x = lmma.load_acts %a[0, 0] count 64 : memref<?x64xf32>
  // expected-error @+1 {{'lmma.squares' op expected a positive count, but found 0 (C1)}}
  %d = lmma.squares %x count 0
}

// -----

lmma.kernel @mean(%a: memref<?x64xf32>) {
  %x = lmma.load_acts %a[0, 0] count 64 : memref<?x64xf32>
  %d = lmma.squares %x count 64
  // expected-error @+1 {{'lmma.norm' op expected a positive count, but found -1 (C1)}}
  %r = lmma.norm %d count -1 epsilon 0.0
}

// -----

lmma.kernel @epsilon(%a: memref<?x64xf32>) {
  %x = lmma.load_acts %a[0, 0] count 64 : memref<?x64xf32>
  %d = lmma.squares %x count 64
  // expected-error @+1 {{'lmma.norm' op expected a finite epsilon (C1)}}
  %r = lmma.norm %d count 64 epsilon 0x7F800000
}

// -----

lmma.kernel @shared_by_rows(%w: memref<64xf32>) {
  // expected-error @+1 {{'lmma.load_acts' op expected 1 indices, but found 2 (C1)}}
  %x = lmma.load_acts %w[0, 0] count 64 : memref<64xf32>
}

// -----

lmma.kernel @exp() {
  %s = lmma.set_rows 1.0
  // expected-error @+1 {{'lmma.exp' op operand #0 must be}}
  %e = "lmma.exp"(%s) : (!lmma.rows) -> !lmma.acc<f32>
}

// -----

lmma.kernel @erf() {
  %s = lmma.set_rows 1.0
  // expected-error @+1 {{'lmma.erf' op operand #0 must be}}
  %e = "lmma.erf"(%s) : (!lmma.rows) -> !lmma.acc<f32>
}

// -----

lmma.kernel @tanh() {
  %s = lmma.set_rows 1.0
  // expected-error @+1 {{'lmma.tanh' op operand #0 must be}}
  %e = "lmma.tanh"(%s) : (!lmma.rows) -> !lmma.acc<f32>
}

// -----

lmma.kernel @mul_acts(%a: memref<?x64xf32>) {
  %x = lmma.load_acts %a[0, 0] count 64 : memref<?x64xf32>
  %s = lmma.set_rows 1.0
  // expected-error @+1 {{'lmma.mul_acts' op operand #1 must be}}
  %y = "lmma.mul_acts"(%x, %s) : (!lmma.acts, !lmma.rows) -> !lmma.acts
}

// -----

lmma.kernel @scale_acts(%a: memref<?x64xf32>) {
  %x = lmma.load_acts %a[0, 0] count 64 : memref<?x64xf32>
  // expected-error @+1 {{'lmma.scale_acts' op operand #1 must be}}
  %y = "lmma.scale_acts"(%x, %x) : (!lmma.acts, !lmma.acts) -> !lmma.acts
}
