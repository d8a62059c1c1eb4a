// A model computes the same bits with its bias, gate and residual in the kernels of its products, and with its products merged, as without; and
// what the interpreter says. 131 channels leave a last tile that is not full. All by lookup: what the number of rows decides has branches, and no epilogue.

// RUN: rm -rf %t && mkdir -p %t
// RUN: %python -c "import numpy as n; r = n.random.default_rng(7); [n.save(f'%t/{k}.npy', r.standard_normal(s).astype('f4')) for k, s in (('a', (5, 32)), ('r', (5, 131)))]"
// RUN: lutra-run --interpret %s --input a=%t/a.npy --input r=%t/r.npy --output-dir=%t/reference

// RUN: lutrac %s -o %t/plain.lutra --target-option=cpu.strategy=lut
// RUN: lutra-run %t/plain.lutra --input a=%t/a.npy --input r=%t/r.npy --output-dir=%t/plain
// RUN: cmp %t/plain/y.npy %t/reference/y.npy

// RUN: lutrac %s -o %t/fused.lutra --target-option=cpu.strategy=lut --target-option=cpu.fuse-epilogue=on -Rpass=lowbit-fuse-epilogue 2>&1 | FileCheck %s --check-prefix=FUSED
// FUSED: Reason="the product applies 4 operations to its outputs before it stores them", operands=3, operations=4
// RUN: lutra-run %t/fused.lutra --input a=%t/a.npy --input r=%t/r.npy --output-dir=%t/fused
// RUN: cmp %t/fused/y.npy %t/reference/y.npy

// Portable code, and one row.
// RUN: lutrac %s -o %t/portable.lutra --target-option=cpu.strategy=lut --target-option=cpu.fuse-epilogue=on --target-option=cpu.mcpu=x86-64
// RUN: lutra-run %t/portable.lutra --input a=%t/a.npy --input r=%t/r.npy --output-dir=%t/portable
// RUN: cmp %t/portable/y.npy %t/reference/y.npy

// RUN: lutrac %s -o %t/merged.lutra --target-option=cpu.strategy=lut --target-option=cpu.merge-matmuls=on -Rpass=lowbit-merge-matmuls 2>&1 | FileCheck %s --check-prefix=MERGED
// MERGED: Reason="2 products of the same activations become one of 262 channels"
// RUN: lutra-run %t/merged.lutra --input a=%t/a.npy --input r=%t/r.npy --output-dir=%t/merged
// RUN: cmp %t/merged/y.npy %t/reference/y.npy

// Every prefix of the pipeline computes them, and the tensor core's host code does what its products do not.
// RUN: lutrac %s --compile-to=tables --target-option=cpu.strategy=lut --target-option=cpu.fuse-epilogue=on --target-option=cpu.merge-matmuls=on -o %t/tables.mlir
// RUN: lutra-run --interpret %t/tables.mlir --input a=%t/a.npy --input r=%t/r.npy --output-dir=%t/tables
// RUN: cmp %t/tables/y.npy %t/reference/y.npy
// RUN: lutra-opt %s --lutra-lowbit-to-tables='fuse-epilogue=true symmetric=true' -o %t/ltc.mlir
// RUN: FileCheck %s --check-prefix=TABLES --input-file=%t/ltc.mlir
// TABLES: epilogue(
// RUN: lutrac %t/ltc.mlir --target=ltc -o %t/ltc.lutra
// RUN: lutra-run %t/ltc.lutra --input a=%t/a.npy --input r=%t/r.npy --output-dir=%t/ltc --device-report | FileCheck %s --check-prefix=REPORT
// REPORT: machine ltc-1: one m2n64k4 array
// REPORT: total 3 15
// RUN: cmp %t/ltc/y.npy %t/reference/y.npy

#id = affine_map<(i, j) -> (i, j)>
#channel = affine_map<(i, j) -> (j)>
!w = !lowbit.weight<131x32, #lowbit.uniform<bits = 4, group = 16>>
!p = !lowbit.weight<131x32, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>>

func.func @main(%a: tensor<?x32xf32> {onnx.name = "a", onnx.dims = ["rows", "32"]},
                %r: tensor<?x131xf32> {onnx.name = "r", onnx.dims = ["rows", "131"]},
                %out: memref<?x131xf32, strided<[?, 1], offset: ?>> {onnx.name = "y", onnx.dims = ["rows", "131"], lutra.output}) {
  %w = lowbit.weight {codes = dense<99> : tensor<131x2x8xi8>, scales = dense<0.5> : tensor<131x2xf32>} : !w
  %v = lowbit.weight {codes = dense<-91> : tensor<131x2x8xi8>, scales = dense<0.3> : tensor<131x2xf32>} : !w
  %wp = lowbit.reinterpret %w : !w to !p
  %vp = lowbit.reinterpret %v : !w to !p
  %bias = arith.constant dense<0.7> : tensor<131xf32>
  %x = lowbit.matmul %a, %wp : tensor<?x32xf32>, !p -> tensor<?x131xf32>
  %y = lowbit.matmul %a, %vp : tensor<?x32xf32>, !p -> tensor<?x131xf32>
  %c0 = arith.constant 0 : index
  %m = tensor.dim %a, %c0 : tensor<?x32xf32>
  %empty = tensor.empty(%m) : tensor<?x131xf32>
  %gated = linalg.generic {indexing_maps = [#id, #channel, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %bias, %y : tensor<?x131xf32>, tensor<131xf32>, tensor<?x131xf32>) outs(%empty : tensor<?x131xf32>) {
  ^bb0(%p: f32, %b: f32, %q: f32, %o: f32):
    %zero = arith.constant 0.0 : f32
    %s = arith.addf %p, %b : f32
    %relu = arith.maximumf %s, %zero : f32
    %g = arith.mulf %relu, %q : f32
    linalg.yield %g : f32
  } -> tensor<?x131xf32>
  %sum = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%gated, %r : tensor<?x131xf32>, tensor<?x131xf32>) outs(%empty : tensor<?x131xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<?x131xf32>
  bufferization.materialize_in_destination %sum in restrict writable %out
      : (tensor<?x131xf32>, memref<?x131xf32, strided<[?, 1], offset: ?>>) -> ()
  return
}
