//===- LowbitFormats.td - the simple weight formats -------------*- tablegen -*-===//
//
// Formats of one code per element and numbers per row and group: uniform, ternary, bipolar, BCQ. Formats that are made of other
// formats are elsewhere. The parameters `group`, `per` and `scale` mean the same in all of them.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITFORMATS_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITFORMATS_TD

include "dialects/lowbit/IR/LowbitDialect.td"
include "dialects/lowbit/IR/LowbitInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Lowbit_Attr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<Lowbit_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

/// A format with codes: what it must say about itself beyond the interface's defaults.
class Lowbit_Format<string name, string attrMnemonic>
    : Lowbit_Attr<name, attrMnemonic, [DeclareAttrInterfaceMethods<Lowbit_WeightFormatInterface,
        ["getGranularity", "getScaleType", "getPlanesFormat", "verifyReinterpret", "createSource", "quantize"]>]>;

/// The element type of scales (or alphas): f32 unless said.
def Lowbit_ScaleTypeParam : DefaultValuedParameter<"::mlir::Type", "::mlir::Float32Type::get($_ctxt)">;
/// Who shares a scale: a group unless said.
def Lowbit_PerParam : DefaultValuedParameter<"Granularity", "Granularity::Group">;

def Lowbit_ZeroKind : I32EnumAttr<"ZeroKind", "how a uniform format states its zero point", [
    I32EnumAttrCase<"Midpoint", 0, "midpoint">,
    I32EnumAttrCase<"Integer", 1, "integer">,
    I32EnumAttrCase<"Float", 2, "float">,
    I32EnumAttrCase<"None", 3, "none">]> {
  let cppNamespace = "::lutra::lowbit";
}

def Lowbit_Granularity : I32EnumAttr<"Granularity", "the elements that share a scale and a zero point", [
    I32EnumAttrCase<"Group", 0, "group">,
    I32EnumAttrCase<"Channel", 1, "channel">,
    I32EnumAttrCase<"Tensor", 2, "tensor">]> {
  let cppNamespace = "::lutra::lowbit";
}

def Lowbit_TernaryStorage : I32EnumAttr<"TernaryStorage", "how ternary digits lie in bytes", [
    I32EnumAttrCase<"TwoBit", 0, "two_bit">,
    I32EnumAttrCase<"ThreeInFive", 1, "three_in_five">,
    I32EnumAttrCase<"FiveInEight", 2, "five_in_eight">]> {
  let cppNamespace = "::lutra::lowbit";
}

def Lowbit_UniformAttr : Lowbit_Format<"Uniform", "uniform"> {
  let summary = "Uniform quantization: w = scale (q - zero)";
  let description = [{
    A code `q` of `bits` bits (1 to 8) per element, in blocks of `group` elements along K; a scale, and by `zero` a zero point, for each
    group, channel (row) or tensor, as `per` says. With `signed`, codes are two's complement in `bits` bits. `zero` is one of

    - `midpoint`: the middle of the codes, 2^(bits-1) of unsigned ones and 0 of signed ones (the default);
    - `none`: 0;
    - `integer`: an i8 of the codes' signedness; `float`: an f32.

    Components for an N x K weight with G = ceil(K / group) groups, B = ceil(group * bits / 8):
    `codes : tensor<N x G x B x i8>` (element k of a group at bit k*bits, least significant bit first); with P x Q = N x G (`per = group`),
    N x 1 (`channel`) or 1 x 1 (`tensor`): `scales : tensor<P x Q x scale>`, where `scale` is f32, f16, bf16, f8E8M0FNU or f8E4M3FN and each
    is converted exactly, and `zeros : tensor<P x Q x i8>` (integer) or `tensor<P x Q x f32>` (float).

    A signed weight is read as an unsigned one: the top bit of each code flipped, the zero point up by 2^(bits-1).

    Example: `#lowbit.uniform<bits = 4, group = 32, zero = float>`, `#lowbit.uniform<bits = 3, group = 128, signed = true, per = channel, scale = bf16>`
  }];
  let parameters = (ins "unsigned":$bits, "int64_t":$group, DefaultValuedParameter<"ZeroKind", "ZeroKind::Midpoint">:$zero,
                        DefaultValuedParameter<"bool", "false">:$is_signed, Lowbit_PerParam:$per, Lowbit_ScaleTypeParam:$scale);
  let builders = [AttrBuilder<(ins "unsigned":$bits, "int64_t":$group, CArg<"ZeroKind", "ZeroKind::Midpoint">:$zero), [{
    return $_get($_ctxt, bits, group, zero, false, Granularity::Group, ::mlir::Float32Type::get($_ctxt));
  }]>];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The zero point that the format alone tells, in terms of unsigned codes.
    std::optional<int64_t> getConstantZero() const;
  }];
}

def Lowbit_TernaryAttr : Lowbit_Format<"Ternary", "ternary"> {
  let summary = "Ternary quantization (BitNet b1.58): w = scale t, t in {-1, 0, 1}";
  let description = [{
    `group`, `per` and `scale` as in `#lowbit.uniform`. `storage` says how the digits t lie in a group's bytes:

    - `two_bit` (2 bits a digit): 2-bit codes t + 1 as in `#lowbit.uniform`; the code 3 is an error;
    - `five_in_eight` (1.6 bits): ceil(group / 5) bytes, each sum_i 3^i (t_i + 1) of 5 digits; a byte above 242 is an error;
    - `three_in_five` (1.67 bits): digits in threes, v = t_0 + 3 t_1 + 9 t_2. First ceil(threes / 2) bytes of nibbles |v| (the even three in
      the low one; above 13 is an error), then ceil(threes / 8) bytes with the bits v < 0, least significant first.

    Digits at or past K may be anything. The weight is read as 2-bit codes t + 1 with the zero point 1, whatever the storage.

    Components: `codes : tensor<N x G x B x i8>` with the B bytes of the storage, `scales : tensor<P x Q x scale>`.

    Example: `#lowbit.ternary<group = 256, storage = five_in_eight, per = tensor>`
  }];
  let parameters = (ins "int64_t":$group, DefaultValuedParameter<"TernaryStorage", "TernaryStorage::TwoBit">:$storage, Lowbit_PerParam:$per,
                        Lowbit_ScaleTypeParam:$scale);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes of one group's digits.
    int64_t getGroupBytes() const;
  }];
}

def Lowbit_BipolarAttr : Lowbit_Format<"Bipolar", "bipolar"> {
  let summary = "Bit planes of -1 and +1 with power-of-two alphas: w = alpha (sum_p 2^p (2 bit_p - 1) + zeta)";
  let description = [{
    The canonical form of a uniform weight (LUT Tensor Core, section 3.1.2: alpha = s', zeta = -z'). Plane p is bit p of
    the code, so the codes of a uniform weight serve as they are. `zeta` is a constant when the parameter is there;
    otherwise each group, channel or tensor (`per`) has its own.

    Components: `codes` as in `#lowbit.uniform`, `alphas : tensor<P x Q x scale>`, and `zetas : tensor<P x Q x f32>` unless
    constant.

    Example: `#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>`
  }];
  let parameters = (ins "unsigned":$planes, "int64_t":$group, OptionalParameter<"::mlir::FloatAttr">:$zeta, Lowbit_PerParam:$per,
                        Lowbit_ScaleTypeParam:$scale);
  let builders = [AttrBuilder<(ins "unsigned":$planes, "int64_t":$group, "::mlir::FloatAttr":$zeta,
                                   CArg<"Granularity", "Granularity::Group">:$per), [{
    return $_get($_ctxt, planes, group, zeta, per, ::mlir::Float32Type::get($_ctxt));
  }]>];
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Lowbit_BCQAttr : Lowbit_Format<"BCQ", "bcq"> {
  let summary = "Binary-coding quantization: w = sum_p alpha_p (2 bit_p - 1) + beta";
  let description = [{
    LUT-GEMM's format: an alpha per plane, and an offset, for each group, channel or tensor. With `shift_terms` = T > 0 (ShiftAddLLM) an alpha is
    a sum of at most T signed powers of two, stored as bytes: 0 is no term; else bit 7 is the sign and bits 0 to 6 the exponent plus 64. The terms
    are added in f64, ascending, and rounded once to f32.

    Components: `codes` as in `#lowbit.uniform` (plane p is bit p), `alphas : tensor<P x Q x planes x scale>` (`tensor<P x Q x planes x T x i8>` with
    shift terms), `betas : tensor<P x Q x f32>`.

    Example: `#lowbit.bcq<planes = 3, group = 64>`, `#lowbit.bcq<planes = 3, group = 128, shift_terms = 2>`
  }];
  let parameters = (ins "unsigned":$planes, "int64_t":$group, Lowbit_PerParam:$per, Lowbit_ScaleTypeParam:$scale,
                        DefaultValuedParameter<"unsigned", "0">:$shift_terms);
  let builders = [AttrBuilder<(ins "unsigned":$planes, "int64_t":$group, CArg<"Granularity", "Granularity::Group">:$per), [{
    return $_get($_ctxt, planes, group, per, ::mlir::Float32Type::get($_ctxt), 0);
  }]>];
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITFORMATS_TD
