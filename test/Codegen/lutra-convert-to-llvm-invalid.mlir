// RUN: lutra-opt %s --lutra-convert-to-llvm --split-input-file --verify-diagnostics

// What an earlier pass should have lowered.

// expected-error @+1 {{failed to legalize operation 'func.func'}}
func.func @tensors(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

func.func @structured(%x: memref<4xf32>) {
  // expected-error @+1 {{failed to legalize operation 'linalg.exp'}}
  linalg.exp ins(%x : memref<4xf32>) outs(%x : memref<4xf32>)
  return
}
