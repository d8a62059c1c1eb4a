// Formats of ai.lutra that do not parse or are out of range: each refused by the node's name (docs/spec/onnx-domain.md, "Errors").
// RUN: lutra-opt %s --split-input-file --verify-diagnostics --convert-onnx-to-lowbit

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
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', bipolar: 'zeta' must be a finite number, but is 'one'}}
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
  // expected-error @+1 {{node '/mm' (ai.lutra.MatMul): attribute 'format', bipolar: 'zeta' must be a finite number, but is '1e99'}}
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %c1) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "bipolar(planes=3, group=16, zeta=1e99)"}}
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
