//===- LowbitOps.td - mpGEMM on low-bit weights -----------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITOPS_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITOPS_TD

include "dialects/lowbit/IR/LowbitTypes.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Lowbit_Op<string mnemonic, list<Trait> traits = []> : Op<Lowbit_Dialect, mnemonic, traits>;

def Lowbit_WeightOp : Lowbit_Op<"weight", [Pure]> {
  let summary = "A constant weight";
  let description = [{
    `components` are the elements that the format of the result's type asks for (C1); a large one is a `dense_resource`.

    Example:
    ```mlir
    %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>}
        : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
    ```
  }];
  let arguments = (ins DictionaryAttr:$components);
  let results = (outs Lowbit_WeightType:$result);
  let assemblyFormat = "$components attr-dict `:` qualified(type($result))";
  let hasVerifier = 1;
}

def Lowbit_ReinterpretOp : Lowbit_Op<"reinterpret", [Pure]> {
  let summary = "The same weight in another format";
  let description = [{
    Uniform to bipolar planes: alpha = s / 2, zeta = (2^b - 1) - 2 z (LUT Tensor Core, section 3.1.2), zeta computed in f64 and
    rounded once. Bipolar to BCQ: alpha_p = 2^p alpha, beta = alpha zeta, rounded once. The codes stay what they are. Two
    reinterprets in a row fold into one, and one to the same format folds away.

    - (C1) rows and cols of operand and result agree.
    - (C2) the formats are, from operand to result, uniform, bipolar, BCQ in this order, with the same bits and group.
    - (C3) a constant `zeta` of the result is the one that the operand's format implies, where it implies one.

    Example:
    ```mlir
    %p = lowbit.reinterpret %w : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
        to !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>>
    ```
  }];
  let arguments = (ins Lowbit_WeightType:$source);
  let results = (outs Lowbit_WeightType:$result);
  let assemblyFormat = "$source attr-dict `:` qualified(type($source)) `to` qualified(type($result))";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Lowbit_PackOp : Lowbit_Op<"pack", [Pure]> {
  let summary = "The same weight in a target's layout";
  let description = [{
    - (C1) the result's format is `#lowbit.packed` of the operand's format, and rows and cols agree.

    Evaluated when the weights file is written, one weight at a time, so that packing never holds two copies of a model.

    Example:
    ```mlir
    %q = lowbit.pack %p : !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>>
        to !lowbit.weight<2x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>,
                                               #lowbit.layout<rows = 64, alpha = f16>>>
    ```
  }];
  let arguments = (ins Lowbit_WeightType:$source);
  let results = (outs Lowbit_WeightType:$result);
  let assemblyFormat = "$source attr-dict `:` qualified(type($source)) `to` qualified(type($result))";
  let hasVerifier = 1;
}

def Lowbit_PackedDataOp : Lowbit_Op<"packed_data", [Pure]> {
  let summary = "The bytes of a packed weight";
  let description = [{
    The boundary between weights as values and weights as memory: below it there are only bytes. `lutra-externalize-weights` replaces
    it by a view into the weights file.

    - (C1) the weight is packed, and the result is rank 1 of exactly its size.

    Example:
    ```mlir
    %b = lowbit.packed_data %w : !lowbit.weight<2x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>,
                                                                     #lowbit.layout<rows = 64, alpha = f16>>> -> tensor<640xi8>
    ```
  }];
  let arguments = (ins Lowbit_WeightType:$weight);
  let results = (outs RankedTensorOf<[I8]>:$result);
  let assemblyFormat = "$weight attr-dict `:` qualified(type($weight)) `->` type($result)";
  let hasVerifier = 1;
}

def Lowbit_MatmulOp : Lowbit_Op<"matmul", [Pure]> {
  let summary = "y = a w^T with a low-bit weight";
  let description = [{
    `y[m, n] = sum_k a[m, k] w[n, k]`.

    - (C1) K of `a` and the weight agree; M of `a` and the result agree; N of the weight and the result agree.

    Example:
    ```mlir
    %y = lowbit.matmul %a, %w : tensor<?x264xf32>, !lowbit.weight<131x264, #lowbit.uniform<bits = 4, group = 32>> -> tensor<?x131xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$activations, Lowbit_WeightType:$weight);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = "$activations `,` $weight attr-dict `:` type($activations) `,` qualified(type($weight)) `->` type($result)";
  let hasVerifier = 1;
}

def Lowbit_PrecomputeOp : Lowbit_Op<"precompute", [Pure]> {
  let summary = "The lookup tables of an activation matrix";
  let description = [{
    - (C1) M and K of the activations and the table agree.

    Example:
    ```mlir
    %t = lowbit.precompute %a : tensor<?x264xf32> -> !lowbit.table<?x264, group = 32, element = i8>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$activations);
  let results = (outs Lowbit_TableType:$table);
  let assemblyFormat = "$activations attr-dict `:` type($activations) `->` qualified(type($table))";
  let hasVerifier = 1;
}

def Lowbit_AssembleTableOp : Lowbit_Op<"assemble_table", [Pure]> {
  let summary = "A table from the tensors that hold it";
  let description = [{
    What remains of a precompute once it is fused into its producer (`lowbit-fuse-precompute`) or lowered to `lut`.
    With G groups and T tables per group: `entries : tensor<M x G x T*16 x element>`, `scales : tensor<M x G x f32>` (ones for
    an f32 table), `sums : tensor<M x G x f32>`.

    - (C1) the shapes and element types are those of the table's type.

    Example:
    ```mlir
    %t = lowbit.assemble_table %e, %s, %z : tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>
        -> !lowbit.table<?x264, group = 32, element = i8>
    ```
  }];
  let arguments = (ins RankedTensorOf<[AnyType]>:$entries, RankedTensorOf<[F32]>:$scales, RankedTensorOf<[F32]>:$sums);
  let results = (outs Lowbit_TableType:$table);
  let assemblyFormat = [{
    $entries `,` $scales `,` $sums attr-dict `:` type($entries) `,` type($scales) `,` type($sums) `->` qualified(type($table))
  }];
  let hasVerifier = 1;
}

def Lowbit_LookupMatmulOp : Lowbit_Op<"lookup_matmul", [Pure]> {
  let summary = "y = a w^T, with the tables of a instead of a";
  let description = [{
    - (C1) K and group of the table and the weight agree; M of the table and the result agree; N of the weight and the result agree.
    - (C2) the weight is in planes (`#lowbit.bipolar`, `#lowbit.bcq`) or packed planes.

    Example:
    ```mlir
    %y = lowbit.lookup_matmul %t, %p : !lowbit.table<?x264, group = 32, element = i8>,
        !lowbit.weight<131x264, #lowbit.bipolar<planes = 4, group = 32>> -> tensor<?x131xf32>
    ```
  }];
  let arguments = (ins Lowbit_TableType:$table, Lowbit_WeightType:$weight, OptionalAttr<Lowbit_TileAttr>:$tile);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = [{
    $table `,` $weight (`tile` $tile^)? attr-dict `:` qualified(type($table)) `,` qualified(type($weight)) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lowbit_AttentionOp : Lowbit_Op<"attention", [AttrSizedOperandSegments, DestinationStyleOpInterface,
                                                 DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Grouped-query attention over a key-value cache";
  let description = [{
    Destination-style, on tensors or buffers. With batch B, S new tokens, `num_heads` query heads, `kv_heads` key-value heads of size H, P past
    and T present positions: `query : B x S x num_heads*H`, `key` and `value : B x S x kv_heads*H`, `past_key` and
    `past_value : B x kv_heads x P x H`, `seqlens : B` (i32: total length of each sequence minus one, new tokens included), `total : ` rank-0 i32 (the largest total length),
    `cos`, `sin : max_positions x R/2` (rotary over the first R elements of a head; absent: no rotary), `sink : num_heads` (one more term
    exp(sink) of each softmax's denominator). Outputs: `output : B x S x num_heads*H`, `present_key` and `present_value : B x kv_heads x T x H`.

    The tokens of sequence b stand at positions p, p+1, ... with p = 0 when S equals total (a prompt) and seqlens[b] + 1 - S otherwise. Keys are rotated, then
    written with the values into `present` at those positions, below which `present` equals `past`. As buffers, `present` may be the memory of `past` (the cache is then updated
    in place, without a copy) or not overlap it. Query i attends to positions j <= p + i (and j > p + i - window when `window` is positive) with
    softmax(softcap(scale q.k)), where softcap(x) = c tanh(x / c) for c = `softcap` > 0.

    - (C1) the shapes agree as stated; num_heads is a multiple of kv_heads.
    - (C2) `cos` and `sin` come together.

    Example:
    ```mlir
    %o:3 = lowbit.attention ins(%q, %k, %v, %pk, %pv, %len, %total, %cos, %sin : tensor<?x?x64xf32>, tensor<?x?x32xf32>,
        tensor<?x?x32xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?xi32>, tensor<i32>, tensor<128x8xf32>, tensor<128x8xf32>)
        outs(%eo, %ek, %ev : tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>)
        {num_heads = 4 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
        -> tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>
    ```
  }];
  let arguments = (ins AnyShaped:$query, AnyShaped:$key, AnyShaped:$value, AnyShaped:$past_key, AnyShaped:$past_value,
                       AnyShaped:$seqlens, AnyShaped:$total, Optional<AnyShaped>:$cos, Optional<AnyShaped>:$sin,
                       Optional<AnyShaped>:$sink, AnyShaped:$output, AnyShaped:$present_key, AnyShaped:$present_value,
                       I64Attr:$num_heads, I64Attr:$kv_heads, F32Attr:$scale, F32Attr:$softcap, I64Attr:$window,
                       BoolAttr:$interleaved);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable();
  }];
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITOPS_TD
