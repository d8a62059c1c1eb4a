// lowbit-interpret: which functions run, how values are printed, and what cannot be interpreted.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics --split-input-file

func.func @numbers() -> (tensor<2x3xf32>, tensor<2xi8>, tensor<f16>, tensor<2xi1>, tensor<0x2xf32>) {
  %a = arith.constant dense<[[0.1, -0.0, 1.0e10], [0x7F800000, 0xFF800000, 0x7FC00000]]> : tensor<2x3xf32>
  %b = arith.constant dense<[-1, 127]> : tensor<2xi8>
  %c = arith.constant dense<0.333> : tensor<f16>
  %d = arith.constant dense<[true, false]> : tensor<2xi1>
  %e = arith.constant dense<> : tensor<0x2xf32>
  // expected-remark@below {{result 0: 'tensor<2x3xf32>' = [[0.1, -0, 1e+10], [inf, -inf, nan]]}}
  // expected-remark@below {{result 1: 'tensor<2xi8>' = [-1, 127]}}
  // expected-remark@below {{result 2: 'tensor<f16>' = 0.333}}
  // expected-remark@below {{result 3: 'tensor<2xi1>' = [true, false]}}
  // expected-remark@below {{result 4: 'tensor<0x2xf32>' = []}}
  return %a, %b, %c, %d, %e : tensor<2x3xf32>, tensor<2xi8>, tensor<f16>, tensor<2xi1>, tensor<0x2xf32>
}

// A function with inputs has no values; it may be called by one that has.
func.func private @callee(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = arith.addf %x, %x : tensor<2xf32>
  return %y : tensor<2xf32>
}

func.func @caller() -> tensor<2xf32> {
  %a = arith.constant dense<[1.0, 2.5]> : tensor<2xf32>
  %y = func.call @callee(%a) : (tensor<2xf32>) -> tensor<2xf32>
  // expected-remark@below {{[2, 5]}}
  return %y : tensor<2xf32>
}

// Output buffers are values too.
func.func @output(%out: memref<2xf32, strided<[1], offset: ?>> {onnx.name = "y", lutra.output}) {
  %a = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  bufferization.materialize_in_destination %a in restrict writable %out : (tensor<2xf32>, memref<2xf32, strided<[1], offset: ?>>) -> ()
  // expected-remark@below {{output y: [1, 2]}}
  return
}

// -----

func.func @unknown() -> tensor<2xf32> {
  %a = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  // expected-error@below {{the interpreter does not know 'tosa.abs'}}
  %y = tosa.abs %a : (tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

func.func @vectors() -> tensor<1xf32> {
  // expected-error@below {{the interpreter has no values of type 'vector<4xf32>'}}
  %v = arith.constant dense<1.0> : vector<4xf32>
  %a = arith.constant dense<1.0> : tensor<1xf32>
  return %a : tensor<1xf32>
}

// -----

// expected-error@below {{the interpreter needs a function with one block}}
func.func @blocks() -> tensor<1xf32> {
  %a = arith.constant dense<1.0> : tensor<1xf32>
  cf.br ^end
^end:
  return %a : tensor<1xf32>
}

// -----

func.func private @forever() -> tensor<1xf32> {
  // expected-error@below {{calls are nested deeper than 64}}
  %a = func.call @forever() : () -> tensor<1xf32>
  return %a : tensor<1xf32>
}

// -----

func.func @asserted() {
  %false = arith.constant false
  // expected-error@below {{node 'X': the mask is too short}}
  cf.assert %false, "node 'X': the mask is too short"
  return
}
