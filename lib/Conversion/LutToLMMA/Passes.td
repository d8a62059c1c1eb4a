//===- Passes.td - lookup products to LUT tensor core kernels ---*- tablegen -*-===//

#ifndef LUTRA_CONVERSION_LUTTOLMMA_PASSES
#define LUTRA_CONVERSION_LUTTOLMMA_PASSES

include "mlir/Pass/PassBase.td"

def ConvertLutToLmma : Pass<"convert-lut-to-lmma", "::mlir::ModuleOp"> {
  let summary = "lut.matmul on buffers becomes a launch of an lmma kernel";
  let description = [{
    Products of the same weight type, table element and tile share a kernel. A kernel goes over tiles of 64 output rows; for each,
    over blocks of activation rows: as many as `tile.m` says (a power of two times the array's 2, at most 16) share the weights
    that are loaded, the rows that are left go in blocks of half, a quarter ... of it. Outputs stay in their registers while the
    groups go by. Loads run `depth` groups (for large groups: chunks of a group) ahead of the array.

    `lut.precompute` stays on the host.

    Refused by name: weights that are not bipolar or BCQ planes packed with `#lowbit.layout<rows = 64, symmetric = true>`, and buffers whose
    innermost stride is not 1.

    Before:
    ```mlir
    lut.matmul ins(%e, %s, %z, %w : ...) outs(%o : memref<?x131xf32>) {weight = !W, tile = #lowbit.tile<m = 4, n = 64, k = 264>}
    ```
    After:
    ```mlir
    lmma.launch @lookup_matmul_131x264_i8_w4g32(%e, %s, %z, %w, %o) : ...
    ```
  }];
  let options = [
    Option<"depth", "depth", "int64_t", "4", "Groups, or chunks of a group, that are loaded ahead">,
    Option<"tablesPerTile", "tables-per-tile", "int64_t", "16", "Tables that a register tile holds">,
    Option<"i32Tiles", "i32-tiles", "int64_t", "32", "Registers a, which bound the rows of a block">,
    Option<"f32Tiles", "f32-tiles", "int64_t", "64", "Registers f, which do so for exact tables">,
    Option<"colTiles", "col-tiles", "int64_t", "16", "Registers c, which bound the depth when planes have alphas of their own">,
  ];
  let dependentDialects = ["::lutra::lmma::LmmaDialect"];
}

#endif // LUTRA_CONVERSION_LUTTOLMMA_PASSES
