//===- LutOpBase.td - what the structured ops have in common ----*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LUT_IR_LUTOPBASE_TD
#define LUTRA_DIALECTS_LUT_IR_LUTOPBASE_TD

include "dialects/lut/IR/LutDialect.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// A destination-style op on tensors or on buffers: reads its inputs, overwrites its outputs.
class Lut_StructuredOp<string mnemonic, list<Trait> traits = []>
    : Op<Lut_Dialect, mnemonic, !listconcat([DestinationStyleOpInterface,
                                             DeclareOpInterfaceMethods<MemoryEffectsOpInterface>], traits)> {
  let hasVerifier = 1;
}

#endif // LUTRA_DIALECTS_LUT_IR_LUTOPBASE_TD
