//===- LowbitInterfaces.td - what every weight format answers ---*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITINTERFACES_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITINTERFACES_TD

include "mlir/IR/OpBase.td"

def Lowbit_WeightFormatInterface : AttrInterface<"WeightFormatInterface"> {
  let cppNamespace = "::lutra::lowbit";
  let description = [{
    A weight format: what the codes of a low-bit matrix mean and which components (codes, scales, zero points...) carry
    them. Everything that reads weights goes through this interface; a new format is one attribute, a `WeightSource` and their tests.
  }];
  let methods = [
    InterfaceMethod<"Bits per code as read, 1 to 8.", "unsigned", "getCodeBits">,
    InterfaceMethod<"Consecutive elements along K in a block of codes, and in a group of tables (the last of a row may be short).",
                    "int64_t", "getGroupSize">,
    InterfaceMethod<"Who shares a scale. Readers answer per row and group whatever it is.", "::lutra::lowbit::Granularity", "getGranularity",
      (ins), "", [{ return ::lutra::lowbit::Granularity::Group; }]>,
    InterfaceMethod<"The element type of the component that holds the scales (or alphas).", "::mlir::Type", "getScaleType",
      (ins), "", [{ return ::mlir::Float32Type::get($_attr.getContext()); }]>,
    InterfaceMethod<"The components of an `rows` x `cols` weight: names and exact types.",
      "::llvm::SmallVector<::lutra::lowbit::ExpectedComponent>", "getExpectedComponents", (ins "int64_t":$rows, "int64_t":$cols)>,
    InterfaceMethod<[{
      Verifies that `components` (name to elements) are exactly those of this format for an `rows` x `cols` weight.
    }], "::llvm::LogicalResult", "verifyComponents",
      (ins "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError, "int64_t":$rows, "int64_t":$cols,
           "::mlir::DictionaryAttr":$components), "", [{
      return ::lutra::lowbit::verifyComponentsAre(emitError, $_attr.getExpectedComponents(rows, cols), components);
    }]>,
    InterfaceMethod<[{
      Whether a weight of this format is made of weights of other formats, which `lowbit-decompose-weights` takes apart.
    }], "bool", "isComposite", (ins), "", [{ return false; }]>,
    InterfaceMethod<[{
      The planes format (`#lowbit.bipolar` or `#lowbit.bcq`) that every weight of this format can be reinterpreted as, or null when
      there is none or it depends on the numbers of the weight.
    }], "::lutra::lowbit::WeightFormatInterface", "getPlanesFormat", (ins), "", [{ return {}; }]>,
    InterfaceMethod<[{
      Verifies that `lowbit.reinterpret` may go from this format to `to`, another one.
    }], "::llvm::LogicalResult", "verifyReinterpret",
      (ins "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError, "::lutra::lowbit::WeightFormatInterface":$to), "", [{
      return ::lutra::lowbit::refuseReinterpret(emitError, $_attr, to);
    }]>,
    InterfaceMethod<[{
      The reader of the constant `op`, whose format this is; null after a diagnostic.
    }], "::lutra::lowbit::WeightSourcePtr", "createSource", (ins "::lutra::lowbit::WeightOp &":$op), "", [{
      return ::lutra::lowbit::refuseSource(op, $_attr);
    }]>,
    InterfaceMethod<[{
      The components of `values` (`rows` x `cols`, row-major) rounded to nearest in this format; null when the format has no quantizer.
    }], "::mlir::DictionaryAttr", "quantize", (ins "::llvm::ArrayRef<float>":$values, "int64_t":$rows, "int64_t":$cols), "", [{ return {}; }]>,
  ];
}

def Lowbit_WeightValueOpInterface : OpInterface<"WeightValueOpInterface"> {
  let cppNamespace = "::lutra::lowbit";
  let description = [{
    An op whose result is a weight that the evaluator (Weights.h) can read when its operands are constants.
  }];
  let methods = [
    InterfaceMethod<"The reader of the result; null after a diagnostic.", "::lutra::lowbit::WeightSourcePtr", "createSource">,
  ];
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITINTERFACES_TD
