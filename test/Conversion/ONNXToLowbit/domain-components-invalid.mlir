// Components of ai.lutra's weights that are missing, of another shape or type, or hold what stands for nothing.
// RUN: lutra-opt %s --split-input-file --verify-diagnostics --convert-onnx-to-lowbit

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
