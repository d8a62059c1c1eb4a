// exp, erf and tanh of f32 have the bits of numerics.md, "Functions": the interpreter computes the same as the arithmetic that compiled code has in their place.

// RUN: lutra-opt %s --lowbit-interpret 2> %t.defined
// RUN: lutra-opt %s --lutra-approximate-math --lowbit-interpret 2> %t.compiled
// RUN: diff %t.defined %t.compiled
// RUN: FileCheck %s --input-file=%t.defined

#map = affine_map<(d0) -> (d0)>

// At the ends: 0 from -87.69 down, infinity past 88.72; NaN stays.
// CHECK: result 0: 'tensor<64xf32>' = [1, 1, 2.7182817, 0.36787945,
// CHECK: result 1: 'tensor<64xf32>' = [0, 0, 0.8427008, -0.8427008,
// CHECK: result 2: 'tensor<64xf32>' = [0, -0, 0.7615942, -0.7615942,
func.func @functions() -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) {
  %x = arith.constant dense<[0.0, -0.0, 1.0, -1.0, 0x7F800000, 0xFF800000, 0x7FC00000, 1.0e-45,
                             88.0, 88.37, 88.38, 88.72, 88.73, 88.79, 88.8, 89.0,
                             -86.0, -87.0, -87.33, -87.34, -87.68, -87.69, -87.8, -88.0,
                             0.34657358, 0.34657359, -0.34657358, 0.5, -0.5, 0.69314718, -0.69314718, 2.0,
                             0.799999, 0.8, 1.999999, 2.0, 3.749999, 3.75, -0.799999, -0.8,
                             -1.999999, -2.0, -3.749999, -3.75, 4.0e-4, 3.999999e-4, -4.0e-4, 1.0e-20,
                             7.998811, 7.9988117, 8.0, -7.9988117, -8.0, 1.0e30, -1.0e30, 10.0,
                             -10.0, 17.3, -23.7, 42.4242, -61.1, 3.1415927, -2.7182817, 1.4142135]> : tensor<64xf32>
  %o = tensor.empty() : tensor<64xf32>
  %r:3 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]}
      ins(%x : tensor<64xf32>) outs(%o, %o, %o : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) {
  ^bb0(%a: f32, %u: f32, %v: f32, %w: f32):
    %e = math.exp %a : f32
    %f = math.erf %a : f32
    %t = math.tanh %a : f32
    linalg.yield %e, %f, %t : f32, f32, f32
  } -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
  return %r#0, %r#1, %r#2 : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>
}
