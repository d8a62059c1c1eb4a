// ai.lutra.MatMul: every format becomes a lowbit.weight over the components as they are stored, and one product.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[W:.*]] = lowbit.weight {codes = dense<17> : tensor<3x2x6xi8>, scales = dense<5.000000e-01> : tensor<3x2xf16>}
// CHECK-SAME: !lowbit.weight<3x20, #lowbit.uniform<bits = 3, group = 16, scale = f16>>
// CHECK-DAG: %[[FLAT:.*]] = tensor.collapse_shape
// CHECK: %[[Y:.*]] = lowbit.matmul %[[FLAT]], %[[W]] : tensor<?x20xf32>
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[Y]], %{{.*}} : tensor<?x3xf32>, tensor<3xf32>)
// CHECK: tensor.expand_shape %[[SUM]]
func.func @main(%a: tensor<?x?x20xf32> {onnx.name = "a", onnx.dims = ["b", "s", "20"]})
    -> (tensor<?x?x3xf32> {onnx.name = "y", onnx.dims = ["b", "s", "3"]}) {
  %none = onnx.none
  %bias = onnx.constant "bias" dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %c = onnx.constant "codes" dense<17> : tensor<3x2x6xui8>
  %s = onnx.constant "scales" dense<0.5> : tensor<3x2xf16>
  %y = onnx.node "MatMul" "/mm" (%a, %bias, %none, %c, %s) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 20 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<?x?x20xf32>, tensor<3xf32>, none, tensor<3x2x6xui8>, tensor<3x2xf16>) -> tensor<?x?x3xf32>
  return %y : tensor<?x?x3xf32>
}

// -----

// Signed codes and zero points; a scale and a zero point for the whole weight; blanks in the spelling.
// CHECK-LABEL: func.func @main
// CHECK: lowbit.weight {codes = dense<17> : tensor<3x1x10xi8>, scales = dense<2.000000e+00> : tensor<1x1xf8E8M0FNU>, zeros = dense<-3> : tensor<1x1xi8>}
// CHECK-SAME: #lowbit.uniform<bits = 5, group = 16, zero = integer, signed = true, per = tensor, scale = f8E8M0FNU>
func.func @main(%a: tensor<5x16xf32>) -> tensor<5x3xf32> {
  %none = onnx.none
  %c = onnx.constant "codes" dense<17> : tensor<3x1x10xui8>
  %s = onnx.constant "scales" dense<2.0> : tensor<1x1xf8E8M0FNU>
  %z = onnx.constant "zeros" dense<-3> : tensor<1x1xi8>
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c, %s, %z) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = " uniform ( bits = 5,group=16 , signed=1, zero=integer, per=tensor)"}}
      : (tensor<5x16xf32>, none, none, tensor<3x1x10xui8>, tensor<1x1xf8E8M0FNU>, tensor<1x1xi8>) -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

// -----

// Quantized activations: BitNet's A8 on ternary weights.
// CHECK-LABEL: func.func @main
// CHECK: %[[W:.*]] = lowbit.weight {{.*}} #lowbit.ternary<group = 16, storage = five_in_eight, per = tensor>
// CHECK: %[[Q:.*]], %[[S:.*]] = lowbit.quantize_activations %{{.*}} {bits = 8 : i64, kind = #lowbit.codes<absmax>} : tensor<5x20xf32> -> tensor<5x20xi8>, tensor<5x1xf32>
// CHECK: lowbit.matmul %[[Q]], %[[W]] scales(%[[S]] : tensor<5x1xf32>) {act_bits = 8 : i64}
func.func @main(%a: tensor<5x20xf32>) -> tensor<5x3xf32> {
  %none = onnx.none
  %c = onnx.constant "codes" dense<17> : tensor<3x2x4xui8>
  %s = onnx.constant "scales" dense<2.0> : tensor<1x1xf32>
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c, %s) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 20 : i64, N = 3 : i64, activation = "int8_per_token",
                    format = "ternary(group=16, storage=five_in_eight, per=tensor)"}}
      : (tensor<5x20xf32>, none, none, tensor<3x2x4xui8>, tensor<1x1xf32>) -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

// -----

// Half precision in and out: the product rounds once. Codes are chosen from f32.
// CHECK-LABEL: func.func @main
// CHECK: lowbit.matmul %arg0, %{{.*}} : tensor<5x16xf16>, {{.*}} -> tensor<5x3xf16>
// CHECK: %[[WIDE:.*]] = linalg.generic {{.*}} ins(%arg0 : tensor<5x16xf16>) outs(%{{.*}} : tensor<5x16xf32>)
// CHECK: arith.extf
// CHECK: lowbit.quantize_activations
// CHECK: %[[Y:.*]] = lowbit.matmul {{.*}} -> tensor<5x3xf32>
// CHECK: linalg.generic {{.*}} ins(%[[Y]] : tensor<5x3xf32>) outs(%{{.*}} : tensor<5x3xf16>)
// CHECK: arith.truncf
func.func @main(%a: tensor<5x16xf16>) -> (tensor<5x3xf16>, tensor<5x3xf16>) {
  %none = onnx.none
  %c = onnx.constant "codes" dense<17> : tensor<3x1x6xui8>
  %s = onnx.constant "scales" dense<2.0> : tensor<3x1xf32>
  %y = onnx.node "MatMul" "/half" (%a, %none, %none, %c, %s) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)"}}
      : (tensor<5x16xf16>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<5x3xf16>
  %z = onnx.node "MatMul" "/codes" (%a, %none, %none, %c, %s) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "uniform(bits=3, group=16)", activation = "int8_per_token"}}
      : (tensor<5x16xf16>, none, none, tensor<3x1x6xui8>, tensor<3x1xf32>) -> tensor<5x3xf16>
  return %y, %z : tensor<5x3xf16>, tensor<5x3xf16>
}

// -----

// The bytes of a model's file stay where they are: components are the very resources of the constants.
// CHECK-LABEL: func.func @main
// CHECK: lowbit.weight {codes = dense_resource<stored> : tensor<1x1x8xi8>, scales = dense<1.000000e+00> : tensor<1x1xf32>}
func.func @main(%a: tensor<5x16xf32>) -> tensor<5x1xf32> {
  %none = onnx.none
  %c = onnx.constant "codes" dense_resource<stored> : tensor<1x1x8xui8>
  %s = onnx.constant "scales" dense<1.0> : tensor<1x1xf32>
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c, %s) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 1 : i64, format = "codebook(bits=4, group=16, table=nf4)"}}
      : (tensor<5x16xf32>, none, none, tensor<1x1x8xui8>, tensor<1x1xf32>) -> tensor<5x1xf32>
  return %y : tensor<5x1xf32>
}
{-#
  dialect_resources: {
    builtin: {
      stored: "0x010000000102030405060708"
    }
  }
#-}

// -----

// A scale for each group, and odd codes: b planes need b + 1 bits.
// CHECK-LABEL: func.func @main
// CHECK: lowbit.weight {{.*}} #lowbit.bipolar<planes = 2, group = 16, zeta = -1.000000e+00 : f32>
// CHECK: lowbit.quantize_activations %{{.*}} {bits = 4 : i64, group = 16 : i64, kind = #lowbit.codes<bipolar>} : tensor<5x20xf32> -> tensor<5x20xi8>, tensor<5x2xf32>
// CHECK: lowbit.matmul %{{.*}} scales(%{{.*}} : tensor<5x2xf32>) {act_bits = 5 : i64}
func.func @main(%a: tensor<5x20xf32>) -> tensor<5x3xf32> {
  %none = onnx.none
  %c = onnx.constant "codes" dense<17> : tensor<3x2x4xui8>
  %s = onnx.constant "alphas" dense<2.0> : tensor<3x2xf32>
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c, %s) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 20 : i64, N = 3 : i64, activation = "bipolar4_per_group", format = "bipolar(planes=2, group=16, zeta=-1)"}}
      : (tensor<5x20xf32>, none, none, tensor<3x2x4xui8>, tensor<3x2xf32>) -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: lowbit.weight {alphas = dense<64> : tensor<3x1x2x3xi8>, betas = dense<1.000000e+00> : tensor<3x1xf32>, codes = dense<17> : tensor<3x1x4xi8>}
// CHECK-SAME: #lowbit.bcq<planes = 2, group = 16, per = channel, shift_terms = 3>
func.func @main(%a: tensor<5x16xf32>) -> tensor<5x3xf32> {
  %none = onnx.none
  %c = onnx.constant "codes" dense<17> : tensor<3x1x4xui8>
  %s = onnx.constant "alphas" dense<64> : tensor<3x1x2x3xui8>
  %b = onnx.constant "betas" dense<1.0> : tensor<3x1xf32>
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c, %s, %b) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "bcq(planes=2, group=16, shift_terms=3, per=channel)"}}
      : (tensor<5x16xf32>, none, none, tensor<3x1x4xui8>, tensor<3x1x2x3xui8>, tensor<3x1xf32>) -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

// -----

// NVFP4.
// CHECK-LABEL: func.func @main
// CHECK: #lowbit.codebook<bits = 4, group = 16, table = e2m1, scale = f8E4M3FN, global_scale = true>
func.func @main(%a: tensor<5x16xf32>) -> tensor<5x3xf32> {
  %none = onnx.none
  %c = onnx.constant "codes" dense<17> : tensor<3x1x8xui8>
  %s = onnx.constant "scales" dense<2.0> : tensor<3x1xf8E4M3FN>
  %g = onnx.constant "global" dense<0.125> : tensor<1xf32>
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c, %s, %g) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "codebook(bits=4, group=16, table=e2m1, global_scale=1)"}}
      : (tensor<5x16xf32>, none, none, tensor<3x1x8xui8>, tensor<3x1xf8E4M3FN>, tensor<1xf32>) -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

// -----

// A nested weight at a constant precision is truncated; one that is an input stays an operand, clamped into i32.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[P:[a-z0-9]+]]: tensor<i64>
// CHECK: %[[W:.*]] = lowbit.weight {{.*}} !lowbit.weight<3x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 3>>
// CHECK-DAG: lowbit.truncate %[[W]] : {{.*}} to !lowbit.weight<3x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -6.250000e-02 : f32>>
// CHECK-DAG: %[[WIDE:.*]] = tensor.extract %[[P]][] : tensor<i64>
// CHECK: %[[BITS:.*]] = arith.trunci %{{.*}} : i64 to i32
// CHECK: lowbit.matmul %{{.*}}, %{{.*}} precision(%[[BITS]])
func.func @main(%a: tensor<5x16xf32>, %p: tensor<i64>) -> (tensor<5x3xf32>, tensor<5x3xf32>) {
  %none = onnx.none
  %c = onnx.constant "codes" dense<17> : tensor<3x1x16xui8>
  %s = onnx.constant "scales" dense<2.0> : tensor<3x1xf32>
  %four = onnx.constant "four" dense<4> : tensor<i32>
  %y = onnx.node "MatMul" "/four" (%a, %none, %four, %c, %s) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "nested(uniform(bits=8, group=16), min_bits=3)"}}
      : (tensor<5x16xf32>, none, tensor<i32>, tensor<3x1x16xui8>, tensor<3x1xf32>) -> tensor<5x3xf32>
  %z = onnx.node "MatMul" "/any" (%a, %none, %p, %c, %s) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 16 : i64, N = 3 : i64, format = "nested(uniform(bits=8, group=16), min_bits=3)"}}
      : (tensor<5x16xf32>, none, tensor<i64>, tensor<3x1x16xui8>, tensor<3x1xf32>) -> tensor<5x3xf32>
  return %y, %z : tensor<5x3xf32>, tensor<5x3xf32>
}

// -----

// Parts keep the types of their own scales; components are named by part. Codes of ternary padding may be anything.
// CHECK-LABEL: func.func @main
// CHECK: lowbit.weight {"0.codes" = dense<17> : tensor<1x1x4xi8>, "0.scales" = dense<1.000000e+00> : tensor<1x1xbf16>,
// CHECK-SAME{LITERAL}: "1.body.codes" = dense<[[[21, -11]], [[21, -11]]]> : tensor<2x1x2xi8>
// CHECK-SAME: "1.body.scales"
// CHECK-SAME: "1.indices"
// CHECK-SAME: "1.values"
// CHECK-SAME: permutation = dense<[2, 0, 1]> : tensor<3xi32>
// CHECK-SAME: #lowbit.mixed<rows = [1, 2], formats = [#lowbit.uniform<bits = 4, group = 8, scale = bf16>, #lowbit.outliers<#lowbit.ternary<group = 8>, entries = 2, value = f16>]>
func.func @main(%a: tensor<5x6xf32>) -> tensor<5x3xf32> {
  %none = onnx.none
  %c0 = onnx.constant "c0" dense<17> : tensor<1x1x4xui8>
  %s0 = onnx.constant "s0" dense<1.0> : tensor<1x1xbf16>
  %c1 = onnx.constant "c1" dense<[[[0x15, 0xF5]], [[0x15, 0xF5]]]> : tensor<2x1x2xui8>
  %s1 = onnx.constant "s1" dense<1.0> : tensor<2x1xf32>
  %i1 = onnx.constant "i1" dense<[[2, 5], [0, -1]]> : tensor<2x2xi32>
  %v1 = onnx.constant "v1" dense<9.0> : tensor<2x2xf16>
  %p = onnx.constant "p" dense<[2, 0, 1]> : tensor<3xi32>
  %y = onnx.node "MatMul" "/mm" (%a, %none, %none, %c0, %s0, %c1, %s1, %i1, %v1, %p) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 6 : i64, N = 3 : i64, format = "mixed(uniform(bits=4, group=8), outliers(ternary(group=8), entries=2), rows=[1, 2])"}}
      : (tensor<5x6xf32>, none, none, tensor<1x1x4xui8>, tensor<1x1xbf16>, tensor<2x1x2xui8>, tensor<2x1xf32>, tensor<2x2xi32>,
         tensor<2x2xf16>, tensor<3xi32>) -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

// -----

// Gather: rows decoded where they are looked up, from the bytes of the model; indices are checked once.
// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[CODES:.*]] = arith.constant dense<{{.*}}> : tensor<2x1x2xi8>
// CHECK-DAG: %[[SCALES:.*]] = arith.constant dense<{{.*}}> : tensor<2x1xf16>
// CHECK: cf.assert %{{.*}}, "node '/embed' (ai.lutra.Gather): an index is out of range for axis 0 of the weight"
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<?x3xf32>)
// CHECK-COUNT-2: tensor.extract %[[CODES]]
// CHECK: tensor.extract %[[SCALES]]
// CHECK: arith.truncf %{{.*}} : f64 to f32
func.func @main(%ids: tensor<?xi64> {onnx.name = "ids", onnx.dims = ["n"]})
    -> (tensor<?x3xf32> {onnx.name = "x", onnx.dims = ["n", "3"]}) {
  %c = onnx.constant "codes" dense<[[[1, 2]], [[3, 4]]]> : tensor<2x1x2xui8>
  %s = onnx.constant "scales" dense<[[0.5], [1.0]]> : tensor<2x1xf16>
  %x = onnx.node "Gather" "/embed" (%ids, %c, %s) {domain = "ai.lutra", version = 1 : i64,
      node_attrs = {K = 3 : i64, N = 2 : i64, format = "uniform(bits=3, group=4)"}}
      : (tensor<?xi64>, tensor<2x1x2xui8>, tensor<2x1xf16>) -> tensor<?x3xf32>
  return %x : tensor<?x3xf32>
}
