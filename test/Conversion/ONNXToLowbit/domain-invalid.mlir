// What ai.lutra.MatMul and Gather refuse, each by the node's name (docs/spec/onnx-domain.md, "Errors").
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

// The spelling of the format.
func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format': 'unifrom' is no format; expected uniform, ternary, bipolar, bcq, codebook, nested, mixed, outliers}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "unifrom(bits=3, group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format': expected ')', but found the end of 'uniform(bits=3, group=16'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format': expected nothing more, but found '>' at character 26 of 'uniform(bits=3, group=16)>'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)>"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format': expected a key that is not there yet, but found 'bits' at character 17 of 'uniform(bits=3, bits=3)'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, bits=3)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format': expected a key (formats come before keys), but found 'uniform' at character 20 of 'nested(min_bits=2, uniform(bits=3, group=16))'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "nested(min_bits=2, uniform(bits=3, group=16))"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format' nests formats too deeply: 'a(a(a(a(a(a())))))'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "a(a(a(a(a(a())))))"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', uniform: there is no key 'bit'; the keys are bits, group, zero, signed, per}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bit=3, group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', uniform: the key 'group' is missing}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', uniform: 'bits' must be an integer from 1 to 8, but is '9'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=9, group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', uniform: 'group' must be an integer from 1 to 262144, but is '0'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=0)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', uniform: 'bits' must be one value, but is a list}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=[3], group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', uniform: zero=midpoint is for unsigned codes; signed ones have none, integer or float}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16, signed=1, zero=midpoint)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', uniform: 'per' must be group, channel or tensor, but is 'row'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16, per=row)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', bipolar: 'zeta' must be a number, but is 'one'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "bipolar(planes=3, group=16, zeta=one)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', codebook: the table nf4 has 16 entries: 'bits' must be 4, but is 3}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "codebook(bits=3, group=16, table=nf4)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', nested: takes 1 formats, but there are 0}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "nested(min_bits=2)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', nested: the body must be uniform, bipolar, bcq without shift_terms, or codebook with table=channel, but is ternary}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "nested(ternary(group=16), min_bits=2)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<2x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<2x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', mixed: the parts have 2 rows together, but the attribute 'N' is 3}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "mixed(uniform(bits=3, group=16), rows=[2])"}}
      : (tensor<4x16xf32>, none, none, tensor<2x1x6xui8>, tensor<2x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', mixed: a part must not be nested or mixed, but one is nested}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "mixed(nested(uniform(bits=3, group=16), min_bits=2), rows=[3])"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', outliers: expected one of the keys 'columns' and 'entries'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "outliers(uniform(bits=3, group=16))"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

// Components: number, shape, type, constness.
func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  %c2 = onnx.constant "c2" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): expected the 2 components codes, scales from input 3 on, but there are 3 inputs}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1, %c2) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): the scales of the weight are missing: expected them as input 4, but there are 4 inputs}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x8xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): component 'codes' (input 3) must be 'ui8' of shape [3, 1, 6], but is 'ui8' of shape [3, 1, 8]}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x8xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xi8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): component 'codes' (input 3) must be 'ui8' of shape [3, 1, 6], but is 'i8' of shape [3, 1, 6]}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xi8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf64>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): the scales of the weight, input 4, must be f32, f16, bf16, f8E8M0FNU or f8E4M3FN, but are 'tensor<3x1xf64>'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf64>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<1x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): component 'scales' (input 4) must be 'f32' of shape [3, 1], but is 'f32' of shape [1, 1]}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16, per=channel)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<1x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  %c2 = onnx.constant "c2" dense<1> : tensor<3x1xui8>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): component 'zeros' (input 5) must be 'i8' of shape [3, 1], but is 'ui8' of shape [3, 1]}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1, %c2) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16, zero=integer, signed=1)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>, tensor<3x1xui8>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>, %c0: tensor<3x1x6xui8>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): component 'codes' (input 3) must be a constant (an initializer): weights are packed when the model is compiled}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  %c2 = onnx.constant "c2" dense<1> : tensor<1xi32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): the outliers' values are missing: expected them as input 6, but there are 6 inputs}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1, %c2) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "outliers(uniform(bits=3, group=16), columns=1)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>, tensor<1xi32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

// What only the data shows.
func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<[[[0, 0, 0, 0]], [[0x30, 0, 0, 0]], [[0, 0, 0, 0]]]> : tensor<3x1x4xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): component 'codes': the ternary code of element [1, 2] stands for no value (storage two_bit)}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "ternary(group=16)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x4xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<[[[242, 243, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 0]]]> : tensor<3x1x4xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): component 'codes': the ternary code of element [0, 5] stands for no value (storage five_in_eight)}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "ternary(group=16, storage=five_in_eight)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x4xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<[[[0, 0, 0, 255]], [[0, 0, 0, 255]], [[0xE0, 0, 0, 255]]]> : tensor<3x1x4xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): component 'codes': the ternary code of element [2, 3] stands for no value (storage three_in_five)}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "ternary(group=16, storage=three_in_five)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x4xui8>, tensor<3x1xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  %c2 = onnx.constant "c2" dense<[1, 0, 1]> : tensor<3xi32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): component 'permutation' must hold each of 0 to 2 once, but its element 2 is 1}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1, %c2) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "mixed(uniform(bits=3, group=16), rows=[3])"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>, tensor<3xi32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  %c2 = onnx.constant "c2" dense<[3, 3]> : tensor<2xi32>
  %c3 = onnx.constant "c3" dense<0.5> : tensor<3x2xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): component 'columns' must ascend within 0 to 15, but its element 1 is 3}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1, %c2, %c3) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "outliers(uniform(bits=3, group=16), columns=2)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>, tensor<2xi32>, tensor<3x2xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%a: tensor<4x16xf32>) -> tensor<4x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<3x1x6xui8>
  %c1 = onnx.constant "c1" dense<0.5> : tensor<3x1xf32>
  %c2 = onnx.constant "c2" dense<[[3, -1], [-1, 2], [0, 15]]> : tensor<3x2xi32>
  %c3 = onnx.constant "c3" dense<0.5> : tensor<3x2xf32>
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): component 'indices' must ascend within 0 to 15, with -1 only at the end of a row, but its element 3 is 2}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1, %c2, %c3) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "outliers(uniform(bits=3, group=16), entries=2)"}}
      : (tensor<4x16xf32>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>, tensor<3x2xi32>, tensor<3x2xf32>) -> tensor<4x3xf32>
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
