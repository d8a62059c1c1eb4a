// RUN: lutra-opt %s --lowbit-quantize-products | FileCheck %s
// RUN: lutra-opt %s --lowbit-quantize-products -Rpass=lowbit-quantize -Rpass-missed=lowbit-quantize -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!W = !lowbit.weight<3x32, #lowbit.bipolar<planes = 2, group = 16, zeta = -1.0 : f32>>
!P = !lowbit.weight<3x32, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Two products of the same activations and groups share their codes; a third has groups of its own.
// REMARK: [Passed] lowbit-quantize-products {{.*}} Reason="activations are codes of 8 bits, with a scale for each group of 16"
// CHECK-LABEL: func @shared
// CHECK: %[[ROWS:.*]], %[[ROW_SCALES:.*]] = lowbit.quantize_activations %arg0 {bits = 8 : i64, group = 32 : i64, kind = #lowbit.codes<absmax>} : tensor<?x32xf32> -> tensor<?x32xi8>, tensor<?x1xf32>
// CHECK: %[[CODES:.*]], %[[SCALES:.*]] = lowbit.quantize_activations %arg0 {bits = 8 : i64, group = 16 : i64, kind = #lowbit.codes<absmax>} : tensor<?x32xf32> -> tensor<?x32xi8>, tensor<?x2xf32>
// CHECK-NOT: quantize_activations
// CHECK: lowbit.matmul %[[CODES]], %arg1 scales(%[[SCALES]] : tensor<?x2xf32>) {strategy = #lowbit.strategy<int8>, table = #lowbit.table_kind<i16>}
// CHECK: lowbit.matmul %[[CODES]], %arg2 scales(%[[SCALES]] : tensor<?x2xf32>) {strategy = #lowbit.strategy<int8>, table = #lowbit.table_kind<i16>}
// CHECK: lowbit.matmul %[[ROWS]], %arg3 scales(%[[ROW_SCALES]] : tensor<?x1xf32>) {strategy = #lowbit.strategy<int8>, table = #lowbit.table_kind<i16, scale = row>}
func.func @shared(%a: tensor<?x32xf32>, %v: !W, %w: !W, %x: !lowbit.weight<3x32, #lowbit.bipolar<planes = 2, group = 32>>)
    -> (tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>) {
  %0 = lowbit.matmul %a, %v {strategy = #lowbit.strategy<int8>} : tensor<?x32xf32>, !W -> tensor<?x3xf32>
  %1 = lowbit.matmul %a, %w {strategy = #lowbit.strategy<int8>} : tensor<?x32xf32>, !W -> tensor<?x3xf32>
  %2 = lowbit.matmul %a, %x {strategy = #lowbit.strategy<int8>} : tensor<?x32xf32>, !lowbit.weight<3x32, #lowbit.bipolar<planes = 2, group = 32>> -> tensor<?x3xf32>
  return %0, %1, %2 : tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>
}

// Halves are widened before and the result is rounded after.
// CHECK-LABEL: func @halves
// CHECK: arith.extf
// CHECK: lowbit.quantize_activations %{{.*}} : tensor<2x32xf32>
// CHECK: lowbit.matmul {{.*}} -> tensor<2x3xf32>
// CHECK: arith.truncf
func.func @halves(%a: tensor<2x32xf16>, %w: !W) -> tensor<2x3xf16> {
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<int8>} : tensor<2x32xf16>, !W -> tensor<2x3xf16>
  return %y : tensor<2x3xf16>
}

// Codes stay what they are; other strategies do not concern the pass.
// CHECK-LABEL: func @left
// CHECK-NOT: quantize_activations
// CHECK: lowbit.matmul %arg0, %arg2 scales(%arg1 : tensor<2x1xf32>) {act_bits = 4 : i64, strategy = #lowbit.strategy<int8>, table = #lowbit.table_kind<i16, scale = row>}
// CHECK: lowbit.matmul %arg3, %arg2 {strategy = #lowbit.strategy<lut>}
func.func @left(%q: tensor<2x32xi8>, %s: tensor<2x1xf32>, %w: !W, %a: tensor<2x32xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = lowbit.matmul %q, %w scales(%s : tensor<2x1xf32>) {act_bits = 4 : i64, strategy = #lowbit.strategy<int8>} : tensor<2x32xi8>, !W -> tensor<2x3xf32>
  %1 = lowbit.matmul %a, %w {strategy = #lowbit.strategy<lut>} : tensor<2x32xf32>, !W -> tensor<2x3xf32>
  return %0, %1 : tensor<2x3xf32>, tensor<2x3xf32>
}

// NF4 is no integer times a scale.
// REMARK: [Missed] lowbit-quantize-products {{.*}} Reason="the weight has no integer codes in planes, so the product is dense"
// CHECK-LABEL: func @no_planes
// CHECK: lowbit.matmul %arg0, %arg1 {strategy = #lowbit.strategy<dense>}
func.func @no_planes(%a: tensor<2x32xf32>, %w: !lowbit.weight<3x32, #lowbit.codebook<bits = 4, table = nf4, group = 16>>) -> tensor<2x3xf32> {
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<int8>} : tensor<2x32xf32>, !lowbit.weight<3x32, #lowbit.codebook<bits = 4, table = nf4, group = 16>> -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}
