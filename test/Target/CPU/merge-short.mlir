// Products of the same activations become one where one of them has at most 512 channels, unless epilogues are fused, which a slice has none of.
//
// RUN: lutrac %s --compile-to=tables -o - | FileCheck %s --check-prefix=SHORT
// RUN: lutrac %s --compile-to=tables --target-option=cpu.merge-matmuls=off -o - | FileCheck %s --check-prefix=NONE
// RUN: lutrac %s --compile-to=tables --target-option=cpu.fuse-epilogue=on -o - | FileCheck %s --check-prefix=NONE
// RUN: lutrac %s --compile-to=tables --target-option=cpu.merge-matmuls=on -o - | FileCheck %s --check-prefix=ALL

!w512 = !lowbit.weight<512x32, #lowbit.bipolar<planes = 4, group = 32>>
!w513 = !lowbit.weight<513x32, #lowbit.bipolar<planes = 4, group = 32>>

// SHORT:      tensor<2x1025xf32>
// SHORT-NOT:  tensor<2x1026xf32>
// NONE-NOT:   tensor<2x{{1025|1026}}xf32>
// ALL-DAG:    tensor<2x1025xf32>
// ALL-DAG:    tensor<2x1026xf32>
func.func @main(%a: tensor<2x32xf32>, %b: tensor<2x32xf32>) -> (tensor<2x513xf32>, tensor<2x512xf32>, tensor<2x513xf32>, tensor<2x513xf32>) {
  %short = lowbit.weight {codes = dense<5> : tensor<512x1x16xi8>, alphas = dense<0.5> : tensor<512x1xf32>, zetas = dense<0.5> : tensor<512x1xf32>} : !w512
  %long = lowbit.weight {codes = dense<3> : tensor<513x1x16xi8>, alphas = dense<0.5> : tensor<513x1xf32>, zetas = dense<0.5> : tensor<513x1xf32>} : !w513
  %0 = lowbit.matmul %a, %long : tensor<2x32xf32>, !w513 -> tensor<2x513xf32>
  %1 = lowbit.matmul %a, %short : tensor<2x32xf32>, !w512 -> tensor<2x512xf32>
  %2 = lowbit.matmul %b, %long : tensor<2x32xf32>, !w513 -> tensor<2x513xf32>
  %3 = lowbit.matmul %b, %long : tensor<2x32xf32>, !w513 -> tensor<2x513xf32>
  return %0, %1, %2, %3 : tensor<2x513xf32>, tensor<2x512xf32>, tensor<2x513xf32>, tensor<2x513xf32>
}
