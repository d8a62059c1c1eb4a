// RUN: lutra-opt %s --lowbit-decompose-weights --split-input-file | FileCheck %s

// Parts share the elements of the whole; each keeps what the product says; columns are gathered at the inverse permutation.

!mixed = !lowbit.weight<3x2, #lowbit.mixed<rows = [1, 2], formats = [#lowbit.uniform<bits = 4, group = 2>, #lowbit.uniform<bits = 8, group = 2>]>>
// CHECK-LABEL: func.func @mixed(
// CHECK-SAME: %[[A:.*]]: tensor<?x2xf32>
func.func @mixed(%a: tensor<?x2xf32>) -> tensor<?x3xf32> {
  // CHECK-DAG: %[[W0:.*]] = lowbit.weight {codes = dense_resource<zero> : tensor<1x1x1xi8>, scales = {{.*}}} : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2>>
  // CHECK-DAG: %[[W1:.*]] = lowbit.weight {codes = dense_resource<one> : tensor<2x1x2xi8>, scales = {{.*}}} : !lowbit.weight<2x2, #lowbit.uniform<bits = 8, group = 2>>
  %w = lowbit.weight {"0.codes" = dense_resource<zero> : tensor<1x1x1xi8>, "0.scales" = dense<0.5> : tensor<1x1xf32>,
                      "1.codes" = dense_resource<one> : tensor<2x1x2xi8>, "1.scales" = dense<0.5> : tensor<2x1xf32>,
                      permutation = dense<[2, 0, 1]> : tensor<3xi32>} : !mixed
  // CHECK: %[[Y0:.*]] = lowbit.matmul %[[A]], %[[W0]] {strategy = #lowbit.strategy<lut>} : {{.*}} -> tensor<?x1xf32>
  // CHECK: %[[I0:.*]] = tensor.insert_slice %[[Y0]] into %{{.*}}[0, 0] [%{{.*}}, 1] [1, 1]
  // CHECK: %[[Y1:.*]] = lowbit.matmul %[[A]], %[[W1]] {strategy = #lowbit.strategy<lut>} : {{.*}} -> tensor<?x2xf32>
  // CHECK: %[[I1:.*]] = tensor.insert_slice %[[Y1]] into %[[I0]][0, 1] [%{{.*}}, 2] [1, 1]
  // CHECK: %[[P:.*]] = arith.constant dense<[1, 2, 0]> : tensor<3xi32>
  // CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[P]] : tensor<3xi32>)
  // CHECK: tensor.extract %[[I1]]
  // CHECK: return %[[Y]]
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<lut>} : tensor<?x2xf32>, !mixed -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
{-# dialect_resources: {builtin: {zero: "0x4000000001", one: "0x4000000001020304"}} #-}

// -----

// Nothing is gathered when the parts lie in the order of the channels. A part may have outliers of its own.

!mixed = !lowbit.weight<2x2, #lowbit.mixed<rows = [1, 1], formats = [#lowbit.outliers<#lowbit.uniform<bits = 4, group = 2>, columns = 1, value = f16>,
                                                                     #lowbit.uniform<bits = 8, group = 2>]>>
// CHECK-LABEL: func.func @identity(
func.func @identity(%a: tensor<5x2xf32>) -> tensor<5x2xf32> {
  %w = lowbit.weight {"0.body.codes" = dense<1> : tensor<1x1x1xi8>, "0.body.scales" = dense<0.5> : tensor<1x1xf32>, "0.columns" = dense<1> : tensor<1xi32>,
                      "0.values" = dense<3.0> : tensor<1x1xf16>, "1.codes" = dense<2> : tensor<1x1x2xi8>, "1.scales" = dense<0.5> : tensor<1x1xf32>,
                      permutation = dense<[0, 1]> : tensor<2xi32>} : !mixed
  // CHECK: lowbit.matmul {{.*}} -> tensor<5x1xf32>
  // CHECK: arith.addf
  // CHECK: lowbit.matmul {{.*}} -> tensor<5x1xf32>
  // CHECK: %[[Y:.*]] = tensor.insert_slice
  // CHECK-NEXT: return %[[Y]]
  %y = lowbit.matmul %a, %w : tensor<5x2xf32>, !mixed -> tensor<5x2xf32>
  return %y : tensor<5x2xf32>
}

// -----

// All bits without a precision, and at a constant one its truncation.

!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 6>>
// CHECK-LABEL: func.func @nested_constant(
func.func @nested_constant(%a: tensor<?x16xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK-DAG: %[[W:.*]] = lowbit.weight {{.*}} : !lowbit.weight<2x16, #lowbit.uniform<bits = 8, group = 16>>
  // CHECK-DAG: %[[T:.*]] = lowbit.truncate {{.*}} to !lowbit.weight<2x16, #lowbit.bipolar<planes = 6, group = 16, zeta = -2.500000e-01 : f32>>
  %w = lowbit.weight {codes = dense<17> : tensor<2x1x16xi8>, scales = dense<0.5> : tensor<2x1xf32>} : !nested
  %six = arith.constant 6 : i32
  // CHECK: lowbit.matmul %{{.*}}, %[[W]] : tensor<?x16xf32>
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !nested -> tensor<?x2xf32>
  // CHECK: lowbit.matmul %{{.*}}, %[[T]] : tensor<?x16xf32>
  %z = lowbit.matmul %a, %w precision(%six) : tensor<?x16xf32>, !nested -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// At run time: a check, a case for each width, all bits by default.

!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16, zero = integer>, min_bits = 7>>
// CHECK-LABEL: func.func @nested(
// CHECK-SAME: %[[A:.*]]: tensor<?x16xf32>, %[[B:.*]]: i32
func.func @nested(%a: tensor<?x16xf32>, %bits: i32) -> tensor<?x2xf32> {
  // The zero points are the same everywhere: the zeta that they give becomes a constant.
  // CHECK: %[[T:.*]] = lowbit.truncate {{.*}} to !lowbit.weight<2x16, #lowbit.bipolar<planes = 7, group = 16, zeta = 1.245000e+02 : f32>>
  %w = lowbit.weight {codes = dense<17> : tensor<2x1x16xi8>, scales = dense<0.5> : tensor<2x1xf32>, zeros = dense<3> : tensor<2x1xi8>} : !nested
  // CHECK-DAG: arith.cmpi sge, %[[B]], %c7_i32 : i32
  // CHECK-DAG: arith.cmpi sle, %[[B]], %c8_i32 : i32
  // CHECK: cf.assert %{{.*}}, "the precision of a weight must be 7 to 8 bits"
  // CHECK: %[[E:.*]] = bufferization.alloc_tensor(%{{.*}}) : tensor<?x2xf32>
  // CHECK: %[[Y:.*]] = scf.index_switch %{{.*}} -> tensor<?x2xf32>
  // CHECK: case 7 {
  // CHECK: lowbit.matmul %[[A]], %[[T]] : tensor<?x16xf32>
  // CHECK: linalg.copy ins(%{{.*}}) outs(%[[E]] : tensor<?x2xf32>)
  // CHECK: default {
  // CHECK: lowbit.matmul %[[A]], %{{.*}} : tensor<?x16xf32>, !lowbit.weight<2x16, #lowbit.uniform<bits = 8, group = 16, zero = integer>>
  // CHECK: return %[[Y]]
  %y = lowbit.matmul %a, %w precision(%bits) : tensor<?x16xf32>, !nested -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Outlier columns: their activations, then fma by ascending column; the body in f32, the sum rounded once to f16.

!columns = !lowbit.weight<2x16, #lowbit.outliers<#lowbit.uniform<bits = 4, group = 16>, columns = 2, value = f16>>
// CHECK-LABEL: func.func @columns(
func.func @columns(%a: tensor<?x16xf16>) -> tensor<?x2xf16> {
  // CHECK: lowbit.weight {codes = {{.*}}, scales = {{.*}}} : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
  // CHECK: arith.extf
  // CHECK: arith.constant dense<[1, 3]> : tensor<2xi32>
  // CHECK: math.fma
  // CHECK: lowbit.matmul {{.*}} : tensor<?x16xf16>, {{.*}} -> tensor<?x2xf32>
  // CHECK: arith.addf
  // CHECK: arith.truncf
  %w = lowbit.weight {body.codes = dense<17> : tensor<2x1x8xi8>, body.scales = dense<0.5> : tensor<2x1xf32>, columns = dense<[1, 3]> : tensor<2xi32>,
                      values = dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf16>} : !columns
  %y = lowbit.matmul %a, %w : tensor<?x16xf16>, !columns -> tensor<?x2xf16>
  return %y : tensor<?x2xf16>
}
// Two rows by two columns, transposed: 1, 3, 2, 4 in f32.
// CHECK: outlier_values: "0x400000000000803F000040400000004000008040"

// -----

// Outlier entries: "none" adds nothing.

!entries = !lowbit.weight<2x16, #lowbit.outliers<#lowbit.codebook<bits = 4, group = 16, table = nf4>, entries = 2, value = f32>>
// CHECK-LABEL: func.func @entries(
func.func @entries(%a: tensor<?x16xf32>) -> tensor<?x2xf32> {
  // CHECK: arith.cmpi slt
  // CHECK: math.fma
  // CHECK: arith.select
  %w = lowbit.weight {body.codes = dense<17> : tensor<2x1x8xi8>, body.scales = dense<0.5> : tensor<2x1xf32>,
                      indices = dense<[[1, 3], [2, -1]]> : tensor<2x2xi32>, values = dense<1.0> : tensor<2x2xf32>} : !entries
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !entries -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Other products stay as they are.

// CHECK-LABEL: func.func @simple(
func.func @simple(%a: tensor<?x16xf32>, %w: !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>) -> tensor<?x2xf32> {
  // CHECK-NEXT: lowbit.matmul
  // CHECK-NEXT: return
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
