// What ai.lutra.MatMul and Gather refuse beside formats and components, each by the node's name.
// RUN: lutra-opt %s --split-input-file --verify-diagnostics --convert-onnx-to-lowbit

// The node: version, sizes, attributes, the activations.
func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): version 2 of the domain ai.lutra is not known: expected 1}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 2 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format' is required, but missing}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attributes 'N' and 'K' must be 1 to 2^31, but are 0 and 16}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 0 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'block_size' is not supported}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)", block_size = 16 : i64}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x20xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): the last dimension of input 'A' must be K = 16, but it is 'tensor<4x20xf32>'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4x20xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %pre0 = onnx.constant "pre0" dense<1.0> : tensor<4xf32>
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): input 'bias' must have shape [3], but is 'tensor<4xf32>'}}
  %y = onnx.node "MatMul" "/mm" (%a, %pre0, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4x16xf32>, tensor<4xf32>, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

// Activations and precision.
func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'activation' must be none, int<b>_per_token or int<b>_per_group with b = 2 to 8, or bipolar<b>_per_token or bipolar<b>_per_group with b = 1 to 7, but is 'int9_per_token'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)", activation = "int9_per_token"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<1x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<1x1xf32>
  %c2 = onnx.constant "c2" dense<17> : tensor<2x2x3xui8>
  %c3 = onnx.constant "c3" dense<0.5> : tensor<2x2xf32>
  %c4 = onnx.constant "c4" dense<[0, 1, 2]> : tensor<3xi32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'activation' asks for a scale per group, but the parts of the weight have groups of 16 and 8}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1, %c2, %c3, %c4) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "mixed(uniform(bits=3, group=16), uniform(bits=3, group=8), rows=[1, 2])", activation = "int8_per_group"}}
      : (tensor<4x16xf32>, none, none, tensor<1x1x6xui8>, tensor<1x1xf32>, tensor<2x2x3xui8>, tensor<2x2xf32>, tensor<3xi32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %pre1 = onnx.constant "pre1" dense<2> : tensor<i32>
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): input 'precision' is for a nested weight, but the format is 'uniform(bits=3, group=16)'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %pre1, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4x16xf32>, none, tensor<i32>, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %pre1 = onnx.constant "pre1" dense<4> : tensor<i64>
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): input 'precision' must be 2 to 3, but is 4}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %pre1, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "nested(uniform(bits=3, group=16), min_bits=2)"}}
      : (tensor<4x16xf32>, none, tensor<i64>, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %pre1 = onnx.constant "pre1" dense<2> : tensor<2xi32>
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): input 'precision' must be a scalar, but is 'tensor<2xi32>'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %pre1, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "nested(uniform(bits=3, group=16), min_bits=2)"}}
      : (tensor<4x16xf32>, none, tensor<2xi32>, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

// Gather.
func.func @main(%a: tensor<4xf32>) -> tensor<?x16xf32> {
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.Gather): input 'indices' must be 'i64' or 'i32', but its elements are 'f32'}}
  %y = onnx.node "Gather" "/mm" (%a, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4xf32>, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

func.func @main(%a: tensor<4xi64>) -> tensor<?x16xf32> {
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  %c2 = onnx.constant "c2" dense<[1, 0, 2]> : tensor<3xi32>
  // expected-error @+1 {{node '/mm' (ai.lutra.Gather): attribute 'format': rows cannot be looked up in a weight that is mixed or has outliers; store the table in one format}}
  %y = onnx.node "Gather" "/mm" (%a, %c0, %c1, %c2) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "mixed(uniform(bits=3, group=16), rows=[3])"}}
      : (tensor<4xi64>, tensor<3x1x6xui8>, tensor<3x1xf32>, tensor<3xi32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
