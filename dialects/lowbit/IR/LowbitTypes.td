//===- LowbitTypes.td - weights and tables as values ------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITTYPES_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITTYPES_TD

include "dialects/lowbit/IR/LowbitTables.td"

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
    `f32` (exact), `f16` (rounded), `i16` or `i8` (quantized, or the sums of integer activations). `scale` says which quantized
    entries share a scale: those of a `group` (the default), of a `table`, or of a `row`. With `symmetric` only the 8 entries whose
    sign index bit is clear are computed; the others are their negatives. `rows` may be dynamic (`?`).

    With `width = 3`, a table has the sums of three activations times -1, 0 or 1, for ternary weights: entry i of 0..13 is that of the balanced ternary digits of i,
    and the others are the negatives of these. Table t of a group of T = ceil(group / 3) tables is of columns t, T + t and 2T + t. Entries are i8, scales per
    `group` or `row`, and nothing is `symmetric` further.

    Example: `!lowbit.table<?x264, group = 32, element = i8, scale = row, symmetric = true>`, `!lowbit.table<?x264, group = 32, element = i8, width = 3>`
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$cols, "int64_t":$group, "::mlir::Type":$element,
                        DefaultValuedParameter<"bool", "false">:$symmetric,
                        DefaultValuedParameter<"TableScale", "TableScale::Group">:$scale,
                        DefaultValuedParameter<"int64_t", "kTableWidth">:$width);
  let builders = [TypeBuilder<(ins "int64_t":$rows, "int64_t":$cols, "int64_t":$group, "::mlir::Type":$element, "bool":$symmetric,
                                   "TableScale":$scale), [{
    return $_get($_ctxt, rows, cols, group, element, symmetric, scale, kTableWidth);
  }]>, TypeBuilder<(ins "int64_t":$rows, "int64_t":$cols, "int64_t":$group, "::mlir::Type":$element,
                                   "bool":$symmetric), [{
    return $_get($_ctxt, rows, cols, group, element, symmetric, TableScale::Group, kTableWidth);
  }]>];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Groups along K.
    int64_t getNumGroups() const { return (getCols() + getGroup() - 1) / getGroup(); }
    /// Tables per group: of 4 activations an even number, since a code byte indexes two.
    int64_t getTablesPerGroup() const { return ::lutra::lowbit::getTablesPerGroup(getGroup(), getWidth()); }
    /// Scales of a row: one, or one per group or table.
    int64_t getScalesPerRow() const;
    /// The element and the scale.
    TableKindAttr getKind() const;
    /// The tables of the same activations, of another kind.
    TableType withKind(TableKindAttr kind) const;
    /// The same tables, computed in half or whole.
    TableType withSymmetric(bool symmetric) const;
  }];
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITTYPES_TD
