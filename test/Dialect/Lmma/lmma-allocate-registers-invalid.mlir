// RUN: lutra-opt %s --pass-pipeline='builtin.module(lmma.kernel(lmma-allocate-registers{f32-tiles=2 loop-registers=1}))' --split-input-file --verify-diagnostics

// expected-error@+1 {{needs more than the 2 f32 accumulator (f) registers of the machine; make its tile smaller}}
lmma.kernel @too_many(%o: memref<?x64xf32>) {
  %a = lmma.zero : !lmma.acc<f32>
  %b = lmma.zero : !lmma.acc<f32>
  %c = lmma.zero : !lmma.acc<f32>
  lmma.store %a, %o[0, 0] : memref<?x64xf32>
  lmma.store %b, %o[0, 0] : memref<?x64xf32>
  lmma.store %c, %o[0, 0] : memref<?x64xf32>
}

// -----

lmma.kernel @overwritten(%o: memref<?x64xf32>) {
  // expected-note@+1 {{the value is defined here}}
  %a = lmma.zero : !lmma.acc<f32>
  %b = lmma.zero : !lmma.acc<f32>
  // expected-error@+1 {{overwrites the register of a value that is needed later; accumulate into a tile of its own (lmma.zero)}}
  %c = lmma.shift %a, %b plane 1
  lmma.store %c, %o[0, 0] : memref<?x64xf32>
  lmma.store %a, %o[0, 0] : memref<?x64xf32>
}

// -----

// Harmless in a straight line, not in a loop: the second iteration would start from the first one's sum.
lmma.kernel @overwritten_in_loop(%o: memref<?x64xf32>) {
  // expected-note@+1 {{the value is defined here}}
  %a = lmma.zero : !lmma.acc<f32>
  %b = lmma.zero : !lmma.acc<f32>
  lmma.for %i = 0 to 2 step 1 {
    // expected-error@+1 {{overwrites the register of a value that is needed later}}
    %c = lmma.shift %a, %b plane 1
    lmma.store %c, %o[0, 0] : memref<?x64xf32>
  }
}

// -----

lmma.kernel @too_deep() {
  lmma.for %i = 0 to 2 step 1 {
    // expected-error@+1 {{is nested 2 deep, but the machine has 1 loop registers}}
    lmma.for %j = 0 to 2 step 1 {
    }
  }
}
