// RUN: lutra-opt %s --convert-scf-to-openmp --lutra-convert-to-llvm --canonicalize --lutra-emit-entry | FileCheck %s

// The exported interface: a version, and an entry that takes descriptors. Everything else is internal.

// CHECK: llvm.func internal @main(
// CHECK: omp.parallel
// CHECK: llvm.func internal @_mlir_ciface_main(
// CHECK: llvm.mlir.global external constant @lutra_abi_version(1 : i32)
// CHECK: llvm.func @lutra_main(%[[ARGS:.*]]: !llvm.ptr)
// CHECK: %[[SLOT0:.*]] = llvm.getelementptr %[[ARGS]][0]
// CHECK: %[[A:.*]] = llvm.load %[[SLOT0]]
// CHECK: %[[SLOT1:.*]] = llvm.getelementptr %[[ARGS]][1]
// CHECK: %[[B:.*]] = llvm.load %[[SLOT1]]
// CHECK: llvm.call @_mlir_ciface_main(%[[A]], %[[B]])
func.func @main(%a: memref<?xi8>, %b: memref<?xf32> {onnx.name = "y"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %b, %c0 : memref<?xf32>
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x = memref.load %b[%i] : memref<?xf32>
    %y = arith.addf %x, %x : f32
    memref.store %y, %b[%i] : memref<?xf32>
  }
  return
}
