// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// The scalings take an f32 tile, and rows and columns where rows and columns are meant.

lmma.kernel @scale(%o: memref<?x64xf32>) {
  %y = lmma.zero : !lmma.acc<f32>
  %a = lmma.zero : !lmma.acc<i32>
  %c = lmma.set_cols 1.0
  // expected-error @+1 {{'lmma.scale' op operand #2 must be}}
  %r = "lmma.scale"(%y, %a, %c, %c, %c, %c)
      : (!lmma.acc<f32>, !lmma.acc<i32>, !lmma.cols, !lmma.cols, !lmma.cols, !lmma.cols) -> !lmma.acc<f32>
}

// -----

lmma.kernel @fma_rows(%o: memref<?x64xf32>) {
  %y = lmma.zero : !lmma.acc<f32>
  %c = lmma.set_cols 1.0
  // expected-error @+1 {{'lmma.fma_rows' op operand #2 must be}}
  %r = "lmma.fma_rows"(%y, %y, %c) : (!lmma.acc<f32>, !lmma.acc<f32>, !lmma.cols) -> !lmma.acc<f32>
}

// -----

lmma.kernel @fma_cols(%o: memref<?x64xf32>) {
  %y = lmma.zero : !lmma.acc<f32>
  %a = lmma.zero : !lmma.acc<i32>
  %c = lmma.set_cols 1.0
  // expected-error @+1 {{'lmma.fma_cols' op operand #1 must be}}
  %r = "lmma.fma_cols"(%y, %a, %c) : (!lmma.acc<f32>, !lmma.acc<i32>, !lmma.cols) -> !lmma.acc<f32>
}

// -----

lmma.kernel @fma_outer(%o: memref<?x64xf32>) {
  %y = lmma.zero : !lmma.acc<f32>
  %c = lmma.set_cols 1.0
  // expected-error @+1 {{'lmma.fma_outer' op operand #1 must be}}
  %r = "lmma.fma_outer"(%y, %c, %c) : (!lmma.acc<f32>, !lmma.cols, !lmma.cols) -> !lmma.acc<f32>
}
