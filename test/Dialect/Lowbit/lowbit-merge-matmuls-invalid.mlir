// RUN: lutra-opt %s --lowbit-merge-matmuls | FileCheck %s
// RUN: lutra-opt %s --lowbit-merge-matmuls -Rpass-missed=lowbit-merge-matmuls -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// What cannot be merged stays as it is, and a remark says why.

!w = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
!bcq = !lowbit.weight<8x64, #lowbit.bcq<planes = 3, group = 16>>

// REMARK: [Missed] lowbit-merge-matmuls {{.*}} Reason="the weights have different formats: #lowbit.bipolar<planes = 4, group = 32> and #lowbit.bcq<planes = 3, group = 16>"
// CHECK-LABEL: func @formats
// CHECK-COUNT-2: lowbit.matmul
func.func @formats(%a: tensor<2x64xf32>, %p: !w, %q: !bcq) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %x = lowbit.matmul %a, %p : tensor<2x64xf32>, !w -> tensor<2x8xf32>
  %y = lowbit.matmul %a, %q : tensor<2x64xf32>, !bcq -> tensor<2x8xf32>
  return %x, %y : tensor<2x8xf32>, tensor<2x8xf32>
}

// REMARK: Reason="the products have different attributes: {{.*}}dense{{.*}} and {{.*}}lut
// CHECK-LABEL: func @strategies
// CHECK-COUNT-2: lowbit.matmul
func.func @strategies(%a: tensor<2x64xf32>, %p: !w) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %x = lowbit.matmul %a, %p {strategy = #lowbit.strategy<dense>} : tensor<2x64xf32>, !w -> tensor<2x8xf32>
  %y = lowbit.matmul %a, %p {strategy = #lowbit.strategy<lut>} : tensor<2x64xf32>, !w -> tensor<2x8xf32>
  return %x, %y : tensor<2x8xf32>, tensor<2x8xf32>
}

// REMARK: Reason="its weight is not a constant, and not there where the first product of these activations is"
// CHECK-LABEL: func @weight_made_later
// CHECK-COUNT-2: lowbit.matmul
func.func private @choose(tensor<2x8xf32>) -> !w
func.func @weight_made_later(%a: tensor<2x64xf32>, %p: !w) -> tensor<2x8xf32> {
  %x = lowbit.matmul %a, %p : tensor<2x64xf32>, !w -> tensor<2x8xf32>
  %q = func.call @choose(%x) : (tensor<2x8xf32>) -> !w
  %y = lowbit.matmul %a, %q : tensor<2x64xf32>, !w -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// Products in different regions are not computed together.
// CHECK-LABEL: func @regions
// CHECK-NOT: concat_rows
// CHECK-COUNT-2: lowbit.matmul
func.func @regions(%a: tensor<2x64xf32>, %p: !w, %c: i1) -> tensor<2x8xf32> {
  %x = lowbit.matmul %a, %p : tensor<2x64xf32>, !w -> tensor<2x8xf32>
  %y = scf.if %c -> tensor<2x8xf32> {
    %z = lowbit.matmul %a, %p : tensor<2x64xf32>, !w -> tensor<2x8xf32>
    scf.yield %z : tensor<2x8xf32>
  } else {
    scf.yield %x : tensor<2x8xf32>
  }
  return %y : tensor<2x8xf32>
}
