// RUN: lutra-opt %s --lmma-serialize-kernels --split-input-file --verify-diagnostics

lmma.kernel @unallocated(%o: memref<?x64xf32>) {
  // expected-error@+1 {{has no register; run lmma-allocate-registers before}}
  %y = lmma.zero : !lmma.acc<f32>
}

// -----

lmma.kernel @foreign(%o: memref<?x64xf32>) {
  // expected-error@+1 {{'arith.constant' is not an instruction of the LUT tensor core}}
  %c = arith.constant 0 : index
}

// -----

// expected-error@+1 {{the machine refuses the program: kernel 'outside', address 0x0001, 'st.f32 b0[0, 64], f0': index 1 of 'b0' reaches 64, but its size is 64}}
module {
  lmma.kernel @outside(%o: memref<?x64xf32>) {
    %y = lmma.zero {lmma.registers = array<i64: 0>} : !lmma.acc<f32>
    lmma.store %y, %o[0, 64] : memref<?x64xf32>
  }
}
