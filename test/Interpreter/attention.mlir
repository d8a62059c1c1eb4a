// lowbit.attention: positions, rotation, the cache, and what cannot be.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics --split-input-file

// One token after one past position; scores 0 and ln 3: weights 1/4 and 3/4.
func.func @append() -> (tensor<1x1x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) {
  %q = arith.constant dense<[[[1.0986123, 0.0]]]> : tensor<1x1x2xf32>
  %k = arith.constant dense<[[[1.0, 0.0]]]> : tensor<1x1x2xf32>
  %v = arith.constant dense<[[[4.0, 8.0]]]> : tensor<1x1x2xf32>
  %pk = arith.constant dense<[[[[0.0, 5.0]]]]> : tensor<1x1x1x2xf32>
  %pv = arith.constant dense<[[[[0.0, 4.0]]]]> : tensor<1x1x1x2xf32>
  %len = arith.constant dense<1> : tensor<1xi32>
  %total = arith.constant dense<2> : tensor<i32>
  %eo = tensor.empty() : tensor<1x1x2xf32>
  %ek = tensor.empty() : tensor<1x1x2x2xf32>
  %o:3 = lowbit.attention ins(%q, %k, %v, %pk, %pv, %len, %total : tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>,
      tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>, tensor<1xi32>, tensor<i32>)
      outs(%eo, %ek, %ek : tensor<1x1x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>)
      {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
      -> tensor<1x1x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>
  %ten = arith.constant dense<1000.0> : tensor<1x1x2xf32>
  %s = arith.mulf %o#0, %ten : tensor<1x1x2xf32>
  %r = math.roundeven %s : tensor<1x1x2xf32>
  // expected-remark@below {{result 0: 'tensor<1x1x2xf32>' = [[[3000, 7000]]]}}
  // expected-remark@below {{result 1: 'tensor<1x1x2x2xf32>' = [[[[0, 5], [1, 0]]]]}}
  // expected-remark@below {{result 2: 'tensor<1x1x2x2xf32>' = [[[[0, 4], [4, 8]]]]}}
  return %r, %o#1, %o#2 : tensor<1x1x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>
}

// A prompt: the first token sees itself alone. Keys are rotated by their position: at 1 by a quarter turn.
func.func @prompt() -> (tensor<1x2x2xf32>, tensor<1x1x2x2xf32>) {
  %q = arith.constant dense<0.0> : tensor<1x2x2xf32>
  %k = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]]]> : tensor<1x2x2xf32>
  %v = arith.constant dense<[[[1.0, 0.0], [3.0, 2.0]]]> : tensor<1x2x2xf32>
  %p = arith.constant dense<> : tensor<1x1x0x2xf32>
  %len = arith.constant dense<1> : tensor<1xi32>
  %total = arith.constant dense<2> : tensor<i32>
  %cos = arith.constant dense<[[1.0], [0.0]]> : tensor<2x1xf32>
  %sin = arith.constant dense<[[0.0], [1.0]]> : tensor<2x1xf32>
  %eo = tensor.empty() : tensor<1x2x2xf32>
  %ek = tensor.empty() : tensor<1x1x2x2xf32>
  %o:3 = lowbit.attention ins(%q, %k, %v, %p, %p, %len, %total, %cos, %sin : tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>,
      tensor<1x1x0x2xf32>, tensor<1x1x0x2xf32>, tensor<1xi32>, tensor<i32>, tensor<2x1xf32>, tensor<2x1xf32>)
      outs(%eo, %ek, %ek : tensor<1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>)
      {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
      -> tensor<1x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>
  // expected-remark@below {{result 0: 'tensor<1x2x2xf32>' = [[[1, 0], [2, 1]]]}}
  // expected-remark@below {{result 1: 'tensor<1x1x2x2xf32>' = [[[[1, 2], [-4, 3]]]]}}
  return %o#0, %o#1 : tensor<1x2x2xf32>, tensor<1x1x2x2xf32>
}

// -----

func.func @cache_is_full() -> tensor<1x1x2xf32> {
  %q = arith.constant dense<1.0> : tensor<1x1x2xf32>
  %pk = arith.constant dense<1.0> : tensor<1x1x1x2xf32>
  %len = arith.constant dense<3> : tensor<1xi32>
  %total = arith.constant dense<4> : tensor<i32>
  %eo = tensor.empty() : tensor<1x1x2xf32>
  %ek = tensor.empty() : tensor<1x1x2x2xf32>
  // expected-error@below {{the new tokens of sequence 0 stand at positions 3 to 3, but the cache has 2 and the rotary tables have 2}}
  %o:3 = lowbit.attention ins(%q, %q, %q, %pk, %pk, %len, %total : tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>,
      tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>, tensor<1xi32>, tensor<i32>)
      outs(%eo, %ek, %ek : tensor<1x1x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>)
      {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
      -> tensor<1x1x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>
  return %o#0 : tensor<1x1x2xf32>
}
