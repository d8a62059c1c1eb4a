//===- CompositeFormats.td - codebooks, and weights made of weights --*- tablegen -*-===//
//
// Included by LowbitAttributes.td. Nested, mixed and outlier weights are taken apart by `lowbit-decompose-weights`: no pass after
// it sees one.
//
//===----------------------------------------------------------------------===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_COMPOSITEFORMATS_TD
#define LUTRA_DIALECTS_LOWBIT_IR_COMPOSITEFORMATS_TD

/// A format that `lowbit-decompose-weights` takes apart.
class Lowbit_CompositeFormat<string name, string attrMnemonic, list<string> methods = []>
    : Lowbit_Attr<name, attrMnemonic, [DeclareAttrInterfaceMethods<Lowbit_WeightFormatInterface,
        !listconcat(["isComposite", "quantize"], methods)>]>;

def Lowbit_CodebookTable : I32EnumAttr<"CodebookTable", "the table that a codebook's codes index", [
    I32EnumAttrCase<"NF4", 0, "nf4">,
    I32EnumAttrCase<"BnbFP4", 1, "bnb_fp4">,
    I32EnumAttrCase<"E2M1", 2, "e2m1">,
    I32EnumAttrCase<"Tensor", 3, "tensor">,
    I32EnumAttrCase<"Channel", 4, "channel">]> {
  let cppNamespace = "::lutra::lowbit";
}

def Lowbit_CodebookAttr : Lowbit_Attr<"Codebook", "codebook", [DeclareAttrInterfaceMethods<Lowbit_WeightFormatInterface,
    ["getGranularity", "getScaleType", "verifyReinterpret", "createSource", "quantize"]>]> {
  let summary = "Codes that index a table: w = scale table[q]";
  let description = [{
    `table` is one of the fixed tables of 16 values, NF4 and FP4 as bitsandbytes has them (`nf4`, `bnb_fp4`) and FP4 as the
    microscaling formats have it (`e2m1`: 0, 0.5, 1, 1.5, 2, 3, 4, 6, and bit 3 for the sign); or it is a component: one table
    for the weight (`tensor`) or one for each row (`channel`).

    MXFP4 is `table = e2m1, group = 32, scale = f8E8M0FNU`; NVFP4 is `table = e2m1, group = 16, scale = f8E4M3FN, global_scale = true`. With
    `global_scale` the scale of a group is f32(scale) * global_scale, rounded once to f32.

    A table that is affine in the bits of its index (any of 2 entries, a symmetric one of 4) makes the weight `#lowbit.bcq` with the same codes;
    one of multiples of a power of two makes it `#lowbit.uniform` with other codes (`lowbit-canonicalize-weights`).

    Components: `codes` as in `#lowbit.uniform`; `scales` of type `scale`, N x G, N x 1 or 1 x 1 by `per`; `table : tensor<2^bits x f32>`
    (tensor) or `tensor<N x 2^bits x f32>` (channel); `global_scale : tensor<1xf32>` with `global_scale`.

    Example: `#lowbit.codebook<bits = 4, group = 64, table = nf4>`
  }];
  let parameters = (ins "unsigned":$bits, "int64_t":$group, "CodebookTable":$table,
                        Lowbit_PerParam:$per, Lowbit_ScaleTypeParam:$scale, DefaultValuedParameter<"bool", "false">:$global_scale);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Lowbit_NestedAttr : Lowbit_CompositeFormat<"Nested", "nested", ["getGranularity", "getScaleType"]> {
  let summary = "An n-bit weight that runs at any width from min_bits to n";
  let description = [{
    The upper b bits of an n-bit code are the code of the b-bit weight (Any-Precision LLM). `format` is the n-bit body. In planes
    (`#lowbit.uniform`, `#lowbit.bipolar`, `#lowbit.bcq`) the lower n - b planes are dropped: with d = n - b, alpha' = 2^d alpha and zeta' =
    zeta / 2^d, which is the middle of what the code stood for; BCQ keeps the alphas of its upper planes and beta. A
    `#lowbit.codebook` with `table = channel` has a table for each width.

    `lowbit.truncate` chooses a width at compile time, the `precision` operand of `lowbit.matmul` at run time; a product with neither
    uses all n bits.

    Components: those of `format`; for a codebook `table<b> : tensor<N x 2^b x f32>` for each b from `min_bits` to n instead of `table`.

    Example: `#lowbit.nested<#lowbit.uniform<bits = 8, group = 32>, min_bits = 3>`
  }];
  let parameters = (ins "::lutra::lowbit::WeightFormatInterface":$format, "unsigned":$min_bits);
  let assemblyFormat = "`<` $format `,` `min_bits` `=` $min_bits `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The format of the weight at `bits` bits: the body's own at all of its bits, else what is left of it.
    WeightFormatInterface getTruncated(unsigned bits) const;
  }];
}

def Lowbit_MixedAttr : Lowbit_CompositeFormat<"Mixed", "mixed", ["verifyComponents"]> {
  let summary = "Output channels in several formats";
  let description = [{
    The first `rows[0]` rows are in `formats[0]`, the next `rows[1]` in `formats[1]`, and so on (MixLLM: a few salient channels at
    more bits). Row i of them all is output channel `permutation[i]`.

    Components: those of part p, named "p.codes", "p.scales" and so on, and `permutation : tensor<N x i32>`, which has each of 0 .. N-1 once.

    Example: `#lowbit.mixed<rows = [3, 1], formats = [#lowbit.uniform<bits = 4, group = 32>, #lowbit.uniform<bits = 8, group = 32>]>`
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$rows, ArrayRefParameter<"::mlir::Attribute">:$formats);
  let assemblyFormat = "`<` `rows` `=` `[` $rows `]` `,` `formats` `=` `[` $formats `]` `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The format of part `index`.
    WeightFormatInterface getFormat(size_t index) const;
  }];
}

def Lowbit_OutliersAttr : Lowbit_CompositeFormat<"Outliers", "outliers", ["verifyComponents"]> {
  let summary = "A low-bit weight and a few values of high precision: w = body + outlier";
  let description = [{
    With `columns = C`, C whole columns have an outlier in every row (QUIK); with `entries = E`, each row has up to E of them, anywhere
    (SqueezeLLM). The body holds something at those places too, usually zero.

    Components: those of the body, named "body.codes" and so on; `columns : tensor<C x i32>`, ascending, and `values : tensor<N x C x value>`; or
    `indices : tensor<N x E x i32>`, ascending in a row with -1 for "none" at its end, and `values : tensor<N x E x value>`.

    Example: `#lowbit.outliers<#lowbit.uniform<bits = 4, group = 32>, columns = 4, value = f16>`
  }];
  let parameters = (ins "::lutra::lowbit::WeightFormatInterface":$body, DefaultValuedParameter<"int64_t", "0">:$columns,
                        DefaultValuedParameter<"int64_t", "0">:$entries, "::mlir::Type":$value);
  let assemblyFormat = "`<` $body `,` struct($columns, $entries, $value) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Outliers of a row: `columns`, or at most `entries`.
    int64_t getCount() const { return getColumns() ? getColumns() : getEntries(); }
  }];
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_COMPOSITEFORMATS_TD
