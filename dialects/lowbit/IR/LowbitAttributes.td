//===- LowbitAttributes.td - weight formats, layouts and tiles --*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITATTRIBUTES_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITATTRIBUTES_TD

include "dialects/lowbit/IR/LowbitFormats.td"

def Lowbit_LayoutAttr : Lowbit_Attr<"Layout", "layout"> {
  let summary = "How packed planes lie in memory";
  let description = [{
    Rows are cut in tiles of `rows`; a tile holds, group after group, the codes, the alphas and the zetas (or betas) of its
    rows. A code byte holds the 4-bit indices of two neighbouring tables for one row and plane (docs/spec/numerics.md, "Packed
    layouts"). Planes come in runs of 4, then 2, then 1 from plane 0 up; the bytes of a run's planes are neighbours, and in a run of
    one plane those of rows r and r + rows / 2 (when `rows` is even). With `symmetric`, planes come one after another, and an index
    is 3 bits and a sign, complemented at compile time (LUT Tensor Core, eq. 6).
    `alpha` and `zeta` are the storage types: the narrowest that hold every value exactly; no `zeta` when the format's is a constant.

    With `codebook`, codes are stored as indices of 4 bits into it: up to 16 codes, ascending. Of 8 neighbouring codes a row has four bytes, with
    index i in the low half of byte i and index 4 + i in the high half. It is for products that read codes, not indices of tables: those of integer
    activations (`lut.integer_matmul`) and dense ones.

    With `triples`, codes of 0, 1 and 2 lie three in 5 bits: 24 columns of a tile of 64 rows take 320 bytes, and columns of a group past the last 24
    two bits each (dialects/lowbit/IR/Triples.h). It is for two planes that share an alpha, and for products of integer activations.

    With `lookup_triples`, the same codes lie as products look them up in tables of three activations (`!lowbit.table<.., width = 3>`): a nibble and a sign for
    each table and row (dialects/lowbit/IR/LookupTriples.h), 40 bytes for three columns of 64 rows. It is for two planes that share an alpha and have zeta 1.

    With `quotients`, the number c that is stored for a zeta of P planes stands for (2^P - 1) + c / alpha, each operation rounded to f32, and for
    2^P - 1 where alpha is 0: a zero point that was a minimum over a scale (GGUF's Q4_1) is no half, but its minimum is. `zeta` is f16 then.

    With `quads`, four neighbouring bytes of codes are always one row's: in runs of two planes those of four tables, in runs of one plane of eight, the first half of the
    tables in the low nibbles. A group's tables are padded to whole quads. It is for products that look up entries of i8 in four tables at once and sum four bytes.
    With `lookup_triples` as well, index and sign are a field of five bits, and nothing is padded (dialects/lowbit/IR/LookupTriples.h).

    Example: `#lowbit.layout<rows = 64, alpha = f16, zeta = i8>`, `#lowbit.layout<rows = 64, alpha = f16, codebook = [0, 3, 9, 24]>`
  }];
  let parameters = (ins "int64_t":$rows, "::mlir::Type":$alpha, OptionalParameter<"::mlir::Type">:$zeta,
                        DefaultValuedParameter<"bool", "false">:$symmetric, OptionalParameter<"::mlir::DenseI32ArrayAttr">:$codebook,
                        DefaultValuedParameter<"bool", "false">:$triples, DefaultValuedParameter<"bool", "false">:$quotients,
                        DefaultValuedParameter<"bool", "false">:$lookup_triples, DefaultValuedParameter<"bool", "false">:$quads);
  let builders = [
    AttrBuilder<(ins "int64_t":$rows, "::mlir::Type":$alpha, "::mlir::Type":$zeta, "bool":$symmetric), [{
      return $_get($_ctxt, rows, alpha, zeta, symmetric, ::mlir::DenseI32ArrayAttr(), /*triples=*/false, /*quotients=*/false,
                   /*lookup_triples=*/false, /*quads=*/false);
    }]>,
    AttrBuilder<(ins "int64_t":$rows, "::mlir::Type":$alpha, "::mlir::Type":$zeta, "bool":$symmetric,
                     "::mlir::DenseI32ArrayAttr":$codebook, "bool":$triples, "bool":$quotients), [{
      return $_get($_ctxt, rows, alpha, zeta, symmetric, codebook, triples, quotients, /*lookup_triples=*/false, /*quads=*/false);
    }]>,
    AttrBuilder<(ins "int64_t":$rows, "::mlir::Type":$alpha, "::mlir::Type":$zeta, "bool":$symmetric,
                     "::mlir::DenseI32ArrayAttr":$codebook), [{
      return $_get($_ctxt, rows, alpha, zeta, symmetric, codebook, /*triples=*/false, /*quotients=*/false, /*lookup_triples=*/false,
                   /*quads=*/false);
    }]>,
  ];
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Lowbit_PackedAttr : Lowbit_Attr<"Packed", "packed", [DeclareAttrInterfaceMethods<Lowbit_WeightFormatInterface>]> {
  let summary = "Bit planes in a target's layout";
  let description = [{
    A `#lowbit.bipolar` or `#lowbit.bcq` weight packed as `layout` says. One component: `data : tensor<bytes x i8>`.

    Example: `#lowbit.packed<#lowbit.bipolar<planes = 2, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>`
  }];
  let parameters = (ins "::lutra::lowbit::WeightFormatInterface":$format, "LayoutAttr":$layout);
  let assemblyFormat = "`<` $format `,` qualified($layout) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bits that a code takes in memory: one a plane, or those of an index.
    unsigned getStoredBits() const;
    /// Bytes of the codes of one tile of `layout.rows` rows by one group.
    int64_t getCodeBytes() const;
    /// Bytes of one tile of `layout.rows` rows by one group: codes, alphas, zetas.
    int64_t getGroupBytes() const;
    /// Bytes of a whole `rows` x `cols` weight.
    int64_t getTotalBytes(int64_t rows, int64_t cols) const;
  }];
}

def Lowbit_TileAttr : Lowbit_Attr<"Tile", "tile"> {
  let summary = "The tile of a lookup product: m rows of activations, n of weights, k along the reduction";
  let description = [{
    Chosen by `lowbit-tile-elongated` from byte footprints (LUT Tensor Core, sections 3.2.2 and 4.2.2).

    Example: `#lowbit.tile<m = 4, n = 64, k = 576>`
  }];
  let parameters = (ins "int64_t":$m, "int64_t":$n, "int64_t":$k);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

include "dialects/lowbit/IR/CompositeFormats.td"

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITATTRIBUTES_TD
