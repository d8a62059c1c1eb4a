// Arrays of less than a byte an element are bytes; constants of them become bytes where they are moved.
// RUN: lutra-opt %s --split-input-file --convert-onnx-to-lowbit --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:[^:]*]]: tensor<4xi8> {onnx.dims = ["4"], onnx.element = "i4", onnx.name = "x"}
// CHECK-SAME: %[[Y:[^:]*]]: memref<4xi8, {{.*}}> {lutra.output, onnx.dims = ["4"], onnx.element = "e4m3", onnx.name = "y"}
// The sign of 4 bits, then the number, rounded to 3 digits of its own binade.
// CHECK: arith.shli {{.*}} : i8
// CHECK: arith.shrsi {{.*}} : i8
// CHECK: arith.sitofp {{.*}} : i8 to f32
// CHECK: math.roundeven
func.func @main(%x: tensor<4xi4> {onnx.name = "x", onnx.dims = ["4"]}) -> (tensor<4xf8E4M3FN> {onnx.name = "y", onnx.dims = ["4"]}) {
  %y = onnx.node "Cast" "/cast" (%x) {domain = "", node_attrs = {to = 17 : i64}, version = 21 : i64} : (tensor<4xi4>) -> tensor<4xf8E4M3FN>
  return %y : tensor<4xf8E4M3FN>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK-SAME: onnx.element = "u4"
// CHECK: arith.constant dense<{{\[\[1, 2\], \[3, 15\]\]}}> : tensor<2x2xi8>
func.func @main(%n: tensor<1xi64> {onnx.name = "n", onnx.dims = ["1"]}) -> (tensor<2x2xui4> {onnx.name = "y", onnx.dims = ["2", "2"]}) {
  %c = onnx.constant "codes" dense_resource<codes> : tensor<4xui4>
  %s = onnx.constant "shape" dense<2> : tensor<2xi64>
  %y = onnx.node "Reshape" "/reshape" (%c, %s) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<4xui4>, tensor<2xi64>) -> tensor<2x2xui4>
  return %y : tensor<2x2xui4>
}
{-# dialect_resources: { builtin: { codes: "0x0100000021F3" } } #-}
