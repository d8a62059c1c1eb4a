// RUN: lutra-opt %s --lowbit-interpret --allow-unregistered-dialect --split-input-file --verify-diagnostics

func.func @unknown() -> tensor<2xf32> {
  // expected-error @+1 {{the interpreter does not know 'test.values'}}
  %x = "test.values"() : () -> tensor<2xf32>
  return %x : tensor<2xf32>
}

// -----

// A function with inputs, or without a body, is left alone: there is nothing to evaluate.
func.func @inputs(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}

func.func private @declared() -> tensor<2xf32>
