// RUN: lutra-opt %s --lutra-emit-arena --split-input-file --verify-diagnostics

// expected-error@below {{expected 'lutra_arena' to be declared as a function of a size that gives a buffer's descriptor}}
llvm.func @lutra_arena(i64) -> i64

// -----

// expected-error@below {{expected 'lutra_arena' to be declared as a function of a size that gives a buffer's descriptor}}
llvm.func @lutra_arena(%n: i64) -> !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> {
  %r = llvm.mlir.poison : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
  llvm.return %r : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
}
