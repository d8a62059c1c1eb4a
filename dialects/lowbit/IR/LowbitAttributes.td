//===- LowbitAttributes.td - weight formats, layouts and tiles --*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITATTRIBUTES_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITATTRIBUTES_TD

include "dialects/lowbit/IR/LowbitDialect.td"
include "dialects/lowbit/IR/LowbitInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Lowbit_Attr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<Lowbit_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Lowbit_ZeroKind : I32EnumAttr<"ZeroKind", "how a uniform format states its zero point", [
    I32EnumAttrCase<"Midpoint", 0, "midpoint">,
    I32EnumAttrCase<"Integer", 1, "integer">,
    I32EnumAttrCase<"Float", 2, "float">]> {
  let cppNamespace = "::lutra::lowbit";
}

def Lowbit_UniformAttr : Lowbit_Attr<"Uniform", "uniform", [DeclareAttrInterfaceMethods<Lowbit_WeightFormatInterface>]> {
  let summary = "Uniform quantization: w = scale (q - zero)";
  let description = [{
    An unsigned code `q` of `bits` bits per element; a scale, and by `zero` a zero point, per row and group of `group`
    elements along K. `midpoint` is the constant 2^(bits-1).

    Components for an N x K weight with G = ceil(K / group) groups, B = ceil(group * bits / 8):
    `codes : tensor<N x G x B x i8>` (element k of a group at bit k*bits, least significant bit first),
    `scales : tensor<N x G x f32>`, and `zeros : tensor<N x G x i8>` (integer, unsigned) or `tensor<N x G x f32>` (float).

    Example: `#lowbit.uniform<bits = 4, group = 32, zero = float>`
  }];
  let parameters = (ins "unsigned":$bits, "int64_t":$group, DefaultValuedParameter<"ZeroKind", "ZeroKind::Midpoint">:$zero);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Lowbit_BipolarAttr : Lowbit_Attr<"Bipolar", "bipolar", [DeclareAttrInterfaceMethods<Lowbit_WeightFormatInterface>]> {
  let summary = "Bit planes of -1 and +1 with power-of-two alphas: w = alpha (sum_p 2^p (2 bit_p - 1) + zeta)";
  let description = [{
    The canonical form of a uniform weight (LUT Tensor Core, section 3.1.2: alpha = s', zeta = -z'). Plane p is bit p of
    the code, so the codes of a uniform weight serve as they are. `zeta` is a constant when the parameter is there;
    otherwise each row and group has its own.

    Components: `codes` as in `#lowbit.uniform`, `alphas : tensor<N x G x f32>`, and `zetas : tensor<N x G x f32>` unless
    constant.

    Example: `#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>`
  }];
  let parameters = (ins "unsigned":$planes, "int64_t":$group, OptionalParameter<"::mlir::FloatAttr">:$zeta);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Lowbit_BCQAttr : Lowbit_Attr<"BCQ", "bcq", [DeclareAttrInterfaceMethods<Lowbit_WeightFormatInterface>]> {
  let summary = "Binary-coding quantization: w = sum_p alpha_p (2 bit_p - 1) + beta";
  let description = [{
    LUT-GEMM's format: an alpha per plane, and an offset, for each row and group.

    Components: `codes` as in `#lowbit.uniform` (plane p is bit p), `alphas : tensor<N x G x planes x f32>`,
    `betas : tensor<N x G x f32>`.

    Example: `#lowbit.bcq<planes = 3, group = 64>`
  }];
  let parameters = (ins "unsigned":$planes, "int64_t":$group);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

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

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITATTRIBUTES_TD
