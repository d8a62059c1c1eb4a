//===- LutNormOps.td - tables of normalized rows ----------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LUT_IR_LUTNORMOPS_TD
#define LUTRA_DIALECTS_LUT_IR_LUTNORMOPS_TD

include "dialects/lut/IR/LutOpBase.td"

def Lut_NormPrecomputeOp : Lut_StructuredOp<"norm_precompute"> {
  let summary = "The lookup tables of a matrix whose rows are normalized first";
  let description = [{
    With x = `activations : M x K` and w = `weight : K`, in the roundings of docs/spec/numerics.md, "Sums of floats":

        r[m]    = f32(1 / sqrt(sum_k(x[m, k]^2) / K + epsilon))      in f64
        y[m, k] = (x[m, k] r[m]) w[k]                                each product rounded to f32

    The outputs are those of `lut.precompute` for y, which is never stored: it is the norm fused into the tables that read it.

    - (C1) `activations` is a matrix of f32 whose K is static, and `weight` K of f32.
    - (C2) `entries : M x G x 16 T`, `scales : M x S` and `sums : M x G` as for `lut.precompute`.
    - (C3) `group` is positive, and `epsilon` is finite.
    - (C4) all operands are tensors and there is a result for each output, or all are buffers and there is none.

    Example:
    ```mlir
    %t:3 = lut.norm_precompute ins(%x, %w : tensor<?x264xf32>, tensor<264xf32>)
        outs(%e, %s, %z : tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>) {epsilon = 1.0e-5 : f32, group = 32 : i64}
        -> tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>
    ```
  }];
  let arguments = (ins AnyShaped:$activations, AnyShaped:$weight, AnyShaped:$entries, AnyShaped:$scales, AnyShaped:$sums,
                       I64Attr:$group, F32Attr:$epsilon, UnitAttr:$symmetric);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $activations `,` $weight `:` type($activations) `,` type($weight) `)`
    `outs` `(` $entries `,` $scales `,` $sums `:` type($entries) `,` type($scales) `,` type($sums) `)`
    attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return ::mlir::MutableOperandRange(*this, 2, 3); }
    /// Which entries share a scale.
    ::lutra::lowbit::TableScale getScaleKind();
    /// Groups along K.
    int64_t getNumGroups();
    /// Tables of 4 activations per group, an even number.
    int64_t getTablesPerGroup() { return (getGroup() + 7) / 8 * 2; }
  }];
}

#endif // LUTRA_DIALECTS_LUT_IR_LUTNORMOPS_TD
