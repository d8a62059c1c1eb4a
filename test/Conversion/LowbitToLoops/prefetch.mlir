// A single token asks for a cache's floats as far ahead as the option says; not at all with 0. Chunks are of 1024 keys where the cache is long, else of 256.
//
// RUN: lutra-opt %s --convert-lowbit-to-loops=prefetch-bytes=1024 | FileCheck %s --check-prefixes=CHECK,AHEAD
// RUN: lutra-opt %s --convert-lowbit-to-loops=prefetch-bytes=0 | FileCheck %s --implicit-check-not=memref.prefetch

!cache = memref<1x1x?x64xf32>

// CHECK-LABEL: func private @attention
// CHECK: %[[LONG:.*]] = arith.cmpi sgt, %{{.*}}, %c1024{{.*}} : index
// CHECK: %[[CHUNK:.*]] = arith.select %[[LONG]], %c1024{{.*}}, %c256{{.*}} : index
// CHECK: arith.ceildivui %{{.*}}, %[[CHUNK]]
// Four lines of 64 bytes for each key of four streams, four keys (1024 bytes) ahead.
// AHEAD: arith.addi %{{.*}}, %c4{{.*}} : index
// AHEAD-COUNT-16: memref.prefetch %arg8
func.func @main(%q: memref<1x?x192xf32>, %kv: memref<1x?x64xf32>, %c: !cache, %len: memref<1xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %c, %c, %len, %total : memref<1x?x192xf32>, memref<1x?x64xf32>, memref<1x?x64xf32>, !cache, !cache, memref<1xi32>, memref<i32>)
    outs(%q, %c, %c : memref<1x?x192xf32>, !cache, !cache)
    {num_heads = 3 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}
