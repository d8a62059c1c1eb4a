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

    Example: `#lowbit.layout<rows = 64, alpha = f16, zeta = i8>`
  }];
  let parameters = (ins "int64_t":$rows, "::mlir::Type":$alpha, OptionalParameter<"::mlir::Type">:$zeta,
                        DefaultValuedParameter<"bool", "false">:$symmetric);
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
