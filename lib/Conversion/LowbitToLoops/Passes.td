//===- Passes.td - lowbit ops on buffers to loops ---------------*- tablegen -*-===//

#ifndef LUTRA_CONVERSION_LOWBITTOLOOPS_PASSES
#define LUTRA_CONVERSION_LOWBITTOLOOPS_PASSES

include "mlir/Pass/PassBase.td"

def ConvertLowbitToLoops : Pass<"convert-lowbit-to-loops", "::mlir::ModuleOp"> {
  let summary = "lowbit.attention on buffers becomes a call of vectorized loops";
  let description = [{
    One private function per distinct combination of operand types and attributes, so that the layers of a model share it.
    The function updates the key-value cache in place (it copies the past only when `present` is other memory than `past`), then computes
    blocks of query rows in parallel: the rows are those of all query heads that share a key-value head. Nothing of size
    S x S is materialized, keys after the last row of a block are never read, and no reduction is split between threads, so the
    result does not depend on their number.

    A position outside the cache or the rotary tables is reported by `cf.assert`; no memory outside the buffers is touched then.

    Options: none. Input: after bufferization. Output: scf, vector, memref, math, arith.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect",
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // LUTRA_CONVERSION_LOWBITTOLOOPS_PASSES
