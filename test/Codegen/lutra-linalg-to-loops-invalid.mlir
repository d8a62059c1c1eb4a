// RUN: lutra-opt %s --allow-unregistered-dialect --lutra-linalg-to-loops --split-input-file --verify-diagnostics

func.func @tensors(%x: tensor<4xf32>, %z: f32) -> tensor<4xf32> {
  // expected-error@below {{expected buffers: run one-shot-bufferize before lutra-linalg-to-loops}}
  %y = linalg.fill ins(%z : f32) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
