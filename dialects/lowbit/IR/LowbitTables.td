//===- LowbitTables.td - the kinds of tables and of activations -*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITTABLES_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITTABLES_TD

include "dialects/lowbit/IR/LowbitAttributes.td"

def Lowbit_TableElement : I32EnumAttr<"TableElement", "what the entries of lookup tables are", [
    I32EnumAttrCase<"F32", 0, "f32">,
    I32EnumAttrCase<"F16", 1, "f16">,
    I32EnumAttrCase<"I16", 2, "i16">,
    I32EnumAttrCase<"I8", 3, "i8">]> {
  let cppNamespace = "::lutra::lowbit";
  let genSpecializedAttr = 0;
}

def Lowbit_TableScale : I32EnumAttr<"TableScale", "which entries of a row's tables share a scale", [
    I32EnumAttrCase<"Group", 0, "group">,
    I32EnumAttrCase<"Table", 1, "table">,
    I32EnumAttrCase<"Row", 2, "row">]> {
  let cppNamespace = "::lutra::lowbit";
}

def Lowbit_ActivationCodes : I32EnumAttr<"ActivationCodes", "what the codes of quantized activations are", [
    I32EnumAttrCase<"Absmax", 0, "absmax">,
    I32EnumAttrCase<"Bipolar", 1, "bipolar">]> {
  let cppNamespace = "::lutra::lowbit";
  let genSpecializedAttr = 0;
}

def Lowbit_ActivationCodesAttr : EnumAttr<Lowbit_Dialect, Lowbit_ActivationCodes, "codes"> {
  let summary = "What the codes of quantized activations are: rounded to the nearest integer, or to the nearest odd one";
  let description = [{
    `absmax`: the nearest integer to x times the greatest code over the greatest magnitude (BitNet b1.58). `bipolar`: the nearest odd integer, whose
    bits are planes of -1 and +1. The attribute `kind` of `lowbit.quantize_activations`.

    Example: `#lowbit.codes<absmax>`
  }];
  let assemblyFormat = "`<` $value `>`";
}

def Lowbit_TableKindAttr : Lowbit_Attr<"TableKind", "table_kind"> {
  let summary = "The entries of lookup tables, and which of them share a scale";
  let description = [{
    `element` is `f32` (exact), `f16` (rounded), `i16` or `i8` (quantized). Quantized entries have a scale for each `group` of a
    row, for each `table` of four activations (LUT Tensor Core, section 3.1.3) or for the whole `row`; floats have none, and state
    `group`.

    `width` is how many activations a table is of: 4, looked up by the bits of planes, or 3 for weights of -1, 0 and 1 times a scale (ternary), looked up by
    all three weights at once. Tables of three have i8 entries and a scale per `group` or `row`.

    Example: `#lowbit.table_kind<i8, scale = row>`, `#lowbit.table_kind<i8, width = 3>`
  }];
  let parameters = (ins "::mlir::Type":$element, DefaultValuedParameter<"TableScale", "TableScale::Group">:$scale,
                        DefaultValuedParameter<"int64_t", "kTableWidth">:$width);
  let builders = [AttrBuilder<(ins "::mlir::Type":$element, "TableScale":$scale), [{
    return $_get($_ctxt, element, scale, kTableWidth);
  }]>];
  let assemblyFormat = "`<` $element (`,` struct($scale, $width)^)? `>`";
  let genVerifyDecl = 1;
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITTABLES_TD
