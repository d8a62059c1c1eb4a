//===- LutDenseOps.td - products of floats with packed planes ---*- tablegen -*-===//
//
// Included by LutOps.td. The exact way: planes become numbers again, a panel at a time, and are multiplied in f32.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LUT_IR_LUTDENSEOPS_TD
#define LUTRA_DIALECTS_LUT_IR_LUTDENSEOPS_TD

include "dialects/lut/IR/LutOpBase.td"

def Lut_DenseMatmulOp : Lut_StructuredOp<"dense_matmul"> {
  let summary = "y = a w^T, from floats and the numbers that packed bit planes stand for";
  let description = [{
    `out[m, n]` as docs/spec/numerics.md, "Dense products", defines it. For codes q of P planes, alpha and zeta of row n and the group of k:

        w[n, k] = f32(alpha ((2 q - (2^P - 1)) + zeta))       in f64, rounded once
        out     = fma(activations[m, k], w[n, k], out)        k ascending, from +0

    The weight stays packed in memory; its numbers are made for a panel of it at a time, which all activation rows share.

    - (C1) `weight` is packed (`#lowbit.packed`) bipolar planes, and `weights` is rank 1 of exactly its size in i8.
    - (C2) `activations : M x K` of f32, K static, for the weight's K.
    - (C3) `out : M x N` of f32.
    - (C4) all operands are tensors and there is one result, or all are buffers and there is none.

    Example:
    ```mlir
    %y = lut.dense_matmul ins(%a, %w : tensor<?x264xf32>, tensor<31104xi8>)
        outs(%o : tensor<?x131xf32>) {weight = !lowbit.weight<131x264, #lowbit.packed<
            #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>}
        -> tensor<?x131xf32>
    ```
  }];
  let arguments = (ins AnyShaped:$activations, AnyShaped:$weights, AnyShaped:$out, TypeAttr:$weight);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `ins` `(` $activations `,` $weights `:` type($activations) `,` type($weights) `)`
    `outs` `(` $out `:` type($out) `)` attr-dict (`->` type($result)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getOutMutable(); }
    /// The type of the weight whose bytes `weights` holds.
    ::lutra::lowbit::WeightType getWeightType();
  }];
}

#endif // LUTRA_DIALECTS_LUT_IR_LUTDENSEOPS_TD
