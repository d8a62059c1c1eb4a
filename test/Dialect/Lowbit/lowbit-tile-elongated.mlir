// RUN: lutra-opt %s --lowbit-tile-elongated | FileCheck %s
// RUN: lutra-opt %s --lowbit-tile-elongated='l1-bytes=8192 l2-bytes=65536' | FileCheck %s --check-prefix=SMALL
// RUN: lutra-opt %s --lowbit-tile-elongated='accumulators=2 rows=16' | FileCheck %s --check-prefix=TWO
// RUN: lutra-opt %s --lowbit-tile-elongated --remark-policy=all --remarks-filter=lowbit-tile-elongated -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!planes = !lowbit.weight<1536x576, #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>>

// Per group of 32: tables of one row 136 bytes (i8), a step of 64 rows 64 (4 planes x 4 bytes + 4 alpha) = 1280 bytes.
// With 8 rows in registers, all of K fits beside two steps in 32 KiB: 8 * 18 * 136 + 2 * 1280 = 22144; and all of N in 1 MiB:
// 19584 + 24 * 18 * 1280 + 4 * 8 * 1536 = 621696.
// REMARK-DAG: [Analysis] lowbit-tile-elongated {{.*}} Remark="tile m = 8, n = 1536, k = 576", table-bytes=19584, weight-bytes=552960
// CHECK-LABEL: func @dynamic
// CHECK: tile <m = 8, n = 1536, k = 576>
// SMALL-LABEL: func @dynamic
// SMALL: tile <m = 8, n = [[N:[0-9]+]], k = 160>
// TWO-LABEL: func @dynamic
// TWO: tile <m = 2, n = 1536, k = 576>
func.func @dynamic(%t: !lowbit.table<?x576, group = 32, element = i8>, %w: !planes) -> tensor<?x1536xf32> {
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x576, group = 32, element = i8>, !planes -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}

// Decode: one activation row.
// CHECK-LABEL: func @decode
// CHECK: tile <m = 1, n = 1536, k = 576>
func.func @decode(%t: !lowbit.table<1x576, group = 32, element = i8>, %w: !planes) -> tensor<1x1536xf32> {
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<1x576, group = 32, element = i8>, !planes -> tensor<1x1536xf32>
  return %y : tensor<1x1536xf32>
}

// f32 tables are four times as large: 8 rows of all K (74 KiB) do not fit in 32 KiB, so k or m shrinks.
// CHECK-LABEL: func @f32_tables
// CHECK: tile <m = 8, n = 1536, k = 192>
func.func @f32_tables(%t: !lowbit.table<?x576, group = 32, element = f32>, %w: !planes) -> tensor<?x1536xf32> {
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x576, group = 32, element = f32>, !planes -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}

// A tile never reaches past N or K: here 131 x 264 with a last group of 8.
// CHECK-LABEL: func @remainders
// CHECK: tile <m = 4, n = 131, k = 264>
func.func @remainders(%t: !lowbit.table<5x264, group = 32, element = i8>, %w: !lowbit.weight<131x264, #lowbit.bcq<planes = 3, group = 32>>) -> tensor<5x131xf32> {
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<5x264, group = 32, element = i8>, !lowbit.weight<131x264, #lowbit.bcq<planes = 3, group = 32>> -> tensor<5x131xf32>
  return %y : tensor<5x131xf32>
}

// A tile that is there stays.
// CHECK-LABEL: func @given
// CHECK: tile <m = 1, n = 64, k = 32>
func.func @given(%t: !lowbit.table<?x576, group = 32, element = i8>, %w: !planes) -> tensor<?x1536xf32> {
  %y = lowbit.lookup_matmul %t, %w tile <m = 1, n = 64, k = 32> : !lowbit.table<?x576, group = 32, element = i8>, !planes -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}
