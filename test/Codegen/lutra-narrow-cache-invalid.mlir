// RUN: lutra-opt %s --lutra-narrow-cache --verify-diagnostics

// A cache that is not written to an output of the model stays as it is, and the user hears of it.
func.func @main(%q: tensor<1x?x16xf32>, %pk: tensor<1x1x?x16xf32>, %pv: tensor<1x1x?x16xf32>, %len: tensor<1xi32>, %total: tensor<i32>)
    -> tensor<1x?x16xf32> {
  // expected-warning @+1 {{keeps its cache in f32: expected its past and present to be inputs and outputs of the model}}
  %r:3 = lowbit.attention ins(%q, %q, %q, %pk, %pv, %len, %total : tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1xi32>, tensor<i32>)
    outs(%q, %pk, %pv : tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
    -> tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>
  return %r#0 : tensor<1x?x16xf32>
}
