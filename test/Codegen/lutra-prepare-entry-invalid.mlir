// RUN: lutra-opt %s --lutra-prepare-entry --split-input-file --verify-diagnostics

// expected-error@below {{expected a function @main with a body, the entry of the model}}
module {
  func.func @other() {
    return
  }
}

// -----

// expected-error@below {{expected @main to return nothing, but it returns 1 values: store them with bufferization.materialize_in_destination}}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error@below {{argument 0 of @main has type 'index', but an entry takes ranked tensors and buffers only}}
func.func @main(%i: index) {
  return
}

// -----

// expected-error@below {{argument 'in0' has elements of type 'i4', which no array can be passed as}}
func.func @main(%x: tensor<4xi4>) {
  return
}

// -----

// expected-error@below {{dimension 1 ('k') of output 'y' is not bound by any input}}
func.func @main(%x: tensor<?xf32> {onnx.dims = ["n"]},
                %y: memref<?x?xf32> {onnx.name = "y", onnx.dims = ["n", "k"], lutra.output}) {
  return
}
