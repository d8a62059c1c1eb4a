// What the verifiers refuse: one case per constraint.
// RUN: lutra-opt %s --split-input-file --verify-diagnostics

func.func @node_c1(%x: tensor<2xf32>) {
  // expected-error @+1 {{op_type must not be empty (C1)}}
  %y = onnx.node "" "/n" (%x) {domain = "", version = 21 : i64, node_attrs = {}} : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @node_c2(%x: memref<2xf32>) {
  // expected-error @+1 {{operand 0 must be a ranked tensor, !onnx.value or none, but is 'memref<2xf32>' (C2)}}
  %y = onnx.node "Neg" "/n" (%x) {domain = "", version = 21 : i64, node_attrs = {}} : (memref<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @node_c3(%x: tensor<2xf32>) {
  // expected-error @+1 {{result 0 must be a ranked tensor, !onnx.value or none, but is 'f32' (C3)}}
  %y = onnx.node "Neg" "/n" (%x) {domain = "", version = 21 : i64, node_attrs = {}} : (tensor<2xf32>) -> f32
  return
}

// -----

func.func @node_unranked(%x: tensor<*xf32>) {
  // expected-error @+1 {{operand 0 must be a ranked tensor, !onnx.value or none, but is 'tensor<*xf32>' (C2)}}
  %y = onnx.node "Neg" "/n" (%x) {domain = "", version = 21 : i64, node_attrs = {}} : (tensor<*xf32>) -> !onnx.value
  return
}

// -----

func.func @node_needs_version(%x: tensor<2xf32>) {
  // expected-error @+1 {{requires attribute 'version'}}
  %y = onnx.node "Neg" "/n" (%x) {domain = "", node_attrs = {}} : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @constant_needs_elements() {
  // expected-error @+1 {{invalid kind of attribute specified}}
  %c = onnx.constant "c" 1.0 : f32
  return
}

// -----

func.func @branches_yield_the_results(%c: tensor<i1>, %x: tensor<4xf32>) {
  // expected-error @+1 {{branch 0 must be one block without arguments that ends in onnx.yield of 1 values (C4)}}
  %0 = onnx.node "If" "choose" (%c) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<i1>) -> tensor<4xf32> branches {
    onnx.yield
  }
  return
}
