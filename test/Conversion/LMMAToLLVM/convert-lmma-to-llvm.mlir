// RUN: lutra-opt %s --convert-lmma-to-llvm | FileCheck %s

lmma.kernel @first(%b: memref<64xi8>) {}
lmma.kernel @second(%b: memref<64xi8>, %o: memref<?x64xf32>) {}

// CHECK: llvm.mlir.global external @lutra_launch() {{.*}}: !llvm.ptr {
// CHECK: llvm.mlir.zero : !llvm.ptr
// CHECK-LABEL: func.func @host
// CHECK-SAME: (%[[B:.*]]: memref<64xi8>, %[[O:.*]]: memref<?x64xf32, strided<[?, 1], offset: ?>>)
func.func @host(%b: memref<64xi8>, %o: memref<?x64xf32, strided<[?, 1], offset: ?>>) {
  // The descriptors' memory is the function's, not the loop's.
  // CHECK-DAG: llvm.alloca %{{.*}} x !llvm.ptr
  // CHECK-DAG: llvm.alloca %{{.*}} x i64
  // CHECK: scf.for
  // CHECK-NOT: llvm.alloca
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c4 step %c1 {
    // CHECK: memref.extract_strided_metadata %[[B]]
    // CHECK: memref.extract_aligned_pointer_as_index %[[B]]
    // CHECK: memref.extract_strided_metadata %[[O]]
    // CHECK: %[[AT:.*]] = llvm.mlir.addressof @lutra_launch
    // CHECK: %[[CALLEE:.*]] = llvm.load %[[AT]]
    // CHECK: %[[KERNEL:.*]] = llvm.mlir.constant(1 : i32)
    // CHECK: %[[COUNT:.*]] = llvm.mlir.constant(2 : i32)
    // CHECK: llvm.call %[[CALLEE]](%[[KERNEL]], %[[COUNT]], %{{.*}}) : !llvm.ptr, (i32, i32, !llvm.ptr) -> ()
    lmma.launch @second(%b, %o) : memref<64xi8>, memref<?x64xf32, strided<[?, 1], offset: ?>>
  }
  return
}
