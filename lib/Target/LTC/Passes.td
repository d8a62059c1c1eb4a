//===- Passes.td - passes of the LUT tensor core target ---------*- tablegen -*-===//

#ifndef LUTRA_TARGET_LTC_PASSES
#define LUTRA_TARGET_LTC_PASSES

include "mlir/Pass/PassBase.td"

def LmmaSerializeKernels : Pass<"lmma-serialize-kernels", "::mlir::ModuleOp"> {
  let summary = "Replace the kernels of a module by their assembly text";
  let description = [{
    The text of docs/spec/lmma-isa.md becomes the module's attribute `lmma.program`, the kernels in their order; the verifier of `machine`
    has accepted it (an unknown machine is an error). Registers are those of `lmma-allocate-registers`, without which the pass refuses a kernel.

    Before:
    ```mlir
    lmma.kernel @k(%o: memref<?x64xf32>) {
      %a = lmma.zero {lmma.registers = array<i64: 0>} : !lmma.acc<f32>
      lmma.store %a, %o[0, 0] : memref<?x64xf32>
    }
    ```
    After:
    ```mlir
    module attributes {lmma.program = ".lmma 5\0A\0A.kernel k\0A.buffer b0 : f32[M, 64]\0A  zero f0\0A  st.f32 b0[0, 0], f0\0A.end\0A"} {
    }
    ```
  }];
  let options = [
    Option<"machine", "machine", "std::string", "\"ltc-1\"", "The machine whose verifier accepts the program">,
    Option<"array", "array", "std::string", "\"\"", "The shape of its array, as m4n32k4; empty: its own">,
  ];
}

#endif // LUTRA_TARGET_LTC_PASSES
