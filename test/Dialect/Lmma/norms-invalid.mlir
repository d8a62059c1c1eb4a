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
