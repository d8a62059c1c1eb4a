//===- LmmaTypes.td - register tiles and loop bounds ------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LMMA_IR_LMMATYPES_TD
#define LUTRA_DIALECTS_LMMA_IR_LMMATYPES_TD

include "dialects/lmma/IR/LmmaDialect.td"
include "mlir/IR/AttrTypeBase.td"

class Lmma_Type<string name, string typeMnemonic> : TypeDef<Lmma_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Lmma_TableType : Lmma_Type<"Table", "table"> {
  let summary = "Half tables (8 entries of 16) of m rows, a register tile `t`";
  let description = [{
    `tables` tables of four activations each, for each of the array's m rows; entries are i8, i16, f16, bf16, f8E4M3FN, f8E5M2 or f32.

    Example: `!lmma.table<8, i8>`
  }];
  let parameters = (ins "int64_t":$tables, "::mlir::Type":$element);
  let assemblyFormat = "`<` $tables `,` $element `>`";
  let genVerifyDecl = 1;
}

def Lmma_WeightsType : Lmma_Type<"Weights", "weights"> {
  let summary = "Codes of n output rows, a register tile `w`";
  let description = [{
    For each of `planes` bit planes and `tables` tables, the sign and 3-bit index of each of the array's n rows.

    Example: `!lmma.weights<4, 8>`
  }];
  let parameters = (ins "int64_t":$planes, "int64_t":$tables);
  let assemblyFormat = "`<` $planes `,` $tables `>`";
  let genVerifyDecl = 1;
}

def Lmma_AccumulatorType : Lmma_Type<"Accumulator", "acc"> {
  let summary = "m x n accumulators, a register tile `a` (i32) or `f` (f32)";
  let description = [{
    What the array adds to, exactly in i32, in f32 for tables of f32; and what leaves the array as outputs, in f32.

    Example: `!lmma.acc<i32>`
  }];
  let parameters = (ins "::mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
  let genVerifyDecl = 1;
}

def Lmma_ActsType : Lmma_Type<"Acts", "acts"> {
  let summary = "Activations of m rows, a register tile `x`";
  let description = [{
    As many activations of each row as a table tile has tables of, as f32: what tables are made of.

    Example: `!lmma.acts`
  }];
}

def Lmma_SumsType : Lmma_Type<"Sums", "sums"> {
  let summary = "One f64 for each of m rows, a register `d`";
  let description = [{
    What squares of activations are added in, for norms.

    Example: `!lmma.sums`
  }];
}

def Lmma_RowsType : Lmma_Type<"Rows", "rows"> {
  let summary = "One f32 for each of m rows, a register `s`";
  let description = [{
    The table scales or activation sums of one group, an operand of `lmma.scale`.

    Example: `!lmma.rows`
  }];
}

def Lmma_ColsType : Lmma_Type<"Cols", "cols"> {
  let summary = "One f32 for each of n columns, a register tile `c`";
  let description = [{
    The alphas, zetas or betas of one group, an operand of `lmma.scale`.

    Example: `!lmma.cols`
  }];
}

def Lmma_SharedAttr : AttrDef<Lmma_Dialect, "Shared"> {
  let mnemonic = "shared";
  let summary = "The memory space of a core's shared memory";
  let description = [{
    What `lmma.copy` fills and loads read; it lives as long as a block runs.

    Example: `#lmma.shared`
  }];
  let assemblyFormat = "";
}

def Lmma_BoundAttr : AttrDef<Lmma_Dialect, "Bound"> {
  let mnemonic = "bound";
  let summary = "A loop bound: a constant, or the rows of the launch rounded down to a multiple";
  let description = [{
    `multiple` 0: the constant. Otherwise M / multiple * multiple, for the M that a launch binds.

    Example: `#lmma.bound<constant = 0, multiple = 16>`
  }];
  let parameters = (ins "int64_t":$constant, "int64_t":$multiple);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif // LUTRA_DIALECTS_LMMA_IR_LMMATYPES_TD
