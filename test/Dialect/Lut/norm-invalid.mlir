// RUN: lutra-opt %s --split-input-file --verify-diagnostics

func.func @activations_c1(%x: tensor<2x8xf16>, %w: tensor<8xf32>, %e: tensor<2x1x32xf32>, %s: tensor<2x1xf32>, %z: tensor<2x1xf32>) {
  // expected-error @+1 {{activations must be a matrix of f32 whose K is static, but are 'tensor<2x8xf16>' (C1)}}
  %t:3 = lut.norm_precompute ins(%x, %w : tensor<2x8xf16>, tensor<8xf32>) outs(%e, %s, %z : tensor<2x1x32xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
      {epsilon = 0.0 : f32, group = 8 : i64} -> tensor<2x1x32xf32>, tensor<2x1xf32>, tensor<2x1xf32>
  return
}

// -----

func.func @weight_c1(%x: tensor<2x8xf32>, %w: tensor<9xf32>, %e: tensor<2x1x32xf32>, %s: tensor<2x1xf32>, %z: tensor<2x1xf32>) {
  // expected-error @+1 {{weight must be 8 of 'f32', but is 'tensor<9xf32>' (C1)}}
  %t:3 = lut.norm_precompute ins(%x, %w : tensor<2x8xf32>, tensor<9xf32>) outs(%e, %s, %z : tensor<2x1x32xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
      {epsilon = 0.0 : f32, group = 8 : i64} -> tensor<2x1x32xf32>, tensor<2x1xf32>, tensor<2x1xf32>
  return
}

// -----

func.func @entries_c2(%x: tensor<2x8xf32>, %w: tensor<8xf32>, %e: tensor<2x1x31xf32>, %s: tensor<2x1xf32>, %z: tensor<2x1xf32>) {
  // expected-error @+1 {{entries must be 2x1x32 of 'i8' or 'i16' or 'f16' or 'f32', but is 'tensor<2x1x31xf32>' (C2)}}
  %t:3 = lut.norm_precompute ins(%x, %w : tensor<2x8xf32>, tensor<8xf32>) outs(%e, %s, %z : tensor<2x1x31xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
      {epsilon = 0.0 : f32, group = 8 : i64} -> tensor<2x1x31xf32>, tensor<2x1xf32>, tensor<2x1xf32>
  return
}

// -----

func.func @group_c3(%x: tensor<2x8xf32>, %w: tensor<8xf32>, %e: tensor<2x1x32xf32>, %s: tensor<2x1xf32>, %z: tensor<2x1xf32>) {
  // expected-error @+1 {{group must be positive and at most 2147483647, but is 0 (C3)}}
  %t:3 = lut.norm_precompute ins(%x, %w : tensor<2x8xf32>, tensor<8xf32>) outs(%e, %s, %z : tensor<2x1x32xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
      {epsilon = 0.0 : f32, group = 0 : i64} -> tensor<2x1x32xf32>, tensor<2x1xf32>, tensor<2x1xf32>
  return
}

// -----

func.func @epsilon_c3(%x: tensor<2x8xf32>, %w: tensor<8xf32>, %e: tensor<2x1x32xf32>, %s: tensor<2x1xf32>, %z: tensor<2x1xf32>) {
  // expected-error @+1 {{epsilon must be finite (C3)}}
  %t:3 = lut.norm_precompute ins(%x, %w : tensor<2x8xf32>, tensor<8xf32>) outs(%e, %s, %z : tensor<2x1x32xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
      {epsilon = 0x7F800000 : f32, group = 8 : i64} -> tensor<2x1x32xf32>, tensor<2x1xf32>, tensor<2x1xf32>
  return
}

// -----

func.func @results_c4(%x: tensor<2x8xf32>, %w: tensor<8xf32>, %e: tensor<2x1x32xf32>, %s: tensor<2x1xf32>, %z: tensor<2x1xf32>) {
  // expected-error @+1 {{on tensors there must be 3 results, but there are 0 (C4)}}
  lut.norm_precompute ins(%x, %w : tensor<2x8xf32>, tensor<8xf32>) outs(%e, %s, %z : tensor<2x1x32xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
      {epsilon = 0.0 : f32, group = 8 : i64}
  return
}
