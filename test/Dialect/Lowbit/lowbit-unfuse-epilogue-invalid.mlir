// RUN: lutra-opt %s --lowbit-unfuse-epilogue | FileCheck %s
// RUN: lutra-opt %s --lowbit-unfuse-epilogue -Rpass=lowbit-unfuse-epilogue -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK --allow-empty

// A product without an epilogue is left alone.
// CHECK: lowbit.lookup_matmul
// CHECK-NOT: linalg.generic
// REMARK-NOT: remark
func.func @main(%t: !lowbit.table<8x64, group = 32, element = i8>, %w: !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>) -> tensor<8x8xf32> {
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<8x64, group = 32, element = i8>, !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>> -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}
