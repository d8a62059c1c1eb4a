// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops --verify-diagnostics

func.func @still_on_tensors(%q: tensor<1x?x32xf32>, %c: tensor<1x2x?x16xf32>, %len: tensor<1xi32>, %total: tensor<i32>) {
  // expected-error @+1 {{must be on buffers: run one-shot-bufferize before convert-lowbit-to-loops}}
  %o:3 = lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total : tensor<1x?x32xf32>, tensor<1x?x32xf32>, tensor<1x?x32xf32>, tensor<1x2x?x16xf32>, tensor<1x2x?x16xf32>, tensor<1xi32>, tensor<i32>)
    outs(%q, %c, %c : tensor<1x?x32xf32>, tensor<1x2x?x16xf32>, tensor<1x2x?x16xf32>)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
    -> tensor<1x?x32xf32>, tensor<1x2x?x16xf32>, tensor<1x2x?x16xf32>
  return
}

// -----

!strided = memref<1x2x?x16xf32, strided<[?, ?, ?, 2]>>
func.func @not_contiguous(%q: memref<1x?x32xf32>, %c: !strided, %len: memref<1xi32>, %total: memref<i32>) {
  // expected-error @+1 {{must be contiguous in its last dimension}}
  lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total : memref<1x?x32xf32>, memref<1x?x32xf32>, memref<1x?x32xf32>, !strided, !strided, memref<1xi32>, memref<i32>)
    outs(%q, %c, %c : memref<1x?x32xf32>, !strided, !strided)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}
