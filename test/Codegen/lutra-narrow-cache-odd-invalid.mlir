// RUN: lutra-opt %s --lutra-narrow-cache=kind=i4 --verify-diagnostics

// Heads of 15 elements do not fill bytes with pairs of codes: the cache stays as it is, and the user hears of it.
func.func @main(%q: tensor<1x?x15xf32>, %pk: tensor<1x1x?x15xf32>, %pv: tensor<1x1x?x15xf32>, %len: tensor<1xi32>, %total: tensor<i32>, %t: index,
                %n: index, %k: memref<1x1x?x15xf32>, %v: memref<1x1x?x15xf32>) -> tensor<1x?x15xf32> {
  %e = tensor.empty(%t) : tensor<1x1x?x15xf32>
  %o = tensor.empty(%n) : tensor<1x?x15xf32>
  // expected-warning @+1 {{keeps its cache in f32: codes need heads of a static size, which is even for 4 bits; take cpu.kv-cache=f16}}
  %r:3 = lowbit.attention ins(%q, %q, %q, %pk, %pv, %len, %total : tensor<1x?x15xf32>, tensor<1x?x15xf32>, tensor<1x?x15xf32>, tensor<1x1x?x15xf32>, tensor<1x1x?x15xf32>, tensor<1xi32>, tensor<i32>)
    outs(%o, %e, %e : tensor<1x?x15xf32>, tensor<1x1x?x15xf32>, tensor<1x1x?x15xf32>)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
    -> tensor<1x?x15xf32>, tensor<1x1x?x15xf32>, tensor<1x1x?x15xf32>
  bufferization.materialize_in_destination %r#1 in restrict writable %k : (tensor<1x1x?x15xf32>, memref<1x1x?x15xf32>) -> ()
  bufferization.materialize_in_destination %r#2 in restrict writable %v : (tensor<1x1x?x15xf32>, memref<1x1x?x15xf32>) -> ()
  return %r#0 : tensor<1x?x15xf32>
}
