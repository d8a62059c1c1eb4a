//===- LmmaMemoryOps.td - shared memory, copies and what tables are made of -*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LMMA_IR_LMMAMEMORYOPS_TD
#define LUTRA_DIALECTS_LMMA_IR_LMMAMEMORYOPS_TD

include "dialects/lmma/IR/LmmaBase.td"

def Lmma_SharedOp : Lmma_Op<"shared", [HasParent<"KernelOp">]> {
  let summary = "A buffer in the core's shared memory";
  let description = [{
    Each block has its own, empty when the block begins.

    - (C1) the buffer is in `#lmma.shared`, of static sizes and identity layout.

    Example:
    ```mlir
    %b = lmma.shared : memref<16x4x64xi8, #lmma.shared>
    ```
  }];
  let results = (outs Res<AnyMemRef, "", [MemAlloc]>:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Lmma_CopyOp : Lmma_Instruction<"copy", [AttrSizedOperandSegments]> {
  let summary = "copy: a box of DRAM into shared memory, while the program goes on";
  let description = [{
    Copies `sizes` elements from the indices of `source` to those of `target`. What is past the end of the source arrives as zeros. Nothing
    may read or write the target before `lmma.wait` for the token; several copies may share one.

    - (C1) `target` is in `#lmma.shared` and `source` is not; element types and ranks are equal, and there are as many indices and sizes.
    - (C2) `token` is 0 to 15, and the sizes are positive.

    Example:
    ```mlir
    lmma.copy %weights[%g * 1152] to %stage[0] sizes [1152] token 0 : memref<10368xi8> to memref<1152xi8, #lmma.shared>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$source, Variadic<Index>:$source_indices, AffineMapAttr:$source_map,
                       Arg<AnyMemRef, "", [MemWrite]>:$target, Variadic<Index>:$target_indices, AffineMapAttr:$target_map,
                       DenseI64ArrayAttr:$sizes, I64Attr:$token);
  let assemblyFormat = [{
    $source `` custom<AffineIndices>($source_indices, $source_map) `to` $target `` custom<AffineIndices>($target_indices, $target_map)
    `sizes` $sizes `token` $token attr-dict `:` type($source) `to` type($target)
  }];
  let hasVerifier = 1;
}

def Lmma_WaitOp : Lmma_Instruction<"wait", [MemoryEffects<[MemWrite]>]> {
  let summary = "wait: goes on when the copies of a token have arrived";
  let description = [{
    - (C1) `token` is 0 to 15.

    Example:
    ```mlir
    lmma.wait 0
    ```
  }];
  let arguments = (ins I64Attr:$token);
  let assemblyFormat = "$token attr-dict";
  let hasVerifier = 1;
}

def Lmma_LoadActsOp : Lmma_AccessOp<"load_acts"> {
  let summary = "ld.act: activations of m rows";
  let description = [{
    `result[r][i] = buffer[row + r, column + i]` for i < `count`, converted to f32 exactly; +0 beyond, past the last column, and in rows past M. Of a buffer of one dimension,
    every row is `buffer[column + i]`.

    - (C1) the buffer is `M x K`, or `K`, of f32, f16, bf16, f8E4M3FN, f8E5M2, i8 or i16, and there are as many indices.
    - (C2) `count` is positive.

    Example:
    ```mlir
    %x = lmma.load_acts %a[%m, %g * 32] count 32 : memref<?x264xf32>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$buffer, Variadic<Index>:$indices, AffineMapAttr:$map, I64Attr:$count);
  let results = (outs Lmma_ActsType:$result);
  let assemblyFormat = [{
    $buffer `` custom<AffineIndices>($indices, $map) `count` $count attr-dict `:` type($buffer)
  }];
}

def Lmma_LoadTileOp : Lmma_AccessOp<"load_tile"> {
  let summary = "ld.tile: numbers for each row and column of a tile";
  let description = [{
    `result[r][c] = buffer[row + r, column + c]` as f32; 0 past the last column and in rows past M.

    - (C1) the buffer is `M x N` of f32 or f16, and there are two indices.

    Example:
    ```mlir
    %y = lmma.load_tile %residual[%m, %n * 64] : memref<?x131xf32>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$buffer, Variadic<Index>:$indices, AffineMapAttr:$map);
  let results = (outs Lmma_F32Tile:$result);
  let assemblyFormat = "$buffer `` custom<AffineIndices>($indices, $map) attr-dict `:` type($buffer)";
}

def Lmma_StoreTableOp : Lmma_AccessOp<"store_table"> {
  let summary = "st.table: the half tables of m rows";
  let description = [{
    `buffer[row + r, group, pitch t + first + e] = value[r][t][e]` for e < 8; rows past M are left out.

    - (C1) the buffer is `M x G x E` of the table's element type, and there are three indices.

    Example:
    ```mlir
    lmma.store_table %t, %entries[%m, %g, 0] pitch 8 : !lmma.table<8, i8>, memref<?x9x128xi8>
    ```
  }];
  let arguments = (ins Lmma_TableType:$value, Arg<AnyMemRef, "", [MemWrite]>:$buffer, Variadic<Index>:$indices,
                       AffineMapAttr:$map, I64Attr:$pitch);
  let assemblyFormat = [{
    $value `,` $buffer `` custom<AffineIndices>($indices, $map) `pitch` $pitch attr-dict `:` type($value) `,` type($buffer)
  }];
}

def Lmma_StoreRowsOp : Lmma_AccessOp<"store_rows"> {
  let summary = "st.rows: one f32 for each of m rows";
  let description = [{
    `buffer[row + r, column] = value[r]`; rows past M are left out.

    - (C1) the buffer is `M x G` of f32, and there are two indices.

    Example:
    ```mlir
    lmma.store_rows %s, %scales[%m, %g] : memref<?x9xf32>
    ```
  }];
  let arguments = (ins Lmma_RowsType:$value, Arg<AnyMemRef, "", [MemWrite]>:$buffer, Variadic<Index>:$indices,
                       AffineMapAttr:$map);
  let assemblyFormat = "$value `,` $buffer `` custom<AffineIndices>($indices, $map) attr-dict `:` type($buffer)";
}

#endif // LUTRA_DIALECTS_LMMA_IR_LMMAMEMORYOPS_TD
