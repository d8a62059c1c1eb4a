// lutra-run --interpret: a function with weights and a bias, and what it refuses.

// RUN: %python -c "import numpy as n; n.save('%t.a.npy', n.arange(32, dtype='f4').reshape(2, 16)); n.save('%t.b.npy', n.array([100, 200], 'f4'))"
// RUN: lutra-run --interpret %s --table=f32 --input a=%t.a.npy --input bias=%t.b.npy --output-dir=%t.out | FileCheck %s --check-prefix=SHAPE
// RUN: %python -c "import numpy as n; print(n.load('%t.out/y.npy').tolist())" | FileCheck %s --check-prefix=VALUES
// SHAPE: output y: 2x2 f32
// VALUES: {{\[\[}}-352.0, -252.0], [-1312.0, -1212.0]]

// The kind of tables is the interpreter's choice where a product names none: here within the rounding of 16 bits.
// RUN: lutra-run --interpret %s --table=i16 --table-scale=row --input a=%t.a.npy --input bias=%t.b.npy --output-dir=%t.out16
// RUN: %python -c "import numpy as n; a, b = n.load('%t.out/y.npy'), n.load('%t.out16/y.npy'); print((a != b).any(), abs(a - b).max() < 1)" | FileCheck %s --check-prefix=KINDS
// KINDS: True True
// RUN: not lutra-run --interpret %s --table=f16 --table-scale=row --input a=%t.a.npy --input bias=%t.b.npy 2>&1 | FileCheck %s --check-prefix=SCALE
// SCALE: lutra-run: error: --table-scale is for quantized tables: take --table=i8 or --table=i16

// RUN: lutra-run --interpret %s --table=f32 --input a=%t.a.npy --input bias=%t.b.npy --print | FileCheck %s --check-prefix=PRINT
// PRINT: output y: 2x2 f32
// PRINT-NEXT: {{\[\[}}-352, -252], [-1312, -1212]]

// RUN: lutra-run --interpret %s --describe | FileCheck %s --check-prefix=DESCRIBE
// DESCRIBE: input a: ? x 16 f32
// DESCRIBE: input bias: 2 f32
// DESCRIBE: output y: ? x 2 f32

// RUN: not lutra-run --interpret %s --input a=%t.a.npy 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: lutra-run: error: input 'bias' is not given: add --input bias=file.npy

// RUN: not lutra-run --interpret %s --input a=%t.a.npy --input a=%t.a.npy 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: lutra-run: error: input 'a' is given twice

// RUN: not lutra-run --interpret %s --input a=%t.a.npy --input bais=%t.b.npy 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: lutra-run: error: there is no input 'bais' (the inputs are: a, bias)

// RUN: not lutra-run --interpret %s --input a=%t.a.npy --input bias=%t.a.npy 2>&1 | FileCheck %s --check-prefix=SHAPES
// SHAPES: error: input 'bias' is 2x16 f32, expected 2 f32
// SHAPES: lutra-run: error: '{{.*}}' could not be interpreted

// RUN: not lutra-run --interpret %s --function=other 2>&1 | FileCheck %s --check-prefix=FUNCTION
// FUNCTION: lutra-run: error: '{{.*}}' has no function 'other'

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (j)>

func.func @main(%a: tensor<?x16xf32> {onnx.name = "a"}, %bias: tensor<2xf32> {onnx.name = "bias"},
                %out: memref<?x2xf32, strided<[?, 1], offset: ?>> {onnx.name = "y", lutra.output}) {
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>}
      : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>> -> tensor<?x2xf32>
  %c0 = arith.constant 0 : index
  %m = tensor.dim %a, %c0 : tensor<?x16xf32>
  %empty = tensor.empty(%m) : tensor<?x2xf32>
  %sum = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y, %bias : tensor<?x2xf32>, tensor<2xf32>) outs(%empty : tensor<?x2xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<?x2xf32>
  bufferization.materialize_in_destination %sum in restrict writable %out
      : (tensor<?x2xf32>, memref<?x2xf32, strided<[?, 1], offset: ?>>) -> ()
  return
}
