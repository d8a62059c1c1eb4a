//===- LowbitTypes.td - weights and tables as values ------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITTYPES_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITTYPES_TD

include "dialects/lowbit/IR/LowbitAttributes.td"

class Lowbit_Type<string name, string typeMnemonic> : TypeDef<Lowbit_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Lowbit_WeightType : Lowbit_Type<"Weight", "weight"> {
  let summary = "An N x K matrix of low-bit weights in some format";
  let description = [{
    `rows` is N (output features), `cols` is K (the reduction).

    Example: `!lowbit.weight<131x264, #lowbit.uniform<bits = 4, group = 32>>`
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$cols, "::lutra::lowbit::WeightFormatInterface":$format);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Consecutive elements along K that share a scale.
    int64_t getGroup() const { return getFormat().getGroupSize(); }
    /// Groups along K.
    int64_t getNumGroups() const { return (getCols() + getGroup() - 1) / getGroup(); }
    /// Bits per code: the number of planes.
    unsigned getBits() const { return getFormat().getCodeBits(); }
    /// The format less its layout: what the codes mean.
    WeightFormatInterface getUnpackedFormat() const;
    /// The layout of a packed weight, or null.
    LayoutAttr getLayout() const;
    /// The same matrix in another format.
    WeightType withFormat(WeightFormatInterface format) const;
  }];
}

def Lowbit_TableType : Lowbit_Type<"Table", "table"> {
  let summary = "The lookup tables of an M x K activation matrix";
  let description = [{
    For each row and each 4 activations of a group, the 16 signed sums of them (docs/spec/numerics.md, "Tables"). `element` is
    `f32` (exact) or `i8` (quantized, one scale per row and group). With `symmetric` only the 8 entries whose sign index bit
    is clear are computed; the others are their negatives. `rows` may be dynamic (`?`).

    Example: `!lowbit.table<?x264, group = 32, element = i8, symmetric = true>`
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$cols, "int64_t":$group, "::mlir::Type":$element,
                        DefaultValuedParameter<"bool", "false">:$symmetric);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Groups along K.
    int64_t getNumGroups() const { return (getCols() + getGroup() - 1) / getGroup(); }
    /// Tables of 4 activations per group: an even number, since a code byte indexes two.
    int64_t getTablesPerGroup() const { return (getGroup() + 7) / 8 * 2; }
  }];
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITTYPES_TD
