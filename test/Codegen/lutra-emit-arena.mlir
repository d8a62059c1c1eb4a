// RUN: lutra-opt %s --lutra-emit-arena --split-input-file | FileCheck %s

// A call that needs no more than one before takes its memory; one that needs more replaces it. Unloading frees it.
// CHECK-DAG:  llvm.func @free(!llvm.ptr)
// CHECK-DAG:  llvm.func @aligned_alloc(i64, i64) -> !llvm.ptr
// CHECK-DAG:  llvm.mlir.global internal @arena_memory
// CHECK-DAG:  llvm.mlir.global internal @arena_bytes
// CHECK:      llvm.func @lutra_arena(%[[WANTED:.*]]: i64)
// CHECK:        %[[MEMORY:.*]] = llvm.mlir.addressof @arena_memory
// CHECK:        %[[BYTES:.*]] = llvm.mlir.addressof @arena_bytes
// CHECK:        %[[HAS:.*]] = llvm.load %[[BYTES]]
// CHECK:        %[[MORE:.*]] = llvm.icmp "ugt" %[[WANTED]], %[[HAS]]
// CHECK:        llvm.cond_br %[[MORE]], ^[[GROW:.*]], ^[[DONE:.*]]
// CHECK:      ^[[GROW]]:
// CHECK:        llvm.call @free
// CHECK:        %[[LARGER:.*]] = llvm.call @aligned_alloc(%{{.*}}, %[[WANTED]])
// CHECK:        llvm.store %[[LARGER]], %[[MEMORY]]
// CHECK:        llvm.store %[[WANTED]], %[[BYTES]]
// CHECK:      ^[[DONE]]:
// CHECK:        llvm.load %[[MEMORY]]
// CHECK:        llvm.return
// CHECK:      llvm.func internal @arena_release
// CHECK:        llvm.call @free
// CHECK:      llvm.mlir.global_dtors dtors = [@arena_release]
llvm.func @lutra_arena(i64) -> !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> attributes {sym_visibility = "private"}

// -----

// A model without buffers has no arena.
// CHECK-NOT: arena
llvm.func @main() {
  llvm.return
}
