//===- CompositeOps.td - fewer bits of a weight, and its values -*- tablegen -*-===//
//
// Included by LowbitOps.td.
//
//===----------------------------------------------------------------------===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_COMPOSITEOPS_TD
#define LUTRA_DIALECTS_LOWBIT_IR_COMPOSITEOPS_TD

include "dialects/lowbit/IR/LowbitOpBase.td"

def Lowbit_TruncateOp : Lowbit_Op<"truncate", [Pure, DeclareOpInterfaceMethods<Lowbit_WeightValueOpInterface>]> {
  let summary = "A nested weight at some of its bits";
  let description = [{
    The upper b bits of each code, as `#lowbit.nested` says; b is the width of the result's format. Nothing is computed in the IR: who reads
    the weight reads through.

    - (C1) rows and cols of operand and result agree.
    - (C2) the operand is `#lowbit.nested`, and b is from its `min_bits` to the bits of its body.
    - (C3) the result's format is what the operand's is at b bits: the body itself at all of them; else `#lowbit.bipolar` of a uniform or
      bipolar body (with the constant zeta that the body's implies, or one that its numbers give), `#lowbit.bcq` of a BCQ one,
      `#lowbit.codebook` of a codebook.

    Example:
    ```mlir
    %t = lowbit.truncate %w : !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 3>>
        to !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -0.0625 : f32>>
    ```
  }];
  let arguments = (ins Lowbit_WeightType:$source);
  let results = (outs Lowbit_WeightType:$result);
  let assemblyFormat = "$source attr-dict `:` qualified(type($source)) `to` qualified(type($result))";
  let hasVerifier = 1;
}

def Lowbit_DequantizeOp : Lowbit_Op<"dequantize", [Pure]> {
  let summary = "The values of a weight as a tensor";
  let description = [{
    Each element is the weight's value, which f64 holds, rounded once to f32. With `transposed` the tensor is K x N, as a product wants it
    whose innermost loop runs along N.

    Evaluated when the weights file is written, one weight at a time.

    - (C1) the result is N x K (K x N with `transposed`).
    - (C2) the weight is not composite: `lowbit-decompose-weights` takes those apart.

    Example:
    ```mlir
    %v = lowbit.dequantize %w : !lowbit.weight<131x264, #lowbit.codebook<bits = 4, group = 64, table = nf4>> -> tensor<131x264xf32>
    ```
  }];
  let arguments = (ins Lowbit_WeightType:$weight, UnitAttr:$transposed);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = "$weight (`transposed` $transposed^)? attr-dict `:` qualified(type($weight)) `->` type($result)";
  let hasVerifier = 1;
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_COMPOSITEOPS_TD
