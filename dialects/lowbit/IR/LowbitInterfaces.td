//===- LowbitInterfaces.td - what every weight format answers ---*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITINTERFACES_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITINTERFACES_TD

include "mlir/IR/OpBase.td"

def Lowbit_WeightFormatInterface : AttrInterface<"WeightFormatInterface"> {
  let cppNamespace = "::lutra::lowbit";
  let description = [{
    A weight format: what the codes of a low-bit matrix mean and which components (codes, scales, zero points...) carry
    them. Everything that reads weights goes through this interface; a new format is one attribute and its tests.
  }];
  let methods = [
    InterfaceMethod<"Bits per code, 1 to 8.", "unsigned", "getCodeBits">,
    InterfaceMethod<"Consecutive elements along K that share a scale (the last group of a row may be short).",
                    "int64_t", "getGroupSize">,
    InterfaceMethod<[{
      Verifies that `components` (name to elements) are exactly those of this format for an `rows` x `cols` weight.
    }], "::llvm::LogicalResult", "verifyComponents",
      (ins "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError, "int64_t":$rows, "int64_t":$cols,
           "::mlir::DictionaryAttr":$components)>,
  ];
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITINTERFACES_TD
