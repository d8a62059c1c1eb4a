//===- Passes.td - lowbit ops on buffers to loops ---------------*- tablegen -*-===//

#ifndef LUTRA_CONVERSION_LOWBITTOLOOPS_PASSES
#define LUTRA_CONVERSION_LOWBITTOLOOPS_PASSES

include "mlir/Pass/PassBase.td"

def ConvertLowbitToLoops : Pass<"convert-lowbit-to-loops", "::mlir::ModuleOp"> {
  let summary = "lowbit.attention on buffers becomes a call of vectorized loops";
  let description = [{
    One private function per distinct combination of operand types and attributes, so that the layers of a model share it.
    The function updates the key-value cache in place (it copies the past only when `present` is other memory than `past`), then takes keys in chunks (of 256; of a single token, 1024 where the cache is long): blocks
    of query rows in parallel, each over its chunks, where the rows are those of all query heads that share a key-value head; or, of a single token, all chunks in
    parallel, each read in four streams, whose sums are merged in their order. Nothing of size S x T is materialized, keys after the last row of a block are never read, and no sum is split between
    threads, so the result does not depend on their number.

    A position outside the cache or the rotary tables is reported by `cf.assert`; no memory outside the buffers is touched then.

    `sums` is the type of scores, weights and their sums: `f64`, as `docs/spec/numerics.md` defines attention, or `f32`, which is faster and agrees to
    rounding, but that a single token's products with a cache's codes are of integers then, by `lut.dot` (numerics.md, "Quantized caches"). `auto` is f64 for a module that quantizes activations to codes, where the last bit of an activation may decide about a code, and f32 for others.

    With `head-bytes` above 0, the first bytes of all heads' keys and values are read before anything else where there is one token (256 KiB of all at most): of a short
    cache each head's are over before the machine reads ahead of them, and side by side they are waited for once. They are volatile loads whose values nothing uses: requests may be dropped.

    Input: after bufferization. Output: scf, vector, memref, math, arith, lut, and with `head-bytes` llvm.

    Before:
    ```mlir
    func.func @layer(%q: memref<1x?x32xf32>, %k: memref<1x?x16xf32>, %v: memref<1x?x16xf32>, %pk: memref<1x1x?x16xf32>, %pv: memref<1x1x?x16xf32>,
                     %seqlens: memref<1xi32>, %total: memref<i32>, %o: memref<1x?x32xf32>) {
      lowbit.attention ins(%q, %k, %v, %pk, %pv, %seqlens, %total : memref<1x?x32xf32>, memref<1x?x16xf32>, memref<1x?x16xf32>, memref<1x1x?x16xf32>,
              memref<1x1x?x16xf32>, memref<1xi32>, memref<i32>)
          outs(%o, %pk, %pv : memref<1x?x32xf32>, memref<1x1x?x16xf32>, memref<1x1x?x16xf32>)
          {num_heads = 2 : i64, kv_heads = 1 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
      return
    }
    ```
    After:
    ```mlir
    func.func @layer(
    ...
    call @attention(%arg0, %arg1, %arg2, %arg3, %arg4, %arg5, %arg6, %arg7, %arg3, %arg4)
    ...
    func.func private @attention(
    ...
    cf.assert
    ...
    scf.parallel
    ...
    ```
  }];
  let options = [Option<"sums", "sums", "std::string", "\"auto\"", "Type of attention's scores and sums: auto, f32 or f64">,
                 Option<"prefetchBytes", "prefetch-bytes", "int64_t", "512", "How far ahead a single token asks for a cache's floats; 0 for not at all, and where sums are of f32 for reading one stream instead of four (keys of up to 256 bytes)">,
                 Option<"headBytes", "head-bytes", "int64_t", "0", "Bytes of each head's keys, and of its values, that a single token reads before it begins; 0 for none">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect", "::lutra::lut::LutDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // LUTRA_CONVERSION_LOWBITTOLOOPS_PASSES
