//===- LmmaDialect.td - instructions of a LUT tensor core -------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LMMA_IR_LMMADIALECT_TD
#define LUTRA_DIALECTS_LMMA_IR_LMMADIALECT_TD

include "mlir/IR/DialectBase.td"

def Lmma_Dialect : Dialect {
  let name = "lmma";
  let cppNamespace = "::lutra::lmma";
  let summary = "Kernels and instructions of a LUT tensor core";
  let description = [{
    The machine of docs/spec/lmma-isa.md: register tiles are SSA values, each op but `lmma.kernel`, `lmma.yield` and `lmma.launch` is one
    instruction, and `lmma-allocate-registers` says which registers hold the tiles. The arithmetic is defined there.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    /// Discardable attribute of an instruction: the registers that its results live in; of a loop: the loop register, then
    /// the registers of its carried values.
    static constexpr ::llvm::StringLiteral kRegistersAttr = "lmma.registers";
    /// Discardable attribute of a kernel: what its buffers are called in the program.
    static constexpr ::llvm::StringLiteral kBufferNamesAttr = "lmma.buffer_names";
    /// Discardable attribute of a module: its kernels as assembly text (`lmma-serialize-kernels`).
    static constexpr ::llvm::StringLiteral kProgramAttr = "lmma.program";
  }];
}

#endif // LUTRA_DIALECTS_LMMA_IR_LMMADIALECT_TD
