//===- KernelPasses.td - from structured operations to functions of loops -*- tablegen -*-===//
//
// The passes that make kernels: what runs in parallel becomes a function, and linalg operations become vector loops.
//
// Included by Passes.td.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CODEGEN_KERNELPASSES_TD
#define LUTRA_CODEGEN_KERNELPASSES_TD

include "mlir/Pass/PassBase.td"

def OutlineKernels : Pass<"lutra-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Move each computation of @main into a function, equal ones into the same";
  let description = [{
    Each operation on buffers at the top level of `@main` (a structured operation, a copy, a loop) becomes a call of a private function; its
    constants move inside, so that shapes and bounds stay static. `lut.precompute` and the `lut.matmul` that reads its tables next become one function, in which
    the weights can be asked for while the tables are made. Products of the same tables next to each other that write allocations of their own become one function too;
    `lutra.with_next` on all but the last says that they may run at the same time. Functions that are equal are then merged: the layers of a
    model share their code, and compile time does not grow with their number.

    Before:
    ```mlir
    func.func @main(%a: memref<?xf32>, %b: memref<?xf32>, %c: memref<?xf32>) {
      linalg.exp ins(%a : memref<?xf32>) outs(%b : memref<?xf32>)
      linalg.exp ins(%b : memref<?xf32>) outs(%c : memref<?xf32>)
      return
    }
    ```
    After:
    ```mlir
    func.func @main(%arg0: memref<?xf32>, %arg1: memref<?xf32>, %arg2: memref<?xf32>) {
      call @linalg_exp(%arg0, %arg1) : (memref<?xf32>, memref<?xf32>) -> ()
      call @linalg_exp(%arg1, %arg2) : (memref<?xf32>, memref<?xf32>) -> ()
      return
    }
    func.func private @linalg_exp(%arg0: memref<?xf32>, %arg1: memref<?xf32>) {
      linalg.exp ins(%arg0 : memref<?xf32>) outs(%arg1 : memref<?xf32>)
      return
    }
    ```
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

    Before:
    ```mlir
    func.func @add(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
      linalg.add ins(%x, %x : memref<4x8xf32>, memref<4x8xf32>) outs(%y : memref<4x8xf32>)
      return
    }
    ```
    After:
    ```mlir
    func.func @add(%arg0: memref<4x8xf32>, %arg1: memref<4x8xf32>) {
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      %c1 = arith.constant 1 : index
      %c0_0 = arith.constant 0 : index
      %c8 = arith.constant 8 : index
      %c1_1 = arith.constant 1 : index
      scf.for %arg2 = %c0 to %c4 step %c1 {
        scf.for %arg3 = %c0_0 to %c8 step %c1_1 {
          %0 = memref.load %arg0[%arg2, %arg3] : memref<4x8xf32>
          %1 = memref.load %arg0[%arg2, %arg3] : memref<4x8xf32>
          %2 = arith.addf %0, %1 : f32
          memref.store %2, %arg1[%arg2, %arg3] : memref<4x8xf32>
        }
      }
      return
    }
    ```
  }];
  let options = [
    Option<"minParallelWork", "min-parallel-work", "int64_t", /*default=*/"32768", "Scalar iterations below which one thread does all">,
  ];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::linalg::LinalgDialect"];
}

def ShareLoops : Pass<"lutra-share-loops", "::mlir::ModuleOp"> {
  let summary = "Each thread of a parallel loop finds its own part of the iterations";
  let description = [{
    An outermost `scf.parallel` without reductions becomes an `omp.parallel` region in which each thread runs a part of the iterations: as many as the others, or one more,
    and neighbours. The thread computes the part from its number, which is what OpenMP's static schedule gives it, without the run-time library's call for each loop.
    Where there is one thread or one iteration a loop runs without a region, which would take as long as a small call: a loop of calls is there twice for that, and
    another's iterations become a function of the first one, the one behind the last, and what they use.
    Where an iteration is a call with the attribute `lutra.range` (the number of its operand that begins a range of work; the next one ends it), a thread makes one call for
    all of its iterations that differ in the innermost index alone. Neighbouring loops of such calls are shared as one range in one region where those of the first have the
    attribute `lutra.with_next`.
    An `scf.if` with the attribute `lutra.alone` is taken only where there is one thread.
    Loops with reductions, and loops inside others, are left to `convert-scf-to-openmp`.

    Refused: a module with a symbol `omp_get_thread_num`, `omp_get_num_threads` or `omp_get_max_threads` that is not the library's function.

    Before:
    ```mlir
    func.func @fill(%n: index, %x: memref<?xf32>, %value: f32) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      scf.parallel (%i) = (%c0) to (%n) step (%c1) {
        memref.store %value, %x[%i] : memref<?xf32>
      }
      return
    }
    ```
    After:
    ```mlir
    func.func private @omp_get_max_threads() -> i32
    func.func private @omp_get_num_threads() -> i32
    func.func private @omp_get_thread_num() -> i32
    ...
    %5 = call @omp_get_max_threads() : () -> i32
    ...
    scf.if %9 {
      func.call @fill_part(%c0_2, %4, %arg0, %4, %arg2, %arg1) : (index, index, index, index, f32, memref<?xf32>) -> ()
    } else {
      omp.parallel {
        %10 = func.call @omp_get_thread_num() : () -> i32
    ...
        func.call @fill_part(%18, %22, %arg0, %4, %arg2, %arg1) : (index, index, index, index, f32, memref<?xf32>) -> ()
        omp.terminator
      }
    }
    ...
    func.func private @fill_part(
    ...
    scf.for
    ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::omp::OpenMPDialect", "::mlir::scf::SCFDialect"];
}

def ApproximateMath : Pass<"lutra-approximate-math"> {
  let summary = "Replace exp, tanh, erf, log and the like by arithmetic that vectorizes";
  let description = [{
    Polynomials within a few units in the last place of f32; `exp` in f64 within two units of f64's. `sin`, `cos` and `pow` stay calls to libm: their polynomials are not accurate over
    the whole range. Operations that the numerics of lookup tables use (fma, roundeven, abs) are left alone.

    Before:
    ```mlir
    func.func @rsqrt(%x: f32) -> f32 {
      %y = math.rsqrt %x : f32
      return %y : f32
    }
    ```
    After:
    ```mlir
    func.func @rsqrt(%arg0: f32) -> f32 {
      %cst = arith.constant 1.000000e+00 : f32
      %0 = math.sqrt %arg0 : f32
      %1 = arith.divf %cst, %0 : f32
      return %1 : f32
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def ExpandReshapes : Pass<"lutra-expand-reshapes"> {
  let summary = "Lower memref.expand_shape whose groups have several dynamic sizes";
  let description = [{
    A view with the sizes that the operation states. (Upstream's `expand-strided-metadata` handles one dynamic size per group.)

    Before:
    ```mlir
    func.func @expand(%x: memref<?x64xf32>, %b: index, %s: index) -> memref<?x?x64xf32> {
      %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, %s, 64] : memref<?x64xf32> into memref<?x?x64xf32>
      return %y : memref<?x?x64xf32>
    }
    ```
    After:
    ```mlir
    func.func @expand(%arg0: memref<?x64xf32>, %arg1: index, %arg2: index) -> memref<?x?x64xf32> {
      %base_buffer, %offset, %sizes:2, %strides:2 = memref.extract_strided_metadata %arg0 : memref<?x64xf32> -> memref<f32>, index, index, index, index, index
      %c64 = arith.constant 64 : index
      %0 = arith.muli %c64, %arg2 : index
      %1 = arith.muli %0, %arg1 : index
      %reinterpret_cast = memref.reinterpret_cast %base_buffer to offset: [0], sizes: [%arg1, %arg2, 64], strides: [%0, 64, 1] : memref<f32> to memref<?x?x64xf32>
      return %reinterpret_cast : memref<?x?x64xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

#endif // LUTRA_CODEGEN_KERNELPASSES_TD
