// RUN: lutra-opt %s --lowbit-tile-elongated=l1-bytes=1024 --verify-diagnostics
// RUN: not lutra-opt %s --lowbit-tile-elongated=rows=0 2>&1 | FileCheck %s

// CHECK: lowbit-tile-elongated: rows, accumulators, l1-bytes and l2-bytes must be positive, but are 0, 8, 32768 and 1048576

!planes = !lowbit.weight<1536x576, #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>>

func.func @nothing_fits(%t: !lowbit.table<?x576, group = 32, element = i8>, %w: !planes) -> tensor<?x1536xf32> {
  // expected-error @+1 {{no tile fits: one group of one activation row needs 136 bytes of tables and one step of 64 weight rows 1280 bytes twice, but l1-bytes is 1024 and l2-bytes 1048576; raise them or lower rows}}
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x576, group = 32, element = i8>, !planes -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}
