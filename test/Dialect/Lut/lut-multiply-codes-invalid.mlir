// What lut-multiply-codes leaves alone, with the reason.
// RUN: lutra-opt %s --lut-multiply-codes -Rpass-missed=lut-multiply-codes 2>&1 | FileCheck %s

!I8 = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
!BCQ = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bcq<planes = 1, group = 32>, #lowbit.layout<rows = 64, alpha = f16, zeta = f16>>>

// CHECK-DAG: Reason="entries of i8 are looked up one byte at a time"
// CHECK-DAG: Reason="each plane has its own alpha, so there is no integer code to multiply"
// CHECK-DAG: Reason="the weight's indices are for half tables"
// CHECK-LABEL: func.func @bytes
// CHECK: lut.matmul
func.func @bytes(%q: tensor<2x32xi8>, %s: tensor<2x1xf32>, %w: tensor<384xi8>, %e: tensor<2x1x128xi8>, %f: tensor<2x1xf32>,
                 %o: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %t:3 = lut.precompute ins(%q, %s : tensor<2x32xi8>, tensor<2x1xf32>)
      outs(%e, %f, %f : tensor<2x1x128xi8>, tensor<2x1xf32>, tensor<2x1xf32>) {group = 32 : i64}
      -> tensor<2x1x128xi8>, tensor<2x1xf32>, tensor<2x1xf32>
  %y = lut.matmul ins(%t#0, %t#1, %t#2, %w : tensor<2x1x128xi8>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<384xi8>)
      outs(%o : tensor<2x8xf32>) {weight = !I8} -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// CHECK-LABEL: func.func @bcq
// CHECK: lut.matmul
func.func @bcq(%q: tensor<2x32xi8>, %s: tensor<2x1xf32>, %w: tensor<512xi8>, %e: tensor<2x1x128xi16>, %f: tensor<2x1xf32>,
               %o: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %t:3 = lut.precompute ins(%q, %s : tensor<2x32xi8>, tensor<2x1xf32>)
      outs(%e, %f, %f : tensor<2x1x128xi16>, tensor<2x1xf32>, tensor<2x1xf32>) {group = 32 : i64}
      -> tensor<2x1x128xi16>, tensor<2x1xf32>, tensor<2x1xf32>
  %y = lut.matmul ins(%t#0, %t#1, %t#2, %w : tensor<2x1x128xi16>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<512xi8>)
      outs(%o : tensor<2x8xf32>) {weight = !BCQ} -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

!HALF = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>
// CHECK-LABEL: func.func @half
// CHECK: lut.matmul
func.func @half(%q: tensor<2x32xi8>, %s: tensor<2x1xf32>, %w: tensor<384xi8>, %e: tensor<2x1x128xi16>, %f: tensor<2x1xf32>,
                %o: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %t:3 = lut.precompute ins(%q, %s : tensor<2x32xi8>, tensor<2x1xf32>)
      outs(%e, %f, %f : tensor<2x1x128xi16>, tensor<2x1xf32>, tensor<2x1xf32>) {group = 32 : i64, symmetric}
      -> tensor<2x1x128xi16>, tensor<2x1xf32>, tensor<2x1xf32>
  %y = lut.matmul ins(%t#0, %t#1, %t#2, %w : tensor<2x1x128xi16>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<384xi8>)
      outs(%o : tensor<2x8xf32>) {weight = !HALF} -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}
