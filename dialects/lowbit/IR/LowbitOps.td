//===- LowbitOps.td - mpGEMM on low-bit weights -----------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITOPS_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITOPS_TD

include "dialects/lowbit/IR/LowbitOpBase.td"

def Lowbit_WeightOp : Lowbit_Op<"weight", [Pure, DeclareOpInterfaceMethods<Lowbit_WeightValueOpInterface>]> {
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

def Lowbit_ReinterpretOp : Lowbit_Op<"reinterpret", [Pure, DeclareOpInterfaceMethods<Lowbit_WeightValueOpInterface>]> {
  let summary = "The same weight in another format";
  let description = [{
    Uniform (ternary: 2-bit codes with z = 1) to bipolar planes: alpha = s / 2, zeta = (2^b - 1) - 2 z (LUT Tensor Core, section 3.1.2), zeta computed in f64 and
    rounded once. Bipolar to BCQ: alpha_p = 2^p alpha, beta = alpha zeta, rounded once. The codes stay what they are. Two
    reinterprets in a row fold into one, and one to the same format folds away.

    - (C1) rows and cols of operand and result agree.
    - (C2) the formats are, from operand to result, uniform or ternary, bipolar, BCQ in this order, with the same bits, group and `per`; the
      result's `scale` is f32, since its alphas are computed.
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

def Lowbit_ConcatRowsOp : Lowbit_Op<"concat_rows", [Pure, DeclareOpInterfaceMethods<Lowbit_WeightValueOpInterface>]> {
  let summary = "Weights of one format, one below the other";
  let description = [{
    The rows of the first operand, then those of the second, and so on: Q, K and V as one product. Nothing is copied until the result is
    packed.

    - (C1) the operands have the same K, and the rows of the result are theirs together; there is at least one.
    - (C2) the format of the result is that of each operand, except that it may share less (`per` goes from tensor to channel to group; with
      more than one operand nothing belongs to all rows: not a scale, nor the table or global scale of a codebook), have `scale = f32`, and have
      no constant zeta.
    - (C3) the weights are not packed, nor made of other weights.

    Example:
    ```mlir
    %w = lowbit.concat_rows %q, %k : !lowbit.weight<8x16, #lowbit.uniform<bits = 4, group = 16>>,
        !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>> -> !lowbit.weight<10x16, #lowbit.uniform<bits = 4, group = 16>>
    ```
  }];
  let arguments = (ins Variadic<Lowbit_WeightType>:$sources);
  let results = (outs Lowbit_WeightType:$result);
  let assemblyFormat = "$sources attr-dict `:` qualified(type($sources)) `->` qualified(type($result))";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Lowbit_PackOp : Lowbit_Op<"pack", [Pure, DeclareOpInterfaceMethods<Lowbit_WeightValueOpInterface>]> {
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

def Lowbit_MatmulOp : Lowbit_Op<"matmul", [Pure, AttrSizedOperandSegments]> {
  let summary = "y = a w^T with a low-bit weight";
  let description = [{
    `y[m, n] = sum_k a[m, k] w[n, k]`.

    - (C1) K of `a` and the weight agree; M of `a` and the result agree; N of the weight and the result agree.
    - (C2) activations in i8 are codes: they come with `scales`, M x 1 (per token) or M x G (per group of the weight), and stand for
      scale times code; others come without.
    - (C3) `act_bits`, 2 to 8, is for codes: they lie in [-2^(act_bits-1), 2^(act_bits-1) - 1]. 8 when absent.
    - (C4) the result is f32, or of the activations' float type: then the f32 result is rounded once.
    - (C5) `table` fits the activations: the sums of four codes are exact in i16, and in i8 when act_bits is at most 5; their scale
      is `row` for scales M x 1 and `group` for M x G.

    `strategy` says how it is to be computed (`lowbit-select-strategy`); without it, by lookup. `int8` quantizes float activations to 8 bits with
    a scale per group of the weight first (`lowbit-quantize-products`). `table` is the kind of tables that the
    lookup uses (`lowbit-quantize-tables`); without it, that is the split's choice. `precision` is the number of bits at which a nested
    weight is run, chosen at run time (`lowbit-decompose-weights`).

    Example:
    ```mlir
    %y = lowbit.matmul %a, %w : tensor<?x264xf32>, !lowbit.weight<131x264, #lowbit.uniform<bits = 4, group = 32>> -> tensor<?x131xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32, F16, BF16, I8]>:$activations, Lowbit_WeightType:$weight,
                       Optional<RankedTensorOf<[F32]>>:$scales, Optional<I32>:$precision,
                       OptionalAttr<Lowbit_StrategyAttr>:$strategy, OptionalAttr<Lowbit_TableKindAttr>:$table,
                       OptionalAttr<I64Attr>:$act_bits);
  let results = (outs RankedTensorOf<[F32, F16, BF16]>:$result);
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$activations, "::mlir::Value":$weight), [{
    build($_builder, $_state, result, activations, weight, /*scales=*/::mlir::Value(), /*precision=*/::mlir::Value(),
          StrategyAttr(), TableKindAttr(), ::mlir::IntegerAttr());
  }]>];
  let assemblyFormat = [{
    $activations `,` $weight (`scales` `(` $scales^ `:` type($scales) `)`)? (`precision` `(` $precision^ `)`)? attr-dict
    `:` type($activations) `,` qualified(type($weight)) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Whether the activations are integer codes with scales.
    bool hasIntegerActivations();
    /// Bits of the codes: `act_bits`, or 8.
    int64_t getActivationBits();
    /// The kind of tables that integer activations have when `table` names none: exact.
    TableKindAttr getExactIntegerTable();
  }];
}

def Lowbit_QuantizeActivationsOp : Lowbit_Op<"quantize_activations", [Pure]> {
  let summary = "Activations as low-bit codes and scales, chosen at run time";
  let description = [{
    For each row, cut along K into groups of `group` (the last may be short; absent: one group of all K), with m the largest magnitude:

    - `absmax` (BitNet's A8, for any width): Q = 2^(bits-1) - 1, s = Q / max(m, 1e-5), code = clamp(round(a s), -Q - 1, Q);
    - `bipolar`: Q = 2^bits - 1, s = Q / max(m, 1e-5), code = the odd integer nearest to a s, within [-Q, Q]: `bits` planes of -1 and +1.

    The scale handed out is 1 / s, so an activation is about scale times code. docs/spec/numerics.md, "Integer activations", has every
    rounding. `bipolar` codes of b bits need `act_bits = b + 1` of a product.

    - (C1) the codes have the activations' shape, and the scales are M x groups.
    - (C2) `bits` is 2 to 8 for absmax and 1 to 7 for bipolar; K and `group` are positive.

    Example:
    ```mlir
    %q, %s = lowbit.quantize_activations %a {bits = 8 : i64, kind = #lowbit.codes<absmax>}
        : tensor<?x264xf32> -> tensor<?x264xi8>, tensor<?x1xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$activations, I64Attr:$bits, OptionalAttr<I64Attr>:$group,
                       Lowbit_ActivationCodesAttr:$kind);
  let results = (outs RankedTensorOf<[I8]>:$codes, RankedTensorOf<[F32]>:$scales);
  let assemblyFormat = "$activations attr-dict `:` type($activations) `->` type($codes) `,` type($scales)";
  let hasVerifier = 1;
}

def Lowbit_PrecomputeOp : Lowbit_Op<"precompute", [Pure]> {
  let summary = "The lookup tables of an activation matrix";
  let description = [{
    - (C1) M and K of the activations and the table agree.
    - (C2) activations in i8 are codes: they come with `scales`, M x 1 for a table whose scale is `row` and M x G for `group`, and its
      element is i16, or i8 when `act_bits` (8 when absent) is at most 5. Others come without.

    Example:
    ```mlir
    %t = lowbit.precompute %a : tensor<?x264xf32> -> !lowbit.table<?x264, group = 32, element = i8>
    %u = lowbit.precompute %q scales(%s : tensor<?x1xf32>) : tensor<?x264xi8> -> !lowbit.table<?x264, group = 32, element = i16, scale = row>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32, F16, BF16, I8]>:$activations, Optional<RankedTensorOf<[F32]>>:$scales,
                       OptionalAttr<I64Attr>:$act_bits);
  let results = (outs Lowbit_TableType:$table);
  let builders = [OpBuilder<(ins "::mlir::Type":$table, "::mlir::Value":$activations), [{
    build($_builder, $_state, table, activations, /*scales=*/::mlir::Value(), ::mlir::IntegerAttr());
  }]>];
  let assemblyFormat = [{
    $activations (`scales` `(` $scales^ `:` type($scales) `)`)? attr-dict `:` type($activations) `->` qualified(type($table))
  }];
  let hasVerifier = 1;
}

def Lowbit_AssembleTableOp : Lowbit_Op<"assemble_table", [Pure]> {
  let summary = "A table from the tensors that hold it";
  let description = [{
    What remains of a precompute once it is fused into its producer (`lowbit-fuse-precompute`) or lowered to `lut`.
    With G groups and T tables per group: `entries : tensor<M x G x T*16 x element>`, `scales : tensor<M x S x f32>` with S = G*T for
    `scale = table`, G for `group` and 1 for `row` (ones for a table of floats), `sums : tensor<M x G x f32>`.

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
    - (C3) the region takes the output and an element of each epilogue operand, all f32, and yields an f32; its ops are
      element-wise, or constants; from outside it uses constants only.
    - (C4) an epilogue operand is `tensor<N>` (one element per channel) or M x N, of f32.
    - (C5) a table of three activations (`width = 3`) meets a weight of two planes with zeta 1, whose codes are 0, 1 and 2; packed, it lies in `lookup_triples`, and only then.

    `epilogue` is applied to each output after the last group: what it yields is stored. Its ops round as they do anywhere
    else (`lowbit-fuse-epilogue`).

    Example:
    ```mlir
    %y = lowbit.lookup_matmul %t, %p : !lowbit.table<?x264, group = 32, element = i8>,
        !lowbit.weight<131x264, #lowbit.bipolar<planes = 4, group = 32>> -> tensor<?x131xf32>
    %z = lowbit.lookup_matmul %t, %p epilogue(%bias : tensor<131xf32>) {
    ^bb0(%out: f32, %b: f32):
      %sum = arith.addf %out, %b : f32
      lowbit.yield %sum : f32
    } : !lowbit.table<?x264, group = 32, element = i8>,
        !lowbit.weight<131x264, #lowbit.bipolar<planes = 4, group = 32>> -> tensor<?x131xf32>
    ```
  }];
  let arguments = (ins Lowbit_TableType:$table, Lowbit_WeightType:$weight,
                       Variadic<RankedTensorOf<[F32]>>:$epilogue_operands, OptionalAttr<Lowbit_TileAttr>:$tile);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let regions = (region AnyRegion:$epilogue);
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$table, "::mlir::Value":$weight,
                                 "TileAttr":$tile), [{
    build($_builder, $_state, result, table, weight, ::mlir::ValueRange(), tile);
  }]>];
  let assemblyFormat = [{
    $table `,` $weight (`tile` $tile^)?
    (`epilogue` `(` ($epilogue_operands^ `:` type($epilogue_operands))? `)` $epilogue^)? attr-dict `:` qualified(type($table)) `,` qualified(type($weight)) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lowbit_YieldOp : Lowbit_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "What an epilogue makes of an output";
  let description = [{
    Ends the region of a product's epilogue (`lowbit.lookup_matmul`, `lut.matmul`).

    Example:
    ```mlir
    lowbit.yield %sum : f32
    ```
  }];
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
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

    A cache holds f32, f16, or codes of `cache_bits` bits, 8 or 4, in bytes (`i8`), each element of a head being a code times a scale. A line of a cache (its last
    dimension, one head at one position) is then the head's codes, bytes or pairs of 4 bits, the first of a pair in the low half and each plus 8. With `cache_group` = G, a
    scale of f16 for each G elements follows the codes in the line; it is chosen when the line is written. Without, `k_scale` and `v_scale : kv_heads*H` are the scales of all
    positions. How codes are chosen is in docs/spec/numerics.md, "Quantized caches".

    - (C1) the shapes agree as stated; num_heads is a multiple of kv_heads.
    - (C2) `cos` and `sin` come together.
    - (C3) a cache of f32 or f16 has none of `cache_bits`, `cache_group`, `k_scale` and `v_scale`; one of i8 has `cache_bits` 8 or 4 and either `cache_group`, which divides
      the head size, or both scales. The head size is static then; for 4 bits it and `cache_group` are even.

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
                       Optional<AnyShaped>:$sink, Optional<AnyShaped>:$k_scale, Optional<AnyShaped>:$v_scale,
                       AnyShaped:$output, AnyShaped:$present_key, AnyShaped:$present_value,
                       I64Attr:$num_heads, I64Attr:$kv_heads, F32Attr:$scale, F32Attr:$softcap, I64Attr:$window,
                       BoolAttr:$interleaved, OptionalAttr<I64Attr>:$cache_bits, OptionalAttr<I64Attr>:$cache_group);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable();
    /// Elements of a head, or dynamic.
    int64_t getHeadSize();
    /// Bytes of a line of codes and scales for heads of `size`, if the cache holds codes.
    static int64_t getLineBytes(int64_t size, int64_t bits, int64_t group) {
      return size * bits / 8 + (group == 0 ? 0 : size / group * 2);
    }
  }];
}

include "dialects/lowbit/IR/CompositeOps.td"

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITOPS_TD
