//===- LmmaOps.td - instructions of a LUT tensor core -----------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LMMA_IR_LMMAOPS_TD
#define LUTRA_DIALECTS_LMMA_IR_LMMAOPS_TD

include "dialects/lmma/IR/LmmaBase.td"
include "dialects/lmma/IR/LmmaMemoryOps.td"
include "dialects/lmma/IR/LmmaVectorOps.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Lmma_KernelOp : Lmma_Op<"kernel", [Symbol, IsolatedFromAbove, SingleBlock, NoTerminator]> {
  let summary = "A program that a launch runs";
  let description = [{
    The arguments of `type` are the DRAM buffers that a launch binds, in order.

    - (C1) every argument is a buffer of i8, i16, i32, f16, bf16, f8E4M3FN, f8E5M2 or f32 with identity layout; only its first size may be dynamic: it is M, the rows
      of a launch, the same for all.
    - (C2) there are no results.
    - (C3) `grid`, if there is one, is three numbers: the columns of blocks (at least 1), the rows of a block (0: all), and the
      swizzle (at least 1), the columns that the blocks of all rows take before the next ones are begun. Each block runs the body
      on a core of its own; M, `rows` and row 0 are then the block's.
    - (C4) nothing reads or writes a shared buffer between a copy into it and the `lmma.wait` for its token, but copies with the same token. The
      copies on their way at the end of a loop's body are those at its start.

    Example:
    ```mlir
    lmma.kernel @clear(%out : memref<?x128xf32>) {
      %zero = lmma.zero : !lmma.acc<f32>
      lmma.for %m = 0 to rows(1) step 2 {
        lmma.store %zero, %out[%m, 64] : memref<?x128xf32>
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<DenseI64ArrayAttr>:$grid);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::TypeRange":$buffers)>];
  let skipDefaultBuilders = 1;
}

def Lmma_BlockColumnOp : Lmma_Op<"block_column", [Pure, HasParent<"KernelOp">]> {
  let summary = "The column of the block that runs, from 0 to below the grid's columns";
  let description = [{
    - (C1) the kernel has a grid, and one op that names its column.

    Example:
    ```mlir
    lmma.kernel @clear(%out : memref<?x128xf32>) attributes {grid = array<i64: 2, 16, 1>} {
      %c = lmma.block_column
      %zero = lmma.zero : !lmma.acc<f32>
      lmma.for %m = 0 to rows(1) step 2 {
        lmma.store %zero, %out[%m, %c * 64] : memref<?x128xf32>
      }
    }
    ```
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

def Lmma_LaunchOp : Lmma_Op<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Run a kernel on buffers of the host, to completion";
  let description = [{
    Reads every buffer and writes those that the kernel stores to.

    - (C1) `kernel` names an `lmma.kernel` of the module.
    - (C2) the buffers have the element types and static sizes of the kernel's arguments; strides are free but for the innermost,
      which is 1.

    Example:
    ```mlir
    lmma.kernel @clear(%out : memref<?x128xf32>) {}
    lmma.launch @clear(%y) : memref<?x128xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Arg<Variadic<AnyMemRef>, "", [MemRead, MemWrite]>:$buffers);
  let assemblyFormat = "$kernel `(` $buffers `)` attr-dict `:` type($buffers)";
}

def Lmma_ForOp : Lmma_Instruction<"for", [SingleBlock, RecursiveMemoryEffects, AutomaticAllocationScope]> {
  let summary = "A counted loop over constants or over the rows of the launch";
  let description = [{
    The counter takes `lower`, `lower + step`, ... below `upper`; a bound is a number or `rows(k)`, M rounded down to a multiple of k. Carried
    values keep their registers through the loop.

    - (C1) `step` is positive and a constant bound is not negative.
    - (C2) initial values, region arguments, yielded values and results agree in number and type.

    Example:
    ```mlir
    %r = lmma.for %g = 0 to 9 step 1 carry(%y = %init : !lmma.acc<f32>) {
      lmma.yield %y : !lmma.acc<f32>
    }
    ```
  }];
  let arguments = (ins Lmma_BoundAttr:$lower, Lmma_BoundAttr:$upper, I64Attr:$step, Variadic<AnyType>:$inits);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "BoundAttr":$lower, "BoundAttr":$upper, "int64_t":$step, "::mlir::ValueRange":$inits,
      "::llvm::function_ref<::llvm::SmallVector<::mlir::Value>(::mlir::OpBuilder &, ::mlir::Value, ::mlir::ValueRange)>":$body)>];
  let extraClassDeclaration = [{
    ::mlir::Value getCounter() { return getBody().getArgument(0); }
    ::mlir::ValueRange getCarried() { return getBody().getArguments().drop_front(); }
    YieldOp getYield();
  }];
}

def Lmma_YieldOp : Lmma_Op<"yield", [Pure, Terminator, HasParent<"ForOp">]> {
  let summary = "The values that a loop carries to its next iteration";
  let description = [{
    Ends the body of an `lmma.for`, with a value for each that the loop carries.

    Example:
    ```mlir
    %init = lmma.zero : !lmma.acc<f32>
    %r = lmma.for %g = 0 to 9 step 1 carry(%y = %init : !lmma.acc<f32>) {
      lmma.yield %y : !lmma.acc<f32>
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Lmma_LoadTableOp : Lmma_AccessOp<"load_table"> {
  let summary = "ld.table: the half tables of m rows";
  let description = [{
    `result[r][t][e] = buffer[row + r, group, pitch t + first + e]` for e < 8, at the indices (row, group, first); rows past M are
    zero. `pitch` is 16 when it is left out, the place of a whole table; 8 where halves lie one after the other.

    - (C1) the buffer is `M x G x E` of the table's element type, and there are three indices.

    Example:
    ```mlir
    %t = lmma.load_table %entries[%m, %g, 0] : memref<?x9x128xi8> -> !lmma.table<8, i8>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$buffer, Variadic<Index>:$indices, AffineMapAttr:$map,
                       OptionalAttr<I64Attr>:$pitch);
  let results = (outs Lmma_TableType:$result);
  let assemblyFormat = "$buffer `` custom<AffineIndices>($indices, $map) attr-dict `:` type($buffer) `->` type($result)";
}

def Lmma_LoadRowsOp : Lmma_AccessOp<"load_rows"> {
  let summary = "ld.rows: one f32 for each of m rows";
  let description = [{
    `result[r] = buffer[row + r, group]` at the indices (row, group); rows past M are zero.

    - (C1) the buffer is `M x G` of f32, and there are two indices.

    Example:
    ```mlir
    %s = lmma.load_rows %scales[%m, %g] : memref<?x9xf32>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$buffer, Variadic<Index>:$indices, AffineMapAttr:$map);
  let results = (outs Lmma_RowsType:$result);
  let assemblyFormat = "$buffer `` custom<AffineIndices>($indices, $map) attr-dict `:` type($buffer)";
}

def Lmma_LoadWeightsOp : Lmma_AccessOp<"load_weights"> {
  let summary = "ld.weights: the codes of n output rows";
  let description = [{
    Plane p of `result` is the n * tables / 2 bytes at the index plus p * `pitch`.

    - (C1) the buffer is of rank 1, of i8, and there is one index.
    - (C2) the tile's tables are even in number.

    Example:
    ```mlir
    %w = lmma.load_weights %weights[%g * 1152] pitch 256 : memref<10368xi8> -> !lmma.weights<4, 8>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$buffer, Variadic<Index>:$indices, AffineMapAttr:$map, I64Attr:$pitch);
  let results = (outs Lmma_WeightsType:$result);
  let assemblyFormat = [{
    $buffer `` custom<AffineIndices>($indices, $map) `pitch` $pitch attr-dict `:` type($buffer) `->` type($result)
  }];
}

def Lmma_LoadColsOp : Lmma_AccessOp<"load_cols"> {
  let summary = "ld.cols: one number for each of n columns, converted to f32";
  let description = [{
    From a buffer of bytes (i8) at a byte; from one of `memory` at an element: then columns past its end are 0.

    - (C1) the buffer is of rank 1, of i8 or `memory`, and there is one index.
    - (C2) `memory` is f16, bf16, f32 or i8 (signed): all convert exactly.

    Example:
    ```mlir
    %c = lmma.load_cols %weights[%g * 1152 + 1024] as f16 : memref<10368xi8>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$buffer, Variadic<Index>:$indices, AffineMapAttr:$map, TypeAttr:$memory);
  let results = (outs Lmma_ColsType:$result);
  let assemblyFormat = "$buffer `` custom<AffineIndices>($indices, $map) `as` $memory attr-dict `:` type($buffer)";
}

def Lmma_SetColsOp : Lmma_Instruction<"set_cols", [Pure]> {
  let summary = "set.cols: the same number in every column";
  let description = [{
    - (C1) the value is finite.

    Example:
    ```mlir
    %c = lmma.set_cols -1.0
    ```
  }];
  let arguments = (ins F32Attr:$value);
  let results = (outs Lmma_ColsType:$result);
  let assemblyFormat = "custom<Float>($value) attr-dict";
  let hasVerifier = 1;
}

def Lmma_ZeroOp : Lmma_Instruction<"zero"> {
  let summary = "zero: accumulators to start from";
  let description = [{
    Each is its own tile, to be overwritten by what accumulates into it: two are never merged. With `negative` they are -0, to which
    the first f32 entry is added without a change, be it +0 or -0.

    - (C1) `negative` is for f32.

    Example:
    ```mlir
    %a = lmma.zero : !lmma.acc<i32>
    ```
  }];
  let arguments = (ins UnitAttr:$negative);
  let results = (outs Res<Lmma_AccumulatorType, "", [MemAlloc]>:$result);
  let assemblyFormat = "(`negative` $negative^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Lmma_MmaOp : Lmma_Instruction<"mma", [Pure, AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "lmma.m2n64k4: one step of the array";
  let description = [{
    O[m, n] = A[m, k] x W[n, k] + Accum[m, n] (LUT Tensor Core, section 3.3.1), bit-serial over `bits` planes of the weights:
    `result[r][c] = accumulator[r][c] + sum_{p < bits} 2^p T[r][index(p, c)]`, where T is table `step` of `table` and index(p, c) the code of
    column c, table `weight_step` and plane `plane + p` of `weights`. The result takes the accumulator's register.

    - (C1) i8 and i16 entries accumulate in i32, f16 and f32 entries in f32.
    - (C2) the steps and planes named are in the tiles.
    - (C3) `bits` is 1 to 8. In f32, planes are added as `fma(2^p, T, ...)`, p ascending.
    - (C4) with `kind` "ternary" the planes are two of equal weight, whose sum is twice the weights' -1, 0 and 1; with "fp4" they are
      the sign, the mantissa and the two exponent bits of e2m1 numbers (not codes), and four times their products are added; without it
      planes of -1 and +1.

    Example:
    ```mlir
    %r = lmma.mma %a, %t[3], %w[3, 0] bits 4 : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
    ```
  }];
  let arguments = (ins Lmma_AccumulatorType:$accumulator, Lmma_TableType:$table, Lmma_WeightsType:$weights, I64Attr:$step,
                       I64Attr:$weight_step, I64Attr:$plane, I64Attr:$bits, DefaultValuedAttr<I64Attr, "2">:$m,
                       DefaultValuedAttr<I64Attr, "64">:$n, DefaultValuedAttr<I64Attr, "4">:$k, OptionalAttr<StrAttr>:$kind);
  let results = (outs Lmma_AccumulatorType:$result);
  let assemblyFormat = [{
    $accumulator `,` $table `[` $step `]` `,` $weights `[` $weight_step `,` $plane `]` `bits` $bits attr-dict
    `:` type($accumulator) `,` type($table) `,` type($weights)
  }];
  let hasVerifier = 1;
}

def Lmma_MmaToOp : Lmma_Instruction<"mma_to", [Pure]> {
  let summary = "lmma.m2n64k4 whose O is not the type of its accumulator";
  let description = [{
    As `lmma.mma`, but the sum leaves the array rounded to `out`, into a tile of its own; the accumulator stays as it was. An i32 sum
    is converted to f32 first.

    - (C1) to (C4) as of `lmma.mma`.
    - (C5) `out` is f32 or f16, and not the accumulator's type.

    Example:
    ```mlir
    %r = lmma.mma_to %a, %t[3], %w[3, 0] bits 4 out f16 : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
    ```
  }];
  let arguments = (ins Lmma_AccumulatorType:$accumulator, Lmma_TableType:$table, Lmma_WeightsType:$weights, I64Attr:$step,
                       I64Attr:$weight_step, I64Attr:$plane, I64Attr:$bits, TypeAttr:$out, DefaultValuedAttr<I64Attr, "2">:$m,
                       DefaultValuedAttr<I64Attr, "64">:$n, DefaultValuedAttr<I64Attr, "4">:$k, OptionalAttr<StrAttr>:$kind);
  let results = (outs Lmma_F32Tile:$result);
  let assemblyFormat = [{
    $accumulator `,` $table `[` $step `]` `,` $weights `[` $weight_step `,` $plane `]` `bits` $bits `out` $out attr-dict
    `:` type($accumulator) `,` type($table) `,` type($weights)
  }];
  let hasVerifier = 1;
}

def Lmma_ShiftOp : Lmma_Instruction<"shift", [Pure]> {
  let summary = "shift.f32: add an exact plane at its weight";
  let description = [{
    `result = fma(2^plane, source, accumulator)`, in the accumulator's register.

    - (C1) `plane` is 0 to 7.

    Example:
    ```mlir
    %r = lmma.shift %a, %b plane 2
    ```
  }];
  let arguments = (ins Lmma_F32Tile:$accumulator, Lmma_F32Tile:$source, I64Attr:$plane);
  let results = (outs Lmma_F32Tile:$result);
  let assemblyFormat = [{ $accumulator `,` $source `plane` $plane attr-dict }];
  let hasVerifier = 1;
}

def Lmma_ScaleOp : Lmma_Instruction<"scale", [Pure]> {
  let summary = "scale: a group's sum into the output, with scales and the zero-point correction";
  let description = [{
    `result[r][c] = fma(alpha[c], fma(scale[r], f32(source[r][c]), zeta[c] * sum[r]), output[r][c])`, in the output's register
    (docs/spec/numerics.md, "Lookup matmul").

    Example:
    ```mlir
    %r = lmma.scale %y, %a, %scale, %sum, %alpha, %zeta : !lmma.acc<i32>
    ```
  }];
  let arguments = (ins Lmma_F32Tile:$output, Lmma_AccumulatorType:$source, Lmma_RowsType:$scale, Lmma_RowsType:$sum,
                       Lmma_ColsType:$alpha, Lmma_ColsType:$zeta);
  let results = (outs Lmma_F32Tile:$result);
  let assemblyFormat = [{
    $output `,` $source `,` $scale `,` $sum `,` $alpha `,` $zeta attr-dict `:` type($source)
  }];
}

def Lmma_FmaRowsOp : Lmma_Instruction<"fma_rows", [Pure]> {
  let summary = "fma.rows: a sum, scaled by row, into a tile";
  let description = [{
    `result[r][c] = fma(scale[r], f32(source[r][c]), accumulator[r][c])`, in the accumulator's register: the sum of tables that have a scale
    of their own (docs/spec/numerics.md, "Lookup matmul").

    Example:
    ```mlir
    %r = lmma.fma_rows %u, %a, %scale : !lmma.acc<i32>
    ```
  }];
  let arguments = (ins Lmma_F32Tile:$accumulator, Lmma_AccumulatorType:$source, Lmma_RowsType:$scale);
  let results = (outs Lmma_F32Tile:$result);
  let assemblyFormat = "$accumulator `,` $source `,` $scale attr-dict `:` type($source)";
}

def Lmma_FmaColsOp : Lmma_Instruction<"fma_cols", [Pure]> {
  let summary = "fma.cols: a tile, scaled by column, into another";
  let description = [{
    `result[r][c] = fma(alpha[c], source[r][c], accumulator[r][c])`, in the accumulator's register.

    Example:
    ```mlir
    %r = lmma.fma_cols %y, %u, %alpha
    ```
  }];
  let arguments = (ins Lmma_F32Tile:$accumulator, Lmma_F32Tile:$source, Lmma_ColsType:$alpha);
  let results = (outs Lmma_F32Tile:$result);
  let assemblyFormat = "$accumulator `,` $source `,` $alpha attr-dict";
}

def Lmma_FmaOuterOp : Lmma_Instruction<"fma_outer", [Pure]> {
  let summary = "fma.outer: the product of a column and a row into a tile";
  let description = [{
    `result[r][c] = fma(row[r], column[c], accumulator[r][c])`, in the accumulator's register. Into -0 it is the rounded product.

    Example:
    ```mlir
    %r = lmma.fma_outer %y, %sum, %beta
    ```
  }];
  let arguments = (ins Lmma_F32Tile:$accumulator, Lmma_RowsType:$row, Lmma_ColsType:$column);
  let results = (outs Lmma_F32Tile:$result);
  let assemblyFormat = "$accumulator `,` $row `,` $column attr-dict";
}

def Lmma_StoreOp : Lmma_AccessOp<"store", [
    TypesMatchWith<"the tile accumulates what the buffer holds", "buffer", "value", "::lutra::lmma::tileOf($_self)">]> {
  let summary = "st: an output tile";
  let description = [{
    Writes what lies inside of the buffer: rows past M and columns past its end are left out. f16 is rounded once.

    - (C1) the buffer is `M x N` of f32, f16 or i32, and there are two indices.

    Example:
    ```mlir
    lmma.store %y, %out[%m, %n * 64] : memref<?x131xf32>
    ```
  }];
  let arguments = (ins Lmma_AccumulatorType:$value, Arg<AnyMemRef, "", [MemWrite]>:$buffer, Variadic<Index>:$indices,
                       AffineMapAttr:$map);
  let assemblyFormat = [{
    $value `,` $buffer `` custom<AffineIndices>($indices, $map) attr-dict `:` type($buffer)
  }];
}

#endif // LUTRA_DIALECTS_LMMA_IR_LMMAOPS_TD
