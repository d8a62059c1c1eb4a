//===- LutIntegerOps.td - products of integer codes without tables -*- tablegen -*-===//
//
// Included by LutOps.td. Activations that are codes need no tables: bit planes become integers again, a panel at a time, and are
// multiplied. The numbers are those of a lookup in exact tables.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LUT_IR_LUTINTEGEROPS_TD
#define LUTRA_DIALECTS_LUT_IR_LUTINTEGEROPS_TD

include "dialects/lut/IR/LutOpBase.td"

def Lut_QuantizeOp : Lut_StructuredOp<"quantize"> {
  let summary = "Activations as codes with a scale for each group";
  let description = [{
    `lowbit.quantize_activations` of kind absmax, destination-style. Each row of `activations : M x K` is cut into G groups of `group` (the last may be
    short); with Q = 2^(bits-1) - 1 and m the largest magnitude of a group,

        s = Q / max(m, 1e-5)      codes[m, k] = the integer nearest to a s      scales[m, g] = 1 / s

    and codes 0 with a scale of NaN where m is not finite (docs/spec/numerics.md, "Integer activations").

    - (C1) `activations` is a matrix of f32 whose K is static.
    - (C2) `codes : M x K` of i8 and `scales : M x G` of f32.
    - (C3) `group` is positive, `bits` is 2 to 8.
    - (C4) all operands are tensors and there is a result for each output, or all are buffers and there is none.

    Example:
    ```mlir
    %q:2 = lut.quantize ins(%a : tensor<?x264xf32>) outs(%c, %s : tensor<?x264xi8>, tensor<?x9xf32>) {group = 32 : i64, bits = 8 : i64}
        -> tensor<?x264xi8>, tensor<?x9xf32>
    ```
  }];
  let arguments = (ins AnyShaped:$activations, AnyShaped:$codes, AnyShaped:$scales, I64Attr:$group, I64Attr:$bits);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $activations `:` type($activations) `)` `outs` `(` $codes `,` $scales `:` type($codes) `,` type($scales) `)`
    attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return ::mlir::MutableOperandRange(*this, 1, 2); }
  }];
}

def Lut_PrepareCodesOp : Lut_StructuredOp<"prepare_codes"> {
  let summary = "The codes of an activation matrix as an integer product reads them";
  let description = [{
    What `lut.precompute` is to `lut.matmul`, for `lut.integer_matmul`. Each row of `codes : M x K` is cut into G groups of `group` (the last may
    be short), each padded with zeros to 4 T codes, T = 2 ceil(group / 8). Rows of a group are neighbours, so that a kernel that goes through K in
    blocks reads them one after another. With S_g the sum of the codes of group g:

    - `padded[g, m, i]` is code i of the group, or 0;
    - `bias[g, m] = -factor S_g`, an integer: for planes of -1 and +1, which stand for 2 q - factor with `factor` = 2^planes - 1;
    - `sums[g, m] = scale f32(S_g)`, rounded: what multiplies the zero point (docs/spec/numerics.md, "Integer activations");
    - `scales[g, m]`: what one of the codes is worth, from `act_scales` of the row and group, or of the row.

    - (C1) `codes` is a matrix of i8 whose K is static, and `act_scales : M x G` or `M x 1` of f32.
    - (C2) `padded : G x M x 4 T` of i8, `bias : G x M` of i32, `sums` and `scales : G x M` of f32.
    - (C3) `group` is positive, `factor` is 1 to 255, and `128 factor group` fits an i32.
    - (C4) all operands are tensors and there is a result for each output, or all are buffers and there is none.

    Example:
    ```mlir
    %p:4 = lut.prepare_codes ins(%q, %s : tensor<?x264xi8>, tensor<?x9xf32>)
        outs(%e, %b, %z, %f : tensor<9x?x32xi8>, tensor<9x?xi32>, tensor<9x?xf32>, tensor<9x?xf32>) {group = 32 : i64, factor = 15 : i64}
        -> tensor<9x?x32xi8>, tensor<9x?xi32>, tensor<9x?xf32>, tensor<9x?xf32>
    ```
  }];
  let arguments = (ins AnyShaped:$codes, AnyShaped:$act_scales, AnyShaped:$padded, AnyShaped:$bias, AnyShaped:$sums,
                       AnyShaped:$scales, I64Attr:$group, I64Attr:$factor);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $codes `,` $act_scales `:` type($codes) `,` type($act_scales) `)`
    `outs` `(` $padded `,` $bias `,` $sums `,` $scales `:` type($padded) `,` type($bias) `,` type($sums) `,` type($scales) `)`
    attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return ::mlir::MutableOperandRange(*this, 2, 4); }
    /// Groups along K.
    int64_t getNumGroups();
    /// Codes of a padded group.
    int64_t getPaddedGroup() { return (getGroup() + 7) / 8 * 8; }
  }];
}

def Lut_IntegerMatmulOp : Lut_StructuredOp<"integer_matmul"> {
  let summary = "y = a w^T, from integer codes of a and the bytes of packed bit planes";
  let description = [{
    `out[m, n]` is what `lut.matmul` makes of the exact tables of the same codes, bit by bit, without tables. For row n of the weight, with
    codes q of P planes, alpha and zeta:

        acc_g = 2 sum_i padded[g, m, i] q[n, g, i] + bias[g, m]              integers: exact
        u_g   = fma(scales[g, m], f32(acc_g), zeta sums[g, m])
        out   = fma(alpha, u_g, out)     g ascending, from +0

    `epilogue` is applied to each output after the last group, before it is stored.

    - (C1) `weight` is packed (`#lowbit.packed`) bipolar planes, and `weights` is rank 1 of exactly its size in i8.
    - (C2) `padded : G x M x 4 T` of i8, `bias : G x M` of i32, `sums` and `scales : G x M` of f32, for the weight's group.
    - (C3) `out : M x N` of f32.
    - (C4) all operands are tensors and there is one result, or all are buffers and there is none.
    - (C5) acc_g fits an i32: `128 (2^P - 1) group` does.
    - (C6) the region takes the output and an element of each epilogue operand (rank 1 of N, or M x N), all f32, and
      yields an f32; its ops are element-wise, or constants; from outside it uses constants only.

    Example:
    ```mlir
    %y = lut.integer_matmul ins(%p, %b, %z, %s, %w : tensor<9x?x32xi8>, tensor<9x?xi32>, tensor<9x?xf32>, tensor<9x?xf32>, tensor<31104xi8>)
        outs(%o : tensor<?x131xf32>) {weight = !lowbit.weight<131x264, #lowbit.packed<
            #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>}
        -> tensor<?x131xf32>
    ```
  }];
  let arguments = (ins AnyShaped:$padded, AnyShaped:$bias, AnyShaped:$sums, AnyShaped:$scales, AnyShaped:$weights,
                       Variadic<AnyShaped>:$epilogue_operands, AnyShaped:$out, TypeAttr:$weight);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let regions = (region AnyRegion:$epilogue);
  let assemblyFormat = [{
    `ins` `(` $padded `,` $bias `,` $sums `,` $scales `,` $weights
    `:` type($padded) `,` type($bias) `,` type($sums) `,` type($scales) `,` type($weights) `)`
    (`epilogue` `(` ($epilogue_operands^ `:` type($epilogue_operands))? `)` $epilogue^)?
    `outs` `(` $out `:` type($out) `)` attr-dict (`->` type($result)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getOutMutable(); }
    /// The type of the weight whose bytes `weights` holds.
    ::lutra::lowbit::WeightType getWeightType();
  }];
}

#endif // LUTRA_DIALECTS_LUT_IR_LUTINTEGEROPS_TD
