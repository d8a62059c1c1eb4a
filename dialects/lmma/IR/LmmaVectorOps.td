//===- LmmaVectorOps.td - tables and epilogues in the vector unit -*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LMMA_IR_LMMAVECTOROPS_TD
#define LUTRA_DIALECTS_LMMA_IR_LMMAVECTOROPS_TD

include "dialects/lmma/IR/LmmaBase.td"

/// A number for each row, from the tables `first`, ..., `first + tables - 1` that activations make; into `start`, if there is one.
class Lmma_ReduceTablesOp<string mnemonic> : Lmma_Instruction<mnemonic, [Pure]> {
  let arguments = (ins Lmma_ActsType:$acts, Optional<Lmma_RowsType>:$start, I64Attr:$tables, DefaultValuedAttr<I64Attr, "0">:$first);
  let results = (outs Lmma_RowsType:$result);
  let assemblyFormat = "$acts `tables` $tables (`into` $start^)? attr-dict";
}

def Lmma_AsumOp : Lmma_ReduceTablesOp<"asum"> {
  let summary = "asum: the sums of activations";
  let description = [{
    With t_j = `((a0 + a1) + a2) + a3` of table j: `(..(t_0 + t_1) + ..)`, or `(..(start + t_0) + ..)` in the register of `start`
    (docs/spec/numerics.md, "Tables").

    Example:
    ```mlir
    %s = lmma.asum %x tables 8
    ```
  }];
}

def Lmma_AmaxOp : Lmma_ReduceTablesOp<"amax"> {
  let summary = "amax: the greatest magnitude of the entries";
  let description = [{
    NaN if there is one; at least `start`, in its register.

    Example:
    ```mlir
    %s = lmma.amax %x tables 8
    ```
  }];
}

def Lmma_TableScaleOp : Lmma_Instruction<"table_scale", [Pure]> {
  let summary = "table.scale: the scale of quantized entries, and what they are multiplied by";
  let description = [{
    `ts` and `inv` of docs/spec/numerics.md, "i16 and i8 tables", from the greatest magnitude.

    - (C1) `element` is i8 or i16.

    Example:
    ```mlir
    %ts, %inv = lmma.table_scale %amax as i8
    ```
  }];
  let arguments = (ins Lmma_RowsType:$amax, TypeAttr:$element);
  let results = (outs Lmma_RowsType:$scale, Lmma_RowsType:$inverse);
  let assemblyFormat = "$amax `as` $element attr-dict";
  let hasVerifier = 1;
}

def Lmma_PrecomputeOp : Lmma_Instruction<"precompute", [Pure]> {
  let summary = "precompute: tables of activations";
  let description = [{
    Tables `first`, ... of the activations, rounded once to the entries' type; integer entries are those of integers, and wrap.

    Example:
    ```mlir
    %t = lmma.precompute %x : !lmma.table<8, f32>
    ```
  }];
  let arguments = (ins Lmma_ActsType:$acts, DefaultValuedAttr<I64Attr, "0">:$first);
  let results = (outs Lmma_TableType:$result);
  let assemblyFormat = "$acts attr-dict `:` type($result)";
}

def Lmma_QuantizeOp : Lmma_Instruction<"quantize", [Pure]> {
  let summary = "quantize: tables of activations, divided by a scale and rounded";
  let description = [{
    Tables `first`, ... of the activations, times `inverse`, rounded to the nearest integer, within 127 or 32767; 0 where `inverse` is 0.

    - (C1) entries are i8 or i16.

    Example:
    ```mlir
    %t = lmma.quantize %x, %inv : !lmma.table<8, i8>
    ```
  }];
  let arguments = (ins Lmma_ActsType:$acts, Lmma_RowsType:$inverse, DefaultValuedAttr<I64Attr, "0">:$first);
  let results = (outs Lmma_TableType:$result);
  let assemblyFormat = "$acts `,` $inverse attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Lmma_SetRowsOp : Lmma_Instruction<"set_rows", [Pure]> {
  let summary = "set.rows: the same number in every row";
  let description = [{
    - (C1) the value is finite.

    Example:
    ```mlir
    %s = lmma.set_rows 1.0
    ```
  }];
  let arguments = (ins F32Attr:$value);
  let results = (outs Lmma_RowsType:$result);
  let assemblyFormat = "custom<Float>($value) attr-dict";
  let hasVerifier = 1;
}

def Lmma_MulRowsOp : Lmma_Instruction<"mul_rows", [Pure]> {
  let summary = "mul.rows: the products of two numbers of each row";
  let description = [{
    Example:
    ```mlir
    %s = lmma.mul_rows %sum, %scale
    ```
  }];
  let arguments = (ins Lmma_RowsType:$lhs, Lmma_RowsType:$rhs);
  let results = (outs Lmma_RowsType:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict";
}

def Lmma_SpreadOp : Lmma_Instruction<"spread", [Pure]> {
  let summary = "spread: a tile whose rows are all the same columns";
  let description = [{
    `result[r][c] = columns[c]`.

    Example:
    ```mlir
    %y = lmma.spread %bias
    ```
  }];
  let arguments = (ins Lmma_ColsType:$columns);
  let results = (outs Lmma_F32Tile:$result);
  let assemblyFormat = "$columns attr-dict";
}

/// An element-wise operation on two tiles, rounded once.
class Lmma_BinaryOp<string mnemonic> : Lmma_Instruction<mnemonic, [Pure]> {
  let arguments = (ins Lmma_F32Tile:$lhs, Lmma_F32Tile:$rhs);
  let results = (outs Lmma_F32Tile:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict";
}

def Lmma_AddOp : Lmma_BinaryOp<"add"> {
  let summary = "add.f32: element-wise, for what follows a product";
  let description = [{
    Example:
    ```mlir
    %r = lmma.add %y, %residual
    ```
  }];
}

def Lmma_SubOp : Lmma_BinaryOp<"sub"> {
  let summary = "sub.f32: element-wise";
  let description = [{
    Example:
    ```mlir
    %r = lmma.sub %y, %z
    ```
  }];
}

def Lmma_MulOp : Lmma_BinaryOp<"mul"> {
  let summary = "mul.f32: element-wise";
  let description = [{
    Example:
    ```mlir
    %r = lmma.mul %y, %z
    ```
  }];
}

def Lmma_MaxOp : Lmma_BinaryOp<"max"> {
  let summary = "max.f32: element-wise; NaN where one is, and +0 is above -0";
  let description = [{
    Example:
    ```mlir
    %r = lmma.max %y, %zero
    ```
  }];
}

def Lmma_MinOp : Lmma_BinaryOp<"min"> {
  let summary = "min.f32: element-wise; NaN where one is, and -0 is below +0";
  let description = [{
    Example:
    ```mlir
    %r = lmma.min %y, %z
    ```
  }];
}

def Lmma_DivOp : Lmma_BinaryOp<"div"> {
  let summary = "div.f32: element-wise";
  let description = [{
    Example:
    ```mlir
    %r = lmma.div %y, %z
    ```
  }];
}

/// A function of each number of a tile, whose bits docs/spec/numerics.md, "Functions", fixes.
class Lmma_FunctionOp<string mnemonic> : Lmma_Instruction<mnemonic, [Pure]> {
  let arguments = (ins Lmma_F32Tile:$source);
  let results = (outs Lmma_F32Tile:$result);
  let assemblyFormat = "$source attr-dict";
}

def Lmma_ExpOp : Lmma_FunctionOp<"exp"> {
  let summary = "exp.f32: e^x, element-wise";
  let description = [{
    The sequence of f32 operations of docs/spec/numerics.md, "Functions".

    Example:
    ```mlir
    %e = lmma.exp %y
    ```
  }];
}

def Lmma_ErfOp : Lmma_FunctionOp<"erf"> {
  let summary = "erf.f32: the error function, element-wise";
  let description = [{
    The sequence of f32 operations of docs/spec/numerics.md, "Functions".

    Example:
    ```mlir
    %e = lmma.erf %y
    ```
  }];
}

def Lmma_TanhOp : Lmma_FunctionOp<"tanh"> {
  let summary = "tanh.f32: the hyperbolic tangent, element-wise";
  let description = [{
    The sequence of f32 operations of docs/spec/numerics.md, "Functions".

    Example:
    ```mlir
    %t = lmma.tanh %y
    ```
  }];
}

def Lmma_SquaresOp : Lmma_Instruction<"squares", [Pure]> {
  let summary = "squares: the sum of the squares of activations, in f64";
  let description = [{
    `(..(x[r][0]^2 + x[r][1]^2) + ..)` over the first `count` activations, ascending from +0 or from `start`, in whose register it then is. A square of a f32 is exact.

    - (C1) `count` is positive.

    Example:
    ```mlir
    %d = lmma.squares %x count 64
    %e = lmma.squares %x count 32 into %d
    ```
  }];
  let arguments = (ins Lmma_ActsType:$acts, I64Attr:$count, Optional<Lmma_SumsType>:$start);
  let results = (outs Lmma_SumsType:$result);
  let assemblyFormat = "$acts `count` $count (`into` $start^)? attr-dict";
  let hasVerifier = 1;
}

def Lmma_NormOp : Lmma_Instruction<"norm", [Pure]> {
  let summary = "norm: what a row is multiplied by so that its mean square is 1";
  let description = [{
    `f32(1 / sqrt(sums[r] / count + epsilon))`, all in f64 (docs/spec/numerics.md, "Sums of floats").

    - (C1) `count` is positive, and `epsilon` is finite.

    Example:
    ```mlir
    %r = lmma.norm %d count 576 epsilon 1.0e-5
    ```
  }];
  let arguments = (ins Lmma_SumsType:$sums, I64Attr:$count, F32Attr:$epsilon);
  let results = (outs Lmma_RowsType:$result);
  let assemblyFormat = "$sums `count` $count `epsilon` custom<Float>($epsilon) attr-dict";
  let hasVerifier = 1;
}

def Lmma_MulActsOp : Lmma_Instruction<"mul_acts", [Pure]> {
  let summary = "mul.act: element-wise products of activations, rounded once";
  let description = [{
    Example:
    ```mlir
    %y = lmma.mul_acts %x, %weight
    ```
  }];
  let arguments = (ins Lmma_ActsType:$lhs, Lmma_ActsType:$rhs);
  let results = (outs Lmma_ActsType:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict";
}

def Lmma_ScaleActsOp : Lmma_Instruction<"scale_acts", [Pure]> {
  let summary = "scale.act: activations times a number of their row, rounded once";
  let description = [{
    Example:
    ```mlir
    %y = lmma.scale_acts %x, %r
    ```
  }];
  let arguments = (ins Lmma_ActsType:$acts, Lmma_RowsType:$factor);
  let results = (outs Lmma_ActsType:$result);
  let assemblyFormat = "$acts `,` $factor attr-dict";
}

#endif // LUTRA_DIALECTS_LMMA_IR_LMMAVECTOROPS_TD
