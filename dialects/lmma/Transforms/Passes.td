//===- Passes.td - passes on lmma kernels -----------------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LMMA_TRANSFORMS_PASSES
#define LUTRA_DIALECTS_LMMA_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def LmmaAllocateRegisters : Pass<"lmma-allocate-registers", "::lutra::lmma::KernelOp"> {
  let summary = "Say in which register every tile of a kernel lives";
  let description = [{
    Sets the attribute `lmma.registers` of each instruction with results. A linear scan for each register file; what an instruction overwrites
    (accumulators) and what a loop carries keep one register. The register that has been free the longest is taken first, so that
    a load seldom waits for the readers of the tile that it replaces.

    An error says when a file has too few registers, or when a value is still needed where it is overwritten.

    Before:
    ```mlir
    lmma.kernel @k(%o: memref<?x64xf32>) {
      %a = lmma.zero : !lmma.acc<f32>
      lmma.store %a, %o[0, 0] : memref<?x64xf32>
      %b = lmma.zero : !lmma.acc<f32>
      lmma.store %b, %o[0, 0] : memref<?x64xf32>
    }
    ```
    After:
    ```mlir
    lmma.kernel @k(%arg0: memref<?x64xf32>) {
      %0 = lmma.zero {lmma.registers = array<i64: 0>} : <f32>
      lmma.store %0, %arg0[0, 0] : memref<?x64xf32>
      %1 = lmma.zero {lmma.registers = array<i64: 1>} : <f32>
      lmma.store %1, %arg0[0, 0] : memref<?x64xf32>
    }
    ```
  }];
  let options = [
    Option<"tableTiles", "table-tiles", "unsigned", "32", "Registers t">,
    Option<"weightTiles", "weight-tiles", "unsigned", "8", "Registers w">,
    Option<"i32Tiles", "i32-tiles", "unsigned", "32", "Registers a">,
    Option<"f32Tiles", "f32-tiles", "unsigned", "64", "Registers f">,
    Option<"rowTiles", "row-tiles", "unsigned", "64", "Registers s">,
    Option<"colTiles", "col-tiles", "unsigned", "16", "Registers c">,
    Option<"actTiles", "act-tiles", "unsigned", "16", "Registers x">,
    Option<"sumTiles", "sum-tiles", "unsigned", "8", "Registers d">,
    Option<"loopRegisters", "loop-registers", "unsigned", "8", "Registers r">,
  ];
}

#endif // LUTRA_DIALECTS_LMMA_TRANSFORMS_PASSES
