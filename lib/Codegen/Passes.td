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

    Before, with `min-bytes=16`:
    ```mlir
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %c = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
      %y = arith.addf %x, %c : tensor<4xf32>
      return %y : tensor<4xf32>
    }
    ```
    After:
    ```mlir
    module attributes {lutra.weights = [{name = "tensor", offset = 0 : i64, size = 16 : i64, value = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]> : tensor<4xf32>} ], lutra.weights_size = 16 : i64} {
      func.func @main(%arg0: memref<?xi8>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
        %c0 = arith.constant 0 : index
        %view = memref.view %arg0[%c0][] : memref<?xi8> to memref<4xf32>
        %0 = bufferization.to_tensor %view restrict : memref<4xf32> to tensor<4xf32>
        %1 = arith.addf %arg1, %0 : tensor<4xf32>
        return %1 : tensor<4xf32>
      }
    }
    ```
  }];
  let options = [
    Option<"minBytes", "min-bytes", "int64_t", /*default=*/"64", "Smaller constants stay in the code">,
    Option<"alignment", "alignment", "int64_t", /*default=*/"64", "Alignment of each tensor in bytes, a power of two">,
  ];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::bufferization::BufferizationDialect",
                           "::mlir::arith::ArithDialect"];
}

def NarrowCache : Pass<"lutra-narrow-cache", "::mlir::ModuleOp"> {
  let summary = "Let the model keep keys and values in f16, or in codes of 8 or 4 bits";
  let description = [{
    The f32 past and present of each `lowbit.attention` that are arguments of `@main`, and that nothing else uses, become what `kind` says: `f16`, or bytes (`i8`) of
    codes. Codes of 8 bits have a scale for each head and position, those of 4 bits (`kind` `i4`) one for each 32 elements of a head, or for the whole where its size is no
    multiple of that. Keys (after rotary) and values are rounded once, when they are appended; all arithmetic stays as it is. Where a cache is not an argument of its
    own, a warning says so and it stays f32. Before `lutra-prepare-entry`.

    Before:
    ```mlir
    func.func @main(%q: tensor<1x?x16xf32>, %pk: tensor<1x1x?x16xf32>, %pv: tensor<1x1x?x16xf32>, %len: tensor<1xi32>, %total: tensor<i32>, %t: index,
                    %n: index, %k: memref<1x1x?x16xf32>, %v: memref<1x1x?x16xf32>) -> tensor<1x?x16xf32> {
      %e = tensor.empty(%t) : tensor<1x1x?x16xf32>
      %o = tensor.empty(%n) : tensor<1x?x16xf32>
      %r:3 = lowbit.attention ins(%q, %q, %q, %pk, %pv, %len, %total : tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1xi32>, tensor<i32>)
        outs(%o, %e, %e : tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>)
        {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
        -> tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>
      bufferization.materialize_in_destination %r#1 in restrict writable %k : (tensor<1x1x?x16xf32>, memref<1x1x?x16xf32>) -> ()
      bufferization.materialize_in_destination %r#2 in restrict writable %v : (tensor<1x1x?x16xf32>, memref<1x1x?x16xf32>) -> ()
      return %r#0 : tensor<1x?x16xf32>
    }
    ```
    After:
    ```mlir
    func.func @main(%arg0: tensor<1x?x16xf32>, %arg1: tensor<1x1x?x16xf16>, %arg2: tensor<1x1x?x16xf16>
    ...
    lowbit.attention
    ...
    ```
  }];
  let options = [Option<"kind", "kind", "std::string", "\"f16\"", "What caches hold: f16, i8 or i4">];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
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
    func.func @main(%x: tensor<?x8xf32> {onnx.name = "x", onnx.dims = ["n", "8"]},
                    %y: memref<?x8xf32, strided<[?, 1], offset: ?>> {onnx.name = "y", onnx.dims = ["n", "8"], lutra.output}) {
      bufferization.materialize_in_destination %x in restrict writable %y
          : (tensor<?x8xf32>, memref<?x8xf32, strided<[?, 1], offset: ?>>) -> ()
      return
    }
    ```
    After:
    ```mlir
    module attributes {lutra.inputs = [{dtype = "f32", name = "x", shape = ["n", 8]} ], lutra.outputs = [{dtype = "f32", name = "y", shape = ["n", 8]} ]} {
      func.func @main(%arg0: memref<?x8xf32, strided<[?, 1], offset: ?>> {onnx.dims = ["n", "8"], onnx.name = "x"}, %arg1: memref<?x8xf32, strided<[?, 1], offset: ?>> {lutra.output, onnx.dims = ["n", "8"], onnx.name = "y"}) {
        %0 = bufferization.to_tensor %arg0 restrict : memref<?x8xf32, strided<[?, 1], offset: ?>> to tensor<?x8xf32>
        bufferization.materialize_in_destination %0 in restrict writable %arg1 : (tensor<?x8xf32>, memref<?x8xf32, strided<[?, 1], offset: ?>>) -> ()
        return
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def OwnDestinations : Pass<"lutra-own-destinations", "::mlir::func::FuncOp"> {
  let summary = "Give each operation that begins with a fill one of its own";
  let description = [{
    A `linalg.fill` that several destination-style operations of its block overwrite (CSE leaves one of equal ones) is cloned for each, with
    its `tensor.empty`. Only then may an operation's result be computed in the buffer of the output where it is stored: with a shared
    beginning, two results would want one buffer.

    Before:
    ```mlir
    func.func @two(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %zero: f32) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
      %e = tensor.empty() : tensor<4x2xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
      %x = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x2xf32>) outs(%f : tensor<4x2xf32>) -> tensor<4x2xf32>
      %y = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x2xf32>) outs(%f : tensor<4x2xf32>) -> tensor<4x2xf32>
      return %x, %y : tensor<4x2xf32>, tensor<4x2xf32>
    }
    ```
    After:
    ```mlir
    func.func @two(%arg0: tensor<4x8xf32>, %arg1: tensor<8x2xf32>, %arg2: f32) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
      %0 = tensor.empty() : tensor<4x2xf32>
      %1 = linalg.fill ins(%arg2 : f32) outs(%0 : tensor<4x2xf32>) -> tensor<4x2xf32>
      %2 = tensor.empty() : tensor<4x2xf32>
      %3 = linalg.fill ins(%arg2 : f32) outs(%2 : tensor<4x2xf32>) -> tensor<4x2xf32>
      %4 = linalg.matmul ins(%arg0, %arg1 : tensor<4x8xf32>, tensor<8x2xf32>) outs(%3 : tensor<4x2xf32>) -> tensor<4x2xf32>
      %5 = linalg.matmul ins(%arg0, %arg1 : tensor<4x8xf32>, tensor<8x2xf32>) outs(%1 : tensor<4x2xf32>) -> tensor<4x2xf32>
      return %4, %5 : tensor<4x2xf32>, tensor<4x2xf32>
    }
    ```
  }];
}

def FreeBuffers : Pass<"lutra-free-buffers", "::mlir::func::FuncOp"> {
  let summary = "Free each buffer after its last use";
  let description = [{
    Every `memref.alloc` gets one `memref.dealloc` in its own block, after the last operation that uses the buffer or a view of it. A buffer
    that a branch of `scf.if` allocates and yields is freed by the block around the `scf.if`, after the last use of its result; where only one
    branch allocates, the other yields a copy, so that the result has one owner. A buffer that leaves its block in another way (returned, say)
    is refused: the bufferization of this compiler makes none.

    Before:
    ```mlir
    func.func @double(%x: memref<8xf32>, %y: memref<8xf32>) {
      %a = memref.alloc() : memref<8xf32>
      linalg.add ins(%x, %x : memref<8xf32>, memref<8xf32>) outs(%a : memref<8xf32>)
      memref.copy %a, %y : memref<8xf32> to memref<8xf32>
      linalg.add ins(%x, %y : memref<8xf32>, memref<8xf32>) outs(%y : memref<8xf32>)
      return
    }
    ```
    After:
    ```mlir
    func.func @double(%arg0: memref<8xf32>, %arg1: memref<8xf32>) {
      %alloc = memref.alloc() : memref<8xf32>
      linalg.add ins(%arg0, %arg0 : memref<8xf32>, memref<8xf32>) outs(%alloc : memref<8xf32>)
      memref.copy %alloc, %arg1 : memref<8xf32> to memref<8xf32>
      memref.dealloc %alloc : memref<8xf32>
      linalg.add ins(%arg0, %arg1 : memref<8xf32>, memref<8xf32>) outs(%arg1 : memref<8xf32>)
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def PlanArena : Pass<"lutra-plan-arena", "::mlir::ModuleOp"> {
  let summary = "Put the buffers of @main into one block of memory, those that never live together into the same place";
  let description = [{
    Each `memref.alloc` at the top level of `@main` that one `memref.dealloc` there ends becomes a view of an arena, which is taken once, where the first of them was:
    the result of `@lutra_arena`, whose body `lutra-emit-arena` makes. Buffers that are never live at the same time share a slot. Slots are shared among buffers
    whose sizes have the same dynamic factors, so that which is the larger is known; offsets and the total are computed from these factors, and are constants where
    there are none. What computes a size is moved before the arena where it may run earlier.

    A buffer keeps its own allocation where its size is only known later, where it has no dealloc in its block, and inside a region. Refused: a module with a symbol
    `lutra_arena`. After `lutra-free-buffers`.

    Before:
    ```mlir
    func.func @main(%n: index, %x: memref<?x8xf32>) {
      %a = memref.alloc(%n) : memref<?x8xf32>
      linalg.exp ins(%x : memref<?x8xf32>) outs(%a : memref<?x8xf32>)
      %b = memref.alloc(%n) : memref<?x8xf32>
      linalg.exp ins(%a : memref<?x8xf32>) outs(%b : memref<?x8xf32>)
      memref.dealloc %a : memref<?x8xf32>
      %c = memref.alloc(%n) : memref<?x4xf32>
      linalg.exp ins(%b : memref<?x8xf32>) outs(%x : memref<?x8xf32>)
      memref.dealloc %b : memref<?x8xf32>
      memref.dealloc %c : memref<?x4xf32>
      return
    }
    ```
    After:
    ```mlir
    func.func @main(%arg0: index, %arg1: memref<?x8xf32>) {
      ...
      %8 = call @lutra_arena(%7) : (index) -> memref<?xi8>
      %view = memref.view %8[%c0][%arg0] : memref<?xi8> to memref<?x8xf32>
      linalg.exp ins(%arg1 : memref<?x8xf32>) outs(%view : memref<?x8xf32>)
      %view_3 = memref.view %8[%3][%arg0] : memref<?xi8> to memref<?x8xf32>
      linalg.exp ins(%view : memref<?x8xf32>) outs(%view_3 : memref<?x8xf32>)
      %view_4 = memref.view %8[%c0][%arg0] : memref<?xi8> to memref<?x4xf32>
      linalg.exp ins(%view_3 : memref<?x8xf32>) outs(%arg1 : memref<?x8xf32>)
      return
    }
    func.func private @lutra_arena(index) -> memref<?xi8>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect"];
}

def LowerAsserts : Pass<"lutra-lower-asserts", "::mlir::ModuleOp"> {
  let summary = "Turn run-time checks into a status that the caller reads";
  let description = [{
    `cf.assert %ok, "message"` becomes a store of 1 + the message's index to `@lutra_status[0]` when `%ok` is false and no earlier check of
    the call failed; then execution goes on (what the check guards is clamped by whoever made it). But behind the checks at the head of
    `@main`, before anything is allocated or written, `@main` returns when one of them failed. The messages are collected, each
    once, in the module attribute `lutra.checks`. Never an abort: the caller is a library user's process.

    Before:
    ```mlir
    func.func @kernel(%ok: i1) {
      cf.assert %ok, "node 'gather': an index is out of range"
      return
    }
    ```
    After:
    ```mlir
    module attributes {lutra.checks = ["node 'gather': an index is out of range"]} {
      memref.global @lutra_status : memref<2xi32> = dense<0>
      func.func @kernel(%arg0: i1) {
        %true = arith.constant true
        %0 = arith.xori %arg0, %true : i1
        scf.if %0 {
          %1 = memref.get_global @lutra_status : memref<2xi32>
          %c0 = arith.constant 0 : index
          %2 = memref.load %1[%c0] : memref<2xi32>
          %c0_i32 = arith.constant 0 : i32
          %c1_i32 = arith.constant 1 : i32
          %3 = arith.cmpi eq, %2, %c0_i32 : i32
          %4 = arith.select %3, %c1_i32, %2 : i32
          memref.store %4, %1[%c0] : memref<2xi32>
        }
        return
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect"];
}

// Included here, so that the passes stay in the order in which they run.
include "lib/Codegen/KernelPasses.td"

def ConvertToLLVM : Pass<"lutra-convert-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Convert everything that is left to the LLVM dialect";
  let description = [{
    The last conversion, in one step: arith, math, vector, memref, control flow, functions, OpenMP and the vector operations of `lut`, which become
    the instructions of a machine with `features`.

    Before:
    ```mlir
    func.func private @square(%x: f32) -> f32 {
      %y = arith.mulf %x, %x : f32
      return %y : f32
    }
    ```
    After:
    ```mlir
    llvm.func @square(%arg0: f32) -> f32 attributes {sym_visibility = "private"} {
      %0 = llvm.fmul %arg0, %arg0 : f32
      llvm.return %0 : f32
    }
    ```
  }];
  let options = [
    ListOption<"features", "features", "std::string",
               "CPU features, separated by commas, that lookups may use: avx2, avx512bw, ... (none: portable code)">,
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def EmitArena : Pass<"lutra-emit-arena", "::mlir::ModuleOp"> {
  let summary = "Define the memory that calls of a library work in";
  let description = [{
    Gives `@lutra_arena(size)`, which `lutra-plan-arena` declares and calls, a body: the block of memory of the call before, or, where that is smaller, a new
    one in its place. So a model whose calls are alike allocates once. The block is freed when the library is unloaded. Without that symbol nothing is
    done; another meaning of it is refused.

    Before:
    ```mlir
    llvm.func @lutra_arena(i64) -> !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
    ```
    After:
    ```mlir
    ...
    llvm.mlir.global internal @arena_memory
    ...
    llvm.func @lutra_arena(%arg0: i64) -> !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> {
      %0 = llvm.mlir.addressof @arena_memory : !llvm.ptr
      %1 = llvm.mlir.addressof @arena_bytes : !llvm.ptr
      %2 = llvm.load %1 : !llvm.ptr -> i64
      %3 = llvm.icmp "ugt" %arg0, %2 : i64
      llvm.cond_br %3, ^bb1, ^bb2
    ...
    llvm.mlir.global_dtors
    ...
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def EmitEntry : Pass<"lutra-emit-entry", "::mlir::ModuleOp"> {
  let summary = "Add the exported entry point and hide everything else";
  let description = [{
    `void lutra_main(void **args)` calls `@main` with the descriptors that `args` points to; `lutra_abi_version` and `lutra_status` are the
    other exported symbols. Every other definition becomes internal.

    Before:
    ```mlir
    llvm.func @main(%x: !llvm.ptr, %y: !llvm.ptr) {
      llvm.return
    }
    llvm.func @_mlir_ciface_main(%x: !llvm.ptr, %y: !llvm.ptr) {
      llvm.call @main(%x, %y) : (!llvm.ptr, !llvm.ptr) -> ()
      llvm.return
    }
    ```
    After:
    ```mlir
    llvm.func internal @main(%arg0: !llvm.ptr, %arg1: !llvm.ptr) {
      llvm.return
    }
    llvm.func internal @_mlir_ciface_main(%arg0: !llvm.ptr, %arg1: !llvm.ptr) {
      llvm.call @main(%arg0, %arg1) : (!llvm.ptr, !llvm.ptr) -> ()
      llvm.return
    }
    llvm.mlir.global external constant @lutra_abi_version(1 : i32) {addr_space = 0 : i32} : i32
    llvm.func @lutra_main(%arg0: !llvm.ptr) {
      %0 = llvm.getelementptr %arg0[0] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
      %1 = llvm.load %0 : !llvm.ptr -> !llvm.ptr
      %2 = llvm.getelementptr %arg0[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
      %3 = llvm.load %2 : !llvm.ptr -> !llvm.ptr
      llvm.call @_mlir_ciface_main(%1, %3) : (!llvm.ptr, !llvm.ptr) -> ()
      llvm.return
    }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // LUTRA_CODEGEN_PASSES_TD
