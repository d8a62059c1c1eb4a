//===- LmmaBase.td - what the ops of lmma have in common --------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LMMA_IR_LMMABASE_TD
#define LUTRA_DIALECTS_LMMA_IR_LMMABASE_TD

include "dialects/lmma/IR/LmmaTypes.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Lmma_Op<string mnemonic, list<Trait> traits = []> : Op<Lmma_Dialect, mnemonic, traits>;

/// !lmma.acc<f32>
def Lmma_F32Tile
    : Type<CPred<"::mlir::isa<::lutra::lmma::AccumulatorType>($_self) && "
                 "::mlir::cast<::lutra::lmma::AccumulatorType>($_self).getElement().isF32()">, "!lmma.acc<f32>">,
      BuildableType<"::lutra::lmma::AccumulatorType::get($_builder.getContext(), $_builder.getF32Type())">;

/// An instruction; it stands in a kernel.
class Lmma_Instruction<string mnemonic, list<Trait> traits = []>
    : Lmma_Op<mnemonic, !listconcat(traits, [ParentOneOf<["KernelOp", "ForOp"]>])>;

/// An instruction that reads or writes a buffer at an affine function of loop counters.
class Lmma_AccessOp<string mnemonic, list<Trait> traits = []> : Lmma_Instruction<mnemonic, traits> {
  let hasVerifier = 1;
}

#endif // LUTRA_DIALECTS_LMMA_IR_LMMABASE_TD
