//===- Passes.td - lookup products to LUT tensor core kernels ---*- tablegen -*-===//

#ifndef LUTRA_CONVERSION_LUTTOLMMA_PASSES
#define LUTRA_CONVERSION_LUTTOLMMA_PASSES

include "mlir/Pass/PassBase.td"

def ConvertLutToLmma : Pass<"convert-lut-to-lmma", "::mlir::ModuleOp"> {
  let summary = "lut.matmul on buffers becomes a launch of an lmma kernel";
  let description = [{
    Products of the same weight type, table element and tile share a kernel. A kernel goes over tiles of `array-n` output rows; for each,
    over blocks of activation rows: as many as `tile.m` says (a power of two times the array's, at most 16) share the weights
    that are loaded, the rows that are left go in blocks of half, a quarter ... of it. Outputs stay in their registers while the
    groups go by. Loads run `depth` groups (for large groups: chunks of a group) ahead of the array.

    With `shared-bytes`, operands go through shared memory: a block of a grid of launches computes some rows by some columns of 64, the outputs
    stay in registers, and asynchronous copies fill one of two stages while the array works on the other. The tile is the one with the
    shortest predicted time of those whose bytes fit; a remark names it. Of a group that does not fit a stage, its parts do.

    An epilogue of additions, subtractions, products, quotients, maxima, minima, exponentials (SiLU), error functions and hyperbolic tangents (GELU) and constants is applied in registers before outputs are stored; any
    other becomes a `linalg.generic` on the output for the host, with a remark.

    With `device-tables`, each `lut.precompute` is a launch too, if the machine can compute all of the module's; otherwise they stay on the
    host. So is each `lut.norm_precompute`, whose rows are normalized in registers, or else it becomes the norm and a `lut.precompute` for the host. Entries are i8, i16, f16 or f32, with a scale per group, per table or per row.

    Refused by name: weights that are not bipolar or BCQ planes packed with `#lowbit.layout<rows = 64, symmetric = true>` (`array-n` rows), buffers whose
    innermost stride is not 1, and i16 entries in groups whose sums could leave 32 bits; an array that the
    machine's family does not have, or whose codes copies cannot move (they move words of 4 bytes).

    Before:
    ```mlir
    !W = !lowbit.weight<64x8, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>
    func.func @product(%e: memref<2x1x32xi8>, %s: memref<2x1xf32>, %z: memref<2x1xf32>, %w: memref<192xi8>, %o: memref<2x64xf32>) {
      lut.matmul ins(%e, %s, %z, %w : memref<2x1x32xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<192xi8>)
          outs(%o : memref<2x64xf32>) {weight = !W, tile = #lowbit.tile<m = 2, n = 64, k = 8>}
      return
    }
    ```
    After:
    ```mlir
    func.func @product(%arg0: memref<2x1x32xi8>, %arg1: memref<2x1xf32>, %arg2: memref<2x1xf32>, %arg3: memref<192xi8>, %arg4: memref<2x64xf32>) {
      lmma.launch @lookup_matmul_64x8_i8_w1g8(%arg0, %arg1, %arg2, %arg3, %arg4) : memref<2x1x32xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<192xi8>, memref<2x64xf32>
      return
    }
    lmma.kernel @lookup_matmul_64x8_i8_w1g8(%arg0: memref<?x1x32xi8>, %arg1: memref<?x1xf32>, %arg2: memref<?x1xf32>, %arg3: memref<192xi8>, %arg4: memref<?x64xf32>) {
      %0 = lmma.set_cols 0.000000e+00
      lmma.for %arg5 = 0 to 1 step 1 {
        lmma.for %arg6 = 0 to rows(1) step 2 {
          %1 = lmma.zero : <f32>
          %2 = lmma.load_table %arg0[%arg6, 0, 0] : memref<?x1x32xi8> -> <2, i8>
          %3 = lmma.load_weights %arg3[%arg5 * 192] pitch 64 : memref<192xi8> -> <1, 2>
          %4 = lmma.load_rows %arg1[%arg6, 0] : memref<?x1xf32>
          %5 = lmma.load_rows %arg2[%arg6, 0] : memref<?x1xf32>
          %6 = lmma.load_cols %arg3[%arg5 * 192 + 64] as f16 : memref<192xi8>
          %7 = lmma.zero : <i32>
          %8 = lmma.mma %7, %2[0], %3[0, 0] bits 1 : <i32>, <2, i8>, <1, 2>
          %9 = lmma.mma %8, %2[1], %3[1, 0] bits 1 : <i32>, <2, i8>, <1, 2>
          %10 = lmma.scale %1, %9, %4, %5, %6, %0 : <i32>
          lmma.store %10, %arg4[%arg6, %arg5 * 64] : memref<?x64xf32>
        }
      }
    }
    ```
  }];
  let options = [
    Option<"arrayM", "array-m", "int64_t", "2", "Activation rows of the array, 1 to 16">,
    Option<"arrayN", "array-n", "int64_t", "64", "Output rows of the array: a multiple of 4 up to 256">,
    Option<"depth", "depth", "int64_t", "4", "Groups, or chunks of a group, that are loaded ahead">,
    Option<"sharedBytes", "shared-bytes", "int64_t", "0", "Shared memory of a core; 0: loads go to DRAM">,
    Option<"deviceTables", "device-tables", "bool", "false", "Compute tables on the device">,
    Option<"cores", "cores", "int64_t", "1", "Cores of the machine, which share what blocks that run at once read">,
    Option<"dramBytesPerCycle", "dram-bytes-per-cycle", "double", "10.2", "A core's share of the DRAM's rate, which tiles are chosen by,">,
    Option<"dramLatency", "dram-latency", "double", "290", "cycles from a copy's start to its first byte,">,
    Option<"sharedBytesPerCycle", "shared-bytes-per-cycle", "double", "128", "and what shared memory delivers">,
    Option<"tablesPerTile", "tables-per-tile", "int64_t", "16", "Tables that a register tile holds">,
    Option<"tableTiles", "table-tiles", "int64_t", "32", "Registers t, which bound the rows of a block">,
    Option<"weightTiles", "weight-tiles", "int64_t", "8", "Registers w, which bound its columns">,
    Option<"i32Tiles", "i32-tiles", "int64_t", "32", "Registers a, which bound the rows of a block">,
    Option<"f32Tiles", "f32-tiles", "int64_t", "64", "Registers f, which do so for exact tables">,
    Option<"rowTiles", "row-tiles", "int64_t", "64", "Registers s, which bound the depth when tables have scales of their own">,
    Option<"colTiles", "col-tiles", "int64_t", "16", "Registers c, which bound the depth when planes have alphas of their own">,
  ];
  let dependentDialects = ["::lutra::lmma::LmmaDialect", "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect"];
}

#endif // LUTRA_CONVERSION_LUTTOLMMA_PASSES
