// What the conversion refuses, and in which words.
// RUN: lutra-opt %s --split-input-file --verify-diagnostics --convert-onnx-to-lowbit

// expected-error @+1 {{expected a function @main of one block: the graph of an imported ONNX model}}
module {}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{node '/x' (my.domain.Mystery): this operator is not supported}}
  %y = onnx.node "Mystery" "/x" (%x) {domain = "my.domain", node_attrs = {}, version = 1 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{node '/act' (Sigmoid): attribute 'alpha' is not supported}}
  %y = onnx.node "Sigmoid" "/act" (%x) {domain = "", node_attrs = {alpha = 1.0 : f32}, version = 21 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf64>) -> tensor<4xf64> {
  // expected-error @+1 {{node '/act' (Sigmoid): input 'X' must be 'f32', but its elements are 'f64'}}
  %y = onnx.node "Sigmoid" "/act" (%x) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<4xf64>) -> tensor<4xf64>
  return %y : tensor<4xf64>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<5xf32> {
  // expected-error @+1 {{node '/act' (Sigmoid): output 0 is declared as 'tensor<5xf32>', but its inputs make it 'tensor<4xf32>'}}
  %y = onnx.node "Sigmoid" "/act" (%x) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<4xf32>) -> tensor<5xf32>
  return %y : tensor<5xf32>
}

// -----

func.func @main(%x: tensor<4x3xf32>, %y: tensor<2x3xf32>) -> tensor<4x3xf32> {
  // expected-error @+1 {{node '/add' (Add): sizes of the operands along dimension 0 (neither of them is 1) must agree, but they are 4 and 2}}
  %z = onnx.node "Add" "/add" (%x, %y) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<4x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  return %z : tensor<4x3xf32>
}

// -----

func.func @main(%x: tensor<4x3xf32>) -> tensor<5x3xf32> {
  %shape = onnx.constant "shape" dense<[5, 3]> : tensor<2xi64>
  // expected-error @+1 {{node '/reshape' (Reshape): the shape holds 15 elements where the input has 12 ('tensor<4x3xf32>')}}
  %z = onnx.node "Reshape" "/reshape" (%x, %shape) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<4x3xf32>, tensor<2xi64>) -> tensor<5x3xf32>
  return %z : tensor<5x3xf32>
}

// -----

func.func @main(%x: tensor<4x32xf32>, %b: tensor<3x2x8xui8>, %s: tensor<3x2xf32>) -> tensor<4x3xf32> {
  // expected-error @+1 {{node '/mm' (com.microsoft.MatMulNBits): attribute 'weight_prepacked' = 1 is not supported: only 0 is}}
  %y = onnx.node "MatMulNBits" "/mm" (%x, %b, %s) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {K = 32 : i64, N = 3 : i64, block_size = 16 : i64, weight_prepacked = 1 : i64}}
      : (tensor<4x32xf32>, tensor<3x2x8xui8>, tensor<3x2xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%x: tensor<4x32xf32>, %b: tensor<3x2x8xui8>, %s: tensor<3x2xf32>) -> tensor<4x3xf32> {
  // expected-error @+1 {{node '/mm' (com.microsoft.MatMulNBits): input 'B' must be a constant (an initializer): weights are packed when the model is compiled}}
  %y = onnx.node "MatMulNBits" "/mm" (%x, %b, %s) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {K = 32 : i64, N = 3 : i64, block_size = 16 : i64}}
      : (tensor<4x32xf32>, tensor<3x2x8xui8>, tensor<3x2xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%x: tensor<4x32xf32>, %g: tensor<32xi32>) -> tensor<4x3xf32> {
  %b = onnx.constant "b" dense<17> : tensor<3x2x8xui8>
  %s = onnx.constant "s" dense<0.5> : tensor<3x2xf32>
  %none = onnx.none
  // expected-error @+1 {{node '/mm' (com.microsoft.MatMulNBits): input 'g_idx' must be a constant (an initializer): weights are packed when the model is compiled}}
  %y = onnx.node "MatMulNBits" "/mm" (%x, %b, %s, %none, %g) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {K = 32 : i64, N = 3 : i64, block_size = 16 : i64}}
      : (tensor<4x32xf32>, tensor<3x2x8xui8>, tensor<3x2xf32>, none, tensor<32xi32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%x: tensor<4x32xf32>) -> tensor<4x3xf32> {
  %b = onnx.constant "b" dense<17> : tensor<3x2x16xui8>
  %s = onnx.constant "s" dense<0.5> : tensor<3x2xf32>
  // expected-error @+1 {{node '/mm' (com.microsoft.MatMulNBits): input 'B' must have shape [3, 2, 8], but is 'tensor<3x2x16xi8>'}}
  %y = onnx.node "MatMulNBits" "/mm" (%x, %b, %s) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {K = 32 : i64, N = 3 : i64, block_size = 16 : i64}}
      : (tensor<4x32xf32>, tensor<3x2x16xui8>, tensor<3x2xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%x: tensor<4x32xf32>) -> tensor<4x3xf32> {
  %b = onnx.constant "b" dense<17> : tensor<3x2x6xui8>
  %s = onnx.constant "s" dense<0.5> : tensor<3x2xf32>
  // expected-error @+1 {{node '/mm' (com.microsoft.MatMulNBits): attribute 'bits' must be 2, 4 or 8, but is 3}}
  %y = onnx.node "MatMulNBits" "/mm" (%x, %b, %s) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {K = 32 : i64, N = 3 : i64, bits = 3 : i64, block_size = 16 : i64}}
      : (tensor<4x32xf32>, tensor<3x2x6xui8>, tensor<3x2xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%x: tensor<4x48xf32>) -> tensor<4x3xf32> {
  %b = onnx.constant "b" dense<17> : tensor<3x2x8xui8>
  %s = onnx.constant "s" dense<0.5> : tensor<3x2xf32>
  // expected-error @+1 {{node '/mm' (com.microsoft.MatMulNBits): the last dimension of input 'A' must be K = 32, but it is 'tensor<4x48xf32>'}}
  %y = onnx.node "MatMulNBits" "/mm" (%x, %b, %s) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {K = 32 : i64, N = 3 : i64, block_size = 16 : i64}}
      : (tensor<4x48xf32>, tensor<3x2x8xui8>, tensor<3x2xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func @main(%q: tensor<1x3x128xf32>, %len: tensor<1xi32>, %total: tensor<i32>, %scale: tensor<1xf32>) -> tensor<1x3x64xf32> {
  %none = onnx.none
  // expected-error @+1 {{node '/layers.0/attn' (com.microsoft.GroupQueryAttention): input 'k_scale' needs attribute 'k_quant_type' or 'v_quant_type' to say what it scales}}
  %y = onnx.node "GroupQueryAttention" "/layers.0/attn"
      (%q, %none, %none, %none, %none, %len, %total, %none, %none, %none, %none, %none, %scale)
      {domain = "com.microsoft", version = 1 : i64, node_attrs = {num_heads = 4 : i64, kv_num_heads = 2 : i64}}
      : (tensor<1x3x128xf32>, none, none, none, none, tensor<1xi32>, tensor<i32>, none, none, none, none, none, tensor<1xf32>)
      -> tensor<1x3x64xf32>
  return %y : tensor<1x3x64xf32>
}

// -----

func.func @main(%q: tensor<1x3x100xf32>, %len: tensor<1xi32>, %total: tensor<i32>) -> tensor<1x3x64xf32> {
  %none = onnx.none
  // expected-error @+1 {{the last dimension of input 'query' must be a static multiple of 8 (num_heads + 2 kv_num_heads, for packed QKV), but the input is 'tensor<1x3x100xf32>'}}
  %y = onnx.node "GroupQueryAttention" "/attn" (%q, %none, %none, %none, %none, %len, %total)
      {domain = "com.microsoft", version = 1 : i64, node_attrs = {num_heads = 4 : i64, kv_num_heads = 2 : i64}}
      : (tensor<1x3x100xf32>, none, none, none, none, tensor<1xi32>, tensor<i32>) -> tensor<1x3x64xf32>
  return %y : tensor<1x3x64xf32>
}

// -----

func.func @main(%q: tensor<1x3x128xf32>, %len: tensor<1xi32>, %total: tensor<i32>) -> tensor<1x3x64xf32> {
  %none = onnx.none
  // expected-error @+1 {{node '/attn' (com.microsoft.GroupQueryAttention): attribute 'do_rotary' = 1 needs inputs 'cos_cache' and 'sin_cache'}}
  %y = onnx.node "GroupQueryAttention" "/attn" (%q, %none, %none, %none, %none, %len, %total)
      {domain = "com.microsoft", version = 1 : i64, node_attrs = {do_rotary = 1 : i64, num_heads = 4 : i64, kv_num_heads = 2 : i64}}
      : (tensor<1x3x128xf32>, none, none, none, none, tensor<1xi32>, tensor<i32>) -> tensor<1x3x64xf32>
  return %y : tensor<1x3x64xf32>
}

// -----

func.func @main(%x: tensor<2x8xf32>, %w: tensor<7xf32>) -> tensor<2x8xf32> {
  // expected-error @+1 {{node '/norm' (SimplifiedLayerNormalization): dimension 0 of input 'scale' and of the rows must agree, but they are 7 and 8}}
  %y = onnx.node "SimplifiedLayerNormalization" "/norm" (%x, %w) {domain = "", version = 1 : i64, node_attrs = {}}
      : (tensor<2x8xf32>, tensor<7xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

func.func @main(%x: tensor<7x16xi8>, %ids: tensor<?xi64>, %s: tensor<7x2xf32>) -> tensor<?x32xf32> {
  // expected-error @+1 {{input 'data' must be uint8 (codes packed in bytes), int4 or uint4, but is 'tensor<7x16xi8>'}}
  %y = onnx.node "GatherBlockQuantized" "/embed" (%x, %ids, %s) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {bits = 4 : i64, block_size = 16 : i64}}
      : (tensor<7x16xi8>, tensor<?xi64>, tensor<7x2xf32>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %starts = onnx.constant "starts" dense<3> : tensor<1xi64>
  %ends = onnx.constant "ends" dense<-5> : tensor<1xi64>
  %axes = onnx.constant "axes" dense<0> : tensor<1xi64>
  %steps = onnx.constant "steps" dense<0> : tensor<1xi64>
  // expected-error @+1 {{node '/slice' (Slice): a step must not be 0}}
  %y = onnx.node "Slice" "/slice" (%x, %starts, %ends, %axes, %steps) {domain = "", node_attrs = {}, version = 21 : i64}
      : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<1x2x64xf32>, %ids: tensor<1x2xi64>, %cos: tensor<32x4xf32>) -> tensor<1x2x64xf32> {
  // expected-error @+1 {{node '/rope' (com.microsoft.RotaryEmbedding): attribute 'rotary_embedding_dim' = 16 must be twice the 4 columns of 'cos_cache'}}
  %y = onnx.node "RotaryEmbedding" "/rope" (%x, %ids, %cos, %cos) {domain = "com.microsoft", version = 1 : i64,
      node_attrs = {num_heads = 4 : i64, rotary_embedding_dim = 16 : i64}}
      : (tensor<1x2x64xf32>, tensor<1x2xi64>, tensor<32x4xf32>, tensor<32x4xf32>) -> tensor<1x2x64xf32>
  return %y : tensor<1x2x64xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %none = onnx.none
  // expected-error @+1 {{node '/min' (Min): input 1 is required, but the node leaves it out}}
  %y = onnx.node "Min" "/min" (%x, %none, %x) {domain = "", node_attrs = {}, version = 21 : i64}
      : (tensor<4xf32>, none, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xi4>) -> tensor<4xi4> {
  // expected-error @+1 {{node '/neg' (Neg): input 0 is an array of i4, which this operator does not take: cast it before}}
  %y = onnx.node "Neg" "/neg" (%x) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<4xi4>) -> tensor<4xi4>
  return %y : tensor<4xi4>
}

// -----

func.func @main(%c: tensor<i1>, %x: tensor<4xf32>, %y: tensor<2x2xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{node '/if' (If): output 0 is 'tensor<4xf32>' from one branch and 'tensor<2x2xf32>' from the other: they must have one element type and rank}}
  %z = onnx.node "If" "/if" (%c) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<i1>) -> tensor<4xf32> branches {
    onnx.yield %x : tensor<4xf32>
  }, {
    onnx.yield %y : tensor<2x2xf32>
  }
  return %z : tensor<4xf32>
}
