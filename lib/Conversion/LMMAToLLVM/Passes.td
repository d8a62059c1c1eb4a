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
    lmma.launch @k(%y) : memref<?x128xf32>
    ```
    After:
    ```mlir
    %base, %offset, %sizes:2, %strides:2 = memref.extract_strided_metadata %y : memref<?x128xf32> -> ...
    llvm.store ..., %descriptor : i64, !llvm.ptr
    %launch = llvm.load %global : !llvm.ptr -> !llvm.ptr
    llvm.call %launch(%kernel, %nargs, %descs) : !llvm.ptr, (i32, i32, !llvm.ptr) -> ()
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

#endif // LUTRA_CONVERSION_LMMATOLLVM_PASSES
