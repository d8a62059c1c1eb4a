// RUN: lutra-opt %s --lowbit-tile-elongated=l1-bytes=1024 --remark-policy=all --remarks-filter="lowbit-tile-elongated" 2>&1 | FileCheck %s

// One group of one activation row needs 136 bytes of tables and a step of 64 weight rows 1280 bytes twice: nothing fits in 1 KiB.

!planes = !lowbit.weight<1536x576, #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>>

// CHECK: no tile fits, so the smallest is taken: one group of one activation row needs 136 bytes of tables and one step of 64 weight rows 1280 bytes twice, but l1-bytes is 1024 and l2-bytes 1048576
// CHECK-LABEL: func @nothing_fits
// CHECK: tile <m = 1, n = 64, k = 32>
func.func @nothing_fits(%t: !lowbit.table<?x576, group = 32, element = i8>, %w: !planes) -> tensor<?x1536xf32> {
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x576, group = 32, element = i8>, !planes -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}
