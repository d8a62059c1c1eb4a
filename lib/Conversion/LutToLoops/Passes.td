//===- Passes.td - structured lut ops on buffers to loops -------*- tablegen -*-===//

#ifndef LUTRA_CONVERSION_LUTTOLOOPS_PASSES
#define LUTRA_CONVERSION_LUTTOLOOPS_PASSES

include "mlir/Pass/PassBase.td"

def ConvertLutToLoops : Pass<"convert-lut-to-loops", "::mlir::ModuleOp"> {
  let summary = "lut.precompute and lut.matmul on buffers become loops over vectors";
  let description = [{
    Each op becomes a parallel loop that calls a private function; ops of the same kind (weight type, table element, group)
    share one, so that the layers of a model do not multiply the code.

    A product runs over tiles of 64 weight rows and chunks of activation rows. In a chunk, blocks of `tile.m` rows share
    the indices that they read, and so do the rows that are left. Next to each load of codes is
    the prefetch of those `prefetch-bytes` ahead (of several rows and one tile 4096 at least). A single row (decode) takes up to `streams` tiles at once, two rows half as many, from as many parts of a thread's tiles (the calls of a
    thread become one, `lutra-share-loops`): memory gives several streams faster than one, and the tables are loaded once for all; each of them asks
    `stream-prefetch-bytes` ahead. While the tables of a single row are made, the first weights of the product that reads them
    are asked for, if that product follows in the same block. Every output row is one lane, accumulated group after group: the value does not depend on
    any option or on the number of threads.

    Indices of one plane into bytes are rearranged with `quick-permutes` where `lookup-entries` is 64 and groups are multiples of 32, so that neighbouring bytes are one row's and
    one instruction sums the entries of four tables.

    A product of integer codes with up to 24 rows (12 of triples) multiplies codes in the registers where they are unpacked; up to 4 with narrow registers, and with
    `accumulator-bits` = 16, where lanes of 16 bits hold the sums of a part of a group, up to 12 (4 of triples; with narrow registers 4 and 1). With more rows a block
    of each tile becomes a panel of bytes first, with which six (four) rows are multiplied at a time; the rows that are left are one block.

    With `head-bytes` above 0, `@main` asks behind each call of products for the first bytes of the weights of the next such call, as many of each of its streams: memory then
    works while what lies between the two is computed.

    Refused: layouts other than 64 rows of full 4-bit indices, and operands whose innermost stride is not 1.

    Before:
    ```mlir
    !W = !lowbit.weight<128x8, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
    func.func @product(%e: memref<1x1x32xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<384xi8>, %o: memref<1x128xf32>) {
      lut.matmul ins(%e, %s, %z, %w : memref<1x1x32xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<384xi8>)
          outs(%o : memref<1x128xf32>) {weight = !W, tile = #lowbit.tile<m = 1, n = 64, k = 8>}
      return
    }
    ```
    After:
    ```mlir
    func.func private @lut_matmul(
    ...
    = lut.lookup
    ...
    = lut.accumulate
    ...
    = math.fma
    ...
    vector.store
    ...
    func.func @product(
    ...
    scf.parallel (%arg5) = (%c0) to (%c2) step (%c1) {
    ...
    func.call @lut_matmul(
    ...
    ```
  }];
  let options = [
    Option<"accumulatorBits", "accumulator-bits", "unsigned", "16",
           "Width in which the sums of four bit planes are accumulated: 32 where four bytes are summed by one instruction, else 16">,
    Option<"vectorRows", "vector-rows", "int64_t", "64",
           "Output rows whose accumulators are live at once: 64 for 32 wide registers, 16 for 16 narrow ones">,
    Option<"prefetchBytes", "prefetch-bytes", "int64_t", "4096",
           "How far ahead the codes and scales are prefetched; 0 for not at all">,
    Option<"streamPrefetchBytes", "stream-prefetch-bytes", "int64_t", "2048",
           "The same where a row is multiplied by several tiles at once: of these, each is read at a part of the speed">,
    Option<"streams", "streams", "int64_t", "4", "Tiles that a single activation row is multiplied by at once, at most: fewer when there are few">,
    Option<"chunkRows", "chunk-rows", "int64_t", "128", "Activation rows of one piece of parallel work, at most: fewer when their tables are large">,
    Option<"lookupEntries", "lookup-entries", "int64_t", "16", "Entries of a table of bytes that one instruction looks up: 16 or 64">,
    Option<"prefetchLevel", "prefetch-level", "int64_t", "1", "The cache nearest to the core that weights are asked for into: 1, 2 or 3">,
    Option<"readsAhead", "reads-ahead", "bool", "false",
           "Whether the machine reads ahead of each stream by itself: products of codes then read one tile after the other, and ask for a whole group ahead">,
    Option<"rowPasses", "row-passes", "int64_t", "1",
           "Passes over a weight in which products of codes multiply their rows, up to 24 in each, before they make a panel of it">,
    Option<"headBytes", "head-bytes", "int64_t", "0",
           "Bytes of each stream of the next function's products that are asked for behind a call of products; 0 for not at all">,
    Option<"quickPermutes", "quick-permutes", "bool", "false",
           "Whether bytes of two wide registers are permuted in a cycle; else one plane's codes are looked up where they lie">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::ub::UBDialect",
                           "::mlir::vector::VectorDialect", "::lutra::lut::LutDialect"];
}

#endif // LUTRA_CONVERSION_LUTTOLOOPS_PASSES
