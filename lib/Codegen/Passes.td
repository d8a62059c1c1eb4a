//===- Passes.td - from tensors to a callable library -----------*- tablegen -*-===//
//
// The passes between a module of tensor operations and LLVM IR, in pipeline order (lib/Pipelines has the pipeline).
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CODEGEN_PASSES_TD
#define LUTRA_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExternalizeWeights : Pass<"lutra-externalize-weights", "::mlir::ModuleOp"> {
  let summary = "Move large constants and packed weights out of the module into one weights file";
  let description = [{
    `@main` gets a leading argument `%weights: memref<?xi8>`. Each large constant tensor and each packed weight becomes a view
    of it at a constant, aligned byte offset; equal ones share one place. The module attribute `lutra.weights` lists what lies where
    and how its bytes are made, so that the writer can make them one tensor at a time; `lutra.weights_size` is the total.

    Before:
    ```mlir
    %c = arith.constant dense_resource<w> : tensor<64x64xf32>
    ```
    After:
    ```mlir
    %v = memref.view %weights[%c0][] : memref<?xi8> to memref<64x64xf32>
    %c = bufferization.to_tensor %v restrict : memref<64x64xf32> to tensor<64x64xf32>
    ```
  }];
  let options = [
    Option<"minBytes", "min-bytes", "int64_t", /*default=*/"64", "Smaller constants stay in the code">,
    Option<"alignment", "alignment", "int64_t", /*default=*/"64", "Alignment of each tensor in bytes, a power of two">,
  ];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::bufferization::BufferizationDialect",
                           "::mlir::arith::ArithDialect"];
}

def PrepareEntry : Pass<"lutra-prepare-entry", "::mlir::ModuleOp"> {
  let summary = "Make the tensor arguments of @main buffers, as the caller passes them";
  let description = [{
    A tensor argument becomes a buffer whose strides are only known at run time, except the innermost, which is 1. The module attributes
    `lutra.inputs` and `lutra.outputs` record names, types and shapes (`onnx.name`, `onnx.dims`) for the manifest. Refuses a `@main` that is
    missing, has no body or returns values (results are stored through out-parameters marked `lutra.output`), and an output with a
    dimension that no input binds.

    Before:
    ```mlir
    func.func @main(%x: tensor<?x8xf32>, %y: memref<?x8xf32, strided<[?, 1], offset: ?>>)
    ```
    After:
    ```mlir
    func.func @main(%x: memref<?x8xf32, strided<[?, 1], offset: ?>>, %y: memref<?x8xf32, strided<[?, 1], offset: ?>>)
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def FreeBuffers : Pass<"lutra-free-buffers", "::mlir::func::FuncOp"> {
  let summary = "Free each buffer after its last use";
  let description = [{
    Every `memref.alloc` gets one `memref.dealloc` in its own block, after the last operation that uses the buffer or a view of it. A buffer
    that leaves its block (yielded or returned) is refused: the bufferization of this compiler makes none.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def LowerAsserts : Pass<"lutra-lower-asserts", "::mlir::ModuleOp"> {
  let summary = "Turn run-time checks into a status that the caller reads";
  let description = [{
    `cf.assert %ok, "message"` becomes a store of 1 + the message's index to `@lutra_status[0]` when `%ok` is false and no earlier check of
    the call failed; then execution goes on (what the check guards is clamped by whoever made it). But behind the checks at the head of
    `@main`, before anything is allocated or written, `@main` returns when one of them failed. The messages are collected, each
    once, in the module attribute `lutra.checks`. Never an abort: the caller is a library user's process.
  }];
  let dependentDialects = ["::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect"];
}

def OutlineKernels : Pass<"lutra-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Move each computation of @main into a function, equal ones into the same";
  let description = [{
    Each operation on buffers at the top level of `@main` (a structured operation, a copy, a loop) becomes a call of a private function; its
    constants move inside, so that shapes and bounds stay static. Functions that are equal are then merged: the layers of a
    model share their code, and compile time does not grow with their number.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def LinalgToLoops : Pass<"lutra-linalg-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Lower linalg operations on buffers to loops that vectorize";
  let description = [{
    The innermost loop runs along contiguous memory; reductions are carried in registers and may be reassociated (the same way for
    every number of threads). The other parallel dimensions become one `scf.parallel`, entered only when the operation is
    worth more than `min-parallel-work` scalar iterations, which is decided at run time for dynamic shapes. `memref.copy` of
    strided memory is lowered as well.
  }];
  let options = [
    Option<"minParallelWork", "min-parallel-work", "int64_t", /*default=*/"32768", "Scalar iterations below which one thread does all">,
  ];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::linalg::LinalgDialect"];
}

def ApproximateMath : Pass<"lutra-approximate-math"> {
  let summary = "Replace exp, tanh, erf, log and the like by arithmetic that vectorizes";
  let description = [{
    Polynomials within a few units in the last place of f32. `sin`, `cos` and `pow` stay calls to libm: their polynomials are not accurate over
    the whole range. Operations that the numerics of lookup tables use (fma, roundeven, abs) are left alone.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def ExpandReshapes : Pass<"lutra-expand-reshapes"> {
  let summary = "Lower memref.expand_shape whose groups have several dynamic sizes";
  let description = [{
    A view with the sizes that the operation states. (Upstream's `expand-strided-metadata` handles one dynamic size per group.)

    Before:
    ```mlir
    %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, %s, 64] : memref<?x64xf32> into memref<?x?x64xf32>
    ```
    After:
    ```mlir
    %stride = arith.muli %s, %c64
    %y = memref.reinterpret_cast %base to offset: [0], sizes: [%b, %s, 64], strides: [%stride, 64, 1]
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def ConvertToLLVM : Pass<"lutra-convert-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Convert everything that is left to the LLVM dialect";
  let description = [{
    The last conversion, in one step: arith, math, vector, memref, control flow, functions, OpenMP and the vector operations of `lut`, which become
    the instructions of a machine with `features`.
  }];
  let options = [
    ListOption<"features", "features", "std::string",
               "CPU features, separated by commas, that lookups may use: avx2, avx512bw, ... (none: portable code)">,
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def EmitEntry : Pass<"lutra-emit-entry", "::mlir::ModuleOp"> {
  let summary = "Add the exported entry point and hide everything else";
  let description = [{
    `void lutra_main(void **args)` calls `@main` with the descriptors that `args` points to; `lutra_abi_version` and `lutra_status` are the
    other exported symbols. Every other definition becomes internal.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // LUTRA_CODEGEN_PASSES_TD
