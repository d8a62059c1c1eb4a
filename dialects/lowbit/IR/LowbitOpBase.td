//===- LowbitOpBase.td - what every file of lowbit ops needs ----*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITOPBASE_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITOPBASE_TD

include "dialects/lowbit/IR/LowbitStrategy.td"
include "dialects/lowbit/IR/LowbitTypes.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Lowbit_Op<string mnemonic, list<Trait> traits = []> : Op<Lowbit_Dialect, mnemonic, traits>;

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITOPBASE_TD
