// RUN: lutra-opt %s --convert-lut-to-loops --split-input-file --verify-diagnostics
// RUN: not lutra-opt %s --convert-lut-to-loops=accumulator-bits=24 --split-input-file 2>&1 | FileCheck %s --check-prefix=BITS
// BITS: accumulator-bits must be 16 or 32, but is 24
// RUN: not lutra-opt %s --convert-lut-to-loops=streams=0 --split-input-file 2>&1 | FileCheck %s --check-prefix=STREAMS
// RUN: not lutra-opt %s --convert-lut-to-loops=lookup-entries=32 --split-input-file 2>&1 | FileCheck %s --check-prefix=ENTRIES
// RUN: not lutra-opt %s --convert-lut-to-loops=prefetch-level=0 --split-input-file 2>&1 | FileCheck %s --check-prefix=LEVEL
// LEVEL: prefetch-level must be 1, 2 or 3, but is 0
// ENTRIES: lookup-entries must be 16 or 64, but is 32
// STREAMS: vector-rows, streams and chunk-rows must be positive, and prefetch-bytes and stream-prefetch-bytes not negative

!W = !lowbit.weight<8x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @on_tensors(%e: tensor<2x1x64xi8>, %s: tensor<2x1xf32>, %w: tensor<640xi8>, %o: tensor<2x8xf32>) {
  // expected-error @+1 {{is not on buffers; run one-shot-bufferize first}}
  %y = lut.matmul ins(%e, %s, %s, %w : tensor<2x1x64xi8>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<640xi8>)
      outs(%o : tensor<2x8xf32>) {weight = !W} -> tensor<2x8xf32>
  return
}

// -----

!W = !lowbit.weight<8x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 32, alpha = f16>>>
func.func @rows(%e: memref<2x1x64xi8>, %s: memref<2x1xf32>, %w: memref<320xi8>, %o: memref<2x8xf32>) {
  // expected-error @+1 {{loops are made for layouts of 64 rows with full indices, but the weight has #lowbit.layout<rows = 32, alpha = f16>; pack it with lowbit-pack-weights{rows=64}}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x64xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<320xi8>)
      outs(%o : memref<2x8xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<8x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
func.func @strides(%e: memref<2x1x64xi8>, %s: memref<2x1xf32>, %w: memref<640xi8>, %o: memref<2x8xf32, strided<[16, 2]>>) {
  // expected-error @+1 {{operand 4 must have an innermost stride of 1, but is 'memref<2x8xf32, strided<[16, 2]>>'; copy it first}}
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x64xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<640xi8>)
      outs(%o : memref<2x8xf32, strided<[16, 2]>>) {weight = !W}
  return
}
