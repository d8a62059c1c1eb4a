// lutra-bisect finds a fault that was planted: in a constant, in a weight, between two kinds of tables, and in a compiled target.

// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: %python -c "import numpy as n; n.save('a.npy', n.linspace(-1, 1, 48, dtype='f4').reshape(3, 16))"

// The same thing twice.
// RUN: lutra-bisect %s --input a=a.npy | FileCheck %s --check-prefix=SAME
// RUN: lutra-bisect %s --right='interpret:passes=lowbit-canonicalize-weights,lowbit-split-precompute,lowbit-pack-weights,convert-lowbit-to-lut' \
// RUN:   --input a=a.npy | FileCheck %s --check-prefix=SAME

// A weight means its planes with the unused ones dropped, also where that is still to be done (numerics.md).
// RUN: lutra-bisect %s --right=interpret:passes=lowbit-canonicalize-weights --input a=a.npy | FileCheck %s --check-prefix=SAME
// RUN: lutra-opt %s --lowbit-canonicalize-weights --mlir-print-debuginfo -o planes.mlir
// RUN: lutra-bisect planes.mlir --right=cpu --input a=a.npy | FileCheck %s --check-prefix=SAME
// SAME: the outputs are the same

// One constant altered: the op that it is, although two outputs and all later ops differ.
// RUN: sed 's/dense<0.75>/dense<0.75000006>/' %s > constant.mlir
// RUN: not lutra-bisect %s constant.mlir --input a=a.npy | FileCheck %s --check-prefix=CONSTANT
// CONSTANT: first difference: result 0 of 'arith.constant'
// CONSTANT-NEXT: dense<7.500000e-01>
// CONSTANT-NEXT: 4 of 4 elements differ; the first, at [0], is 0.75 against 0.75000006

// The same by halving, one value in each run.
// RUN: not lutra-bisect %s constant.mlir --input a=a.npy --one-at-a-time --verbose 2>&1 | FileCheck %s --check-prefix=HALVE
// HALVE: lutra-bisect: halving
// HALVE: lutra-bisect: candidate {{[0-9]+}} differs
// HALVE: first difference: result 0 of 'arith.constant'
// HALVE-NEXT: dense<7.500000e-01>

// A weight altered: it has no value to look at, so its product is named.
// RUN: sed 's/codes = dense<2>/codes = dense<3>/' %s > weight.mlir
// RUN: not lutra-bisect %s weight.mlir --input a=a.npy | FileCheck %s --check-prefix=WEIGHT
// WEIGHT: first difference: result 0 of 'lowbit.matmul' at {{.*}}lutra-bisect.mlir
// WEIGHT: 6 of 6 elements differ

// Two kinds of tables: the first product.
// RUN: not lutra-bisect %s --left=interpret:table=f32 --right=interpret:table=i8 --input a=a.npy | FileCheck %s --check-prefix=TABLES
// TABLES: left:  interpret:table=f32
// TABLES: right: interpret:table=i8
// TABLES: first difference: result 0 of 'lowbit.matmul'
// TABLES-NEXT: lowbit.matmul {{.*}}4x16
// RUN: lutra-bisect %s --left=interpret:table=f32 --right=interpret:table=i8 --tolerance=0.05 --input a=a.npy | FileCheck %s --check-prefix=SAME

// Against compiled code, with the same fault.
// RUN: not lutra-bisect planes.mlir --left=interpret:table=f32 --right=cpu:table=i8 --input a=a.npy --verbose 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: lutra-bisect: output 0: {{.*}} elements differ
// TARGET: right: cpu:table=i8
// TARGET: first difference: result 0 of 'lowbit.matmul'
// TARGET-NEXT: lowbit.matmul {{.*}}4x16

// RUN: not lutra-bisect %s --right=gpu --input a=a.npy 2>&1 | FileCheck %s --check-prefix=WAY
// WAY: lutra-bisect: error: 'gpu' is no way to run a module: expected interpret, or a target: unknown target 'gpu'
// RUN: not lutra-bisect %s --right=interpret:tables=f32 --input a=a.npy 2>&1 | FileCheck %s --check-prefix=KEY
// KEY: lutra-bisect: error: 'interpret:tables=f32': expected table=f32, table=i8 or passes=<pipeline> after 'interpret:', found 'tables=f32'
// RUN: not lutra-bisect %s --right=interpret:passes=no-such-pass --input a=a.npy 2>&1 | FileCheck %s --check-prefix=PASS
// PASS: lutra-bisect: error: way 'interpret:passes=no-such-pass': {{.*}}'no-such-pass' does not refer to a registered pass
// RUN: not lutra-bisect %s 2>&1 | FileCheck %s --check-prefix=INPUT
// INPUT: lutra-bisect: error: input 'a' is not given: add --input a=file.npy
// RUN: not lutra-bisect 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: lutra-bisect: error: expected one module, or two to compare (see --help)
// RUN: lutra-bisect --help | FileCheck %s --check-prefix=HELP
// HELP: OVERVIEW: name the first operation whose value differs between two runs of a module

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (j)>
!W = !lowbit.weight<4x16, #lowbit.uniform<bits = 4, group = 16>>
!V = !lowbit.weight<2x4, #lowbit.uniform<bits = 4, group = 4>>

func.func @main(%a: tensor<?x16xf32> {onnx.name = "a", onnx.dims = ["m", "16"]},
                %y: memref<?x2xf32, strided<[?, 1], offset: ?>> {onnx.name = "y", onnx.dims = ["m", "2"], lutra.output},
                %h: memref<?x4xf32, strided<[?, 1], offset: ?>> {onnx.name = "h", onnx.dims = ["m", "4"], lutra.output}) {
  %w = lowbit.weight {codes = dense<"0x1032547698BADCFE1032547698BADCFE00112233445566778899AABBCCDDEEFF"> : tensor<4x1x8xi8>, scales = dense<0.1> : tensor<4x1xf32>} : !W
  %v = lowbit.weight {codes = dense<2> : tensor<2x1x2xi8>, scales = dense<0.5> : tensor<2x1xf32>} : !V
  %0 = lowbit.matmul %a, %w : tensor<?x16xf32>, !W -> tensor<?x4xf32>
  %bias = arith.constant dense<0.75> : tensor<4xf32>
  %c0 = arith.constant 0 : index
  %m = tensor.dim %a, %c0 : tensor<?x16xf32>
  %e = tensor.empty(%m) : tensor<?x4xf32>
  %1 = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0, %bias : tensor<?x4xf32>, tensor<4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<?x4xf32>
  %2 = lowbit.matmul %1, %v : tensor<?x4xf32>, !V -> tensor<?x2xf32>
  bufferization.materialize_in_destination %2 in restrict writable %y : (tensor<?x2xf32>, memref<?x2xf32, strided<[?, 1], offset: ?>>) -> ()
  bufferization.materialize_in_destination %1 in restrict writable %h : (tensor<?x4xf32>, memref<?x4xf32, strided<[?, 1], offset: ?>>) -> ()
  return
}
