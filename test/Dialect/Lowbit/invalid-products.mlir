// What the verifiers of the products, the tables and attention refuse.
// RUN: lutra-opt %s --split-input-file --verify-diagnostics

func.func @matmul_c1_k(%a: tensor<?x32xf32>, %w: !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>>) {
  // expected-error @+1 {{K of the activations is 32, but that of the weight is 64 (C1)}}
  %y = lowbit.matmul %a, %w : tensor<?x32xf32>, !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>> -> tensor<?x8xf32>
}

// -----

func.func @matmul_c1_n(%a: tensor<3x64xf32>, %w: !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>>) {
  // expected-error @+1 {{result must be 3x8, but is 'tensor<3x9xf32>' (C1)}}
  %y = lowbit.matmul %a, %w : tensor<3x64xf32>, !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>> -> tensor<3x9xf32>
}

// -----

func.func @matmul_c1_rank(%a: tensor<2x3x64xf32>, %w: !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>>) {
  // expected-error @+1 {{activations must be a matrix, but are 'tensor<2x3x64xf32>' (C1)}}
  %y = lowbit.matmul %a, %w : tensor<2x3x64xf32>, !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>> -> tensor<6x8xf32>
}

// -----

func.func @precompute_c1(%a: tensor<3x64xf32>) {
  // expected-error @+1 {{M and K of the activations and the table must agree, but these are 'tensor<3x64xf32>' and '!lowbit.table<4x64, group = 32, element = i8>' (C1)}}
  %t = lowbit.precompute %a : tensor<3x64xf32> -> !lowbit.table<4x64, group = 32, element = i8>
}

// -----

func.func @assemble_table_c1(%e: tensor<?x2x64xi8>, %s: tensor<?x2xf32>) {
  // expected-error @+1 {{entries must be 'tensor<?x2x128xi8>', but are 'tensor<?x2x64xi8>' (C1)}}
  %t = lowbit.assemble_table %e, %s, %s : tensor<?x2x64xi8>, tensor<?x2xf32>, tensor<?x2xf32> -> !lowbit.table<?x64, group = 32, element = i8>
}

// -----

func.func @assemble_table_c1_element(%e: tensor<?x2x128xf32>, %s: tensor<?x2xf32>) {
  // expected-error @+1 {{entries must be 'tensor<?x2x128xi8>', but are 'tensor<?x2x128xf32>' (C1)}}
  %t = lowbit.assemble_table %e, %s, %s : tensor<?x2x128xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> !lowbit.table<?x64, group = 32, element = i8>
}

// -----

func.func @lookup_matmul_c1_k(%t: !lowbit.table<?x32, group = 32, element = i8>, %w: !lowbit.weight<8x64, #lowbit.bcq<planes = 4, group = 32>>) {
  // expected-error @+1 {{K of the table is 32, but that of the weight is 64 (C1)}}
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x32, group = 32, element = i8>, !lowbit.weight<8x64, #lowbit.bcq<planes = 4, group = 32>> -> tensor<?x8xf32>
}

// -----

func.func @lookup_matmul_c1_group(%t: !lowbit.table<?x64, group = 16, element = i8>, %w: !lowbit.weight<8x64, #lowbit.bcq<planes = 4, group = 32>>) {
  // expected-error @+1 {{the group of the table is 16, but that of the weight is 32 (C1)}}
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x64, group = 16, element = i8>, !lowbit.weight<8x64, #lowbit.bcq<planes = 4, group = 32>> -> tensor<?x8xf32>
}

// -----

func.func @lookup_matmul_c2(%t: !lowbit.table<?x64, group = 32, element = i8>, %w: !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>>) {
  // expected-error @+1 {{the weight must be in bit planes, but its format is #lowbit.uniform<bits = 4, group = 32>; reinterpret it with lowbit-canonicalize-weights (C2)}}
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x64, group = 32, element = i8>, !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>> -> tensor<?x8xf32>
}

// -----

func.func @attention_inputs(%q: memref<1x1x64xf32>) {
  // expected-error @+1 {{expected 7 inputs (query, key, value, past_key, past_value, seqlens, total), then cos and sin, then sink, the last three optional, but found 1}}
  lowbit.attention ins(%q : memref<1x1x64xf32>) outs(%q, %q, %q : memref<1x1x64xf32>, memref<1x1x64xf32>, memref<1x1x64xf32>)
}

// -----

!q = memref<1x1x64xf32>
!kv = memref<1x1x32xf32>
!cache = memref<1x2x?x16xf32>

func.func @attention_c1_heads(%q: !q, %k: !kv, %past: !cache, %len: memref<1xi32>, %total: memref<i32>) {
  // expected-error @+1 {{num_heads must be a multiple of kv_heads, but they are 3 and 2 (C1)}}
  lowbit.attention ins(%q, %k, %k, %past, %past, %len, %total : !q, !kv, !kv, !cache, !cache, memref<1xi32>, memref<i32>)
      outs(%q, %past, %past : !q, !cache, !cache)
      {num_heads = 3 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}

// -----

!q = memref<1x1x64xf32>
!kv = memref<1x1x32xf32>
!cache = memref<1x2x?x16xf32>

func.func @attention_c1_query(%q: !q, %k: !kv, %past: !cache, %len: memref<1xi32>, %total: memref<i32>) {
  // expected-error @+1 {{num_heads*H of query is 64, but must be 128 (C1)}}
  lowbit.attention ins(%q, %k, %k, %past, %past, %len, %total : !q, !kv, !kv, !cache, !cache, memref<1xi32>, memref<i32>)
      outs(%q, %past, %past : !q, !cache, !cache)
      {num_heads = 8 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}

// -----

!q = memref<1x1x64xf32>
!kv = memref<1x1x32xf32>
!cache = memref<1x2x?x16xf32>

func.func @attention_c1_element(%q: !q, %k: !kv, %past: !cache, %len: memref<1xi64>, %total: memref<i32>) {
  // expected-error @+1 {{seqlens must be B x 'i32', but is 'memref<1xi64>' (C1)}}
  lowbit.attention ins(%q, %k, %k, %past, %past, %len, %total : !q, !kv, !kv, !cache, !cache, memref<1xi64>, memref<i32>)
      outs(%q, %past, %past : !q, !cache, !cache)
      {num_heads = 4 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}

// -----

!q = memref<1x1x64xf32>
!kv = memref<1x1x32xf32>
!cache = memref<1x2x?x16xf32>

func.func @attention_c1_mixed(%q: !q, %k: !kv, %past: !cache, %len: tensor<1xi32>, %total: memref<i32>) {
  // expected-error @+1 {{operands must be all tensors or all memrefs (C1)}}
  lowbit.attention ins(%q, %k, %k, %past, %past, %len, %total : !q, !kv, !kv, !cache, !cache, tensor<1xi32>, memref<i32>)
      outs(%q, %past, %past : !q, !cache, !cache)
      {num_heads = 4 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}

// -----

!q = memref<1x1x64xf32>
!kv = memref<1x1x32xf32>
!cache = memref<1x2x?x16xf32>

func.func @attention_c2(%q: !q, %k: !kv, %past: !cache, %len: memref<1xi32>, %total: memref<i32>, %cos: memref<8x8xf32>) {
  // expected-error @+1 {{cos and sin must come together (C2)}}
  "lowbit.attention"(%q, %k, %k, %past, %past, %len, %total, %cos, %q, %past, %past)
      <{num_heads = 4 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false,
        operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1>}>
      : (!q, !kv, !kv, !cache, !cache, memref<1xi32>, memref<i32>, memref<8x8xf32>, !q, !cache, !cache) -> ()
  return
}

// -----

!q = memref<1x1x64xf32>
!kv = memref<1x1x32xf32>
!cache = memref<1x2x?x16xf32>

func.func @attention_segments(%q: !q, %k: !kv, %past: !cache, %len: memref<1xi32>, %total: memref<i32>, %sink: memref<4xf32>) {
  // expected-error @+1 {{'operandSegmentSizes' must give operand group #14 one value, but gives it 0}}
  "lowbit.attention"(%q, %k, %k, %past, %past, %len, %total, %sink, %q, %past)
      <{num_heads = 4 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false,
        operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0>}>
      : (!q, !kv, !kv, !cache, !cache, memref<1xi32>, memref<i32>, memref<4xf32>, !q, !cache) -> ()
  return
}

// -----

!W = !lowbit.weight<16x64, #lowbit.uniform<bits = 4, group = 32>>

func.func @matmul_segments(%a: tensor<1x64xf32>) -> tensor<1x16xf32> {
  // expected-error @+1 {{'operandSegmentSizes' must give operand group #0 one value, but gives it 2}}
  %y = "lowbit.matmul"(%a, %a) <{operandSegmentSizes = array<i32: 2, 0, 0, 0>}> : (tensor<1x64xf32>, tensor<1x64xf32>) -> tensor<1x16xf32>
  return %y : tensor<1x16xf32>
}
