//===- Passes.td - launches to calls ----------------------------*- tablegen -*-===//

#ifndef LUTRA_CONVERSION_LMMATOLLVM_PASSES
#define LUTRA_CONVERSION_LMMATOLLVM_PASSES

include "mlir/Pass/PassBase.td"

def ConvertLmmaToLLVM : Pass<"convert-lmma-to-llvm", "::mlir::ModuleOp"> {
  let summary = "lmma.launch becomes a call through the exported pointer @lutra_launch";
  let description = [{
    The host side of a launch. The module gets an exported, writable global `void (*lutra_launch)(int32_t kernel, int32_t nargs, void **descs)`
    that the loader sets; a launch fills one memref descriptor for each buffer and calls it. The kernel's number is its position
    among the module's kernels, which stay for `lmma-serialize-kernels`.

    Before:
    ```mlir
    lmma.kernel @k(%y: memref<64xi8>) {}
    func.func @host(%y: memref<64xi8>) {
      lmma.launch @k(%y) : memref<64xi8>
      return
    }
    ```
    After:
    ```mlir
    llvm.mlir.global external @lutra_launch() {addr_space = 0 : i32} : !llvm.ptr {
      %0 = llvm.mlir.zero : !llvm.ptr
      llvm.return %0 : !llvm.ptr
    }
    lmma.kernel @k(%arg0: memref<64xi8>) {
    }
    func.func @host(%arg0: memref<64xi8>) {
      %0 = llvm.mlir.constant(5 : i32) : i32
      %1 = llvm.alloca %0 x i64 {alignment = 8 : i64} : (i32) -> !llvm.ptr
      %2 = llvm.mlir.constant(1 : i32) : i32
      %3 = llvm.alloca %2 x !llvm.ptr {alignment = 8 : i64} : (i32) -> !llvm.ptr
      %4 = llvm.getelementptr %3[0] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
      %base_buffer, %offset, %sizes, %strides = memref.extract_strided_metadata %arg0 : memref<64xi8> -> memref<i8>, index, index, index
      %intptr = memref.extract_aligned_pointer_as_index %arg0 : memref<64xi8> -> index
      %5 = arith.index_cast %intptr : index to i64
      %6 = arith.index_cast %offset : index to i64
      %7 = arith.index_cast %sizes : index to i64
      %8 = arith.index_cast %strides : index to i64
      %9 = llvm.getelementptr %1[0] : (!llvm.ptr) -> !llvm.ptr, i64
      llvm.store %5, %9 : i64, !llvm.ptr
      %10 = llvm.getelementptr %1[1] : (!llvm.ptr) -> !llvm.ptr, i64
      llvm.store %5, %10 : i64, !llvm.ptr
      %11 = llvm.getelementptr %1[2] : (!llvm.ptr) -> !llvm.ptr, i64
      llvm.store %6, %11 : i64, !llvm.ptr
      %12 = llvm.getelementptr %1[3] : (!llvm.ptr) -> !llvm.ptr, i64
      llvm.store %7, %12 : i64, !llvm.ptr
      %13 = llvm.getelementptr %1[4] : (!llvm.ptr) -> !llvm.ptr, i64
      llvm.store %8, %13 : i64, !llvm.ptr
      llvm.store %1, %4 : !llvm.ptr, !llvm.ptr
      %14 = llvm.mlir.addressof @lutra_launch : !llvm.ptr
      %15 = llvm.load %14 : !llvm.ptr -> !llvm.ptr
      %16 = llvm.mlir.constant(0 : i32) : i32
      %17 = llvm.mlir.constant(1 : i32) : i32
      llvm.call %15(%16, %17, %3) : !llvm.ptr, (i32, i32, !llvm.ptr) -> ()
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

#endif // LUTRA_CONVERSION_LMMATOLLVM_PASSES
