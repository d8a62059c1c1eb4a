// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops | FileCheck %s

!q = memref<?x?x64xf32, strided<[?, ?, 1], offset: ?>>
!cache = memref<?x2x?x16xf32, strided<[?, ?, ?, 1], offset: ?>>

// Two layers with the same types and attributes share one function; another scale makes another.
// CHECK-LABEL: func @layers
// CHECK-COUNT-2: call @[[FIRST:attention[_0-9]*]](
// CHECK:         call @[[SECOND:attention[_0-9]*]](
// CHECK-NOT:     lowbit.attention
func.func @layers(%q: !q, %kv: memref<?x?x32xf32>, %pk: !cache, %pv: !cache, %len: memref<?xi32>, %total: memref<i32>,
                  %cos: memref<128x8xf32>, %sin: memref<128x8xf32>, %o: memref<?x?x64xf32>, %k: !cache, %v: !cache) {
  lowbit.attention ins(%q, %kv, %kv, %pk, %pv, %len, %total, %cos, %sin : !q, memref<?x?x32xf32>, memref<?x?x32xf32>, !cache, !cache, memref<?xi32>, memref<i32>, memref<128x8xf32>, memref<128x8xf32>)
    outs(%o, %k, %v : memref<?x?x64xf32>, !cache, !cache)
    {num_heads = 4 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  lowbit.attention ins(%q, %kv, %kv, %pk, %pv, %len, %total, %cos, %sin : !q, memref<?x?x32xf32>, memref<?x?x32xf32>, !cache, !cache, memref<?xi32>, memref<i32>, memref<128x8xf32>, memref<128x8xf32>)
    outs(%o, %k, %v : memref<?x?x64xf32>, !cache, !cache)
    {num_heads = 4 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  lowbit.attention ins(%q, %kv, %kv, %pk, %pv, %len, %total, %cos, %sin : !q, memref<?x?x32xf32>, memref<?x?x32xf32>, !cache, !cache, memref<?xi32>, memref<i32>, memref<128x8xf32>, memref<128x8xf32>)
    outs(%o, %k, %v : memref<?x?x64xf32>, !cache, !cache)
    {num_heads = 4 : i64, kv_heads = 2 : i64, scale = 0.5 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}
// The positions are checked before anything is written; the past is copied only between different buffers.
// CHECK:      func private @[[FIRST]](
// CHECK:        cf.assert %{{.*}}, "attention: a new token's position
// CHECK:        %[[DIFFER:.*]] = arith.cmpi ne
// CHECK-NEXT:   scf.if %[[DIFFER]]
// A single token: the chunks of keys run in parallel, then what they leave is merged.
// CHECK:        scf.if
// Lines of keys are asked for ahead of the loads, and weights are e^below by a power of two, whose exponent is made by a shift.
// CHECK:        scf.parallel
// CHECK:          memref.prefetch
// CHECK:          arith.addf %{{.*}} fastmath<contract>
// CHECK:          arith.shli %{{.*}} : vector<16xi32>
// CHECK:          arith.cmpf olt
// CHECK-NEXT:     arith.select
// CHECK:        scf.parallel
// CHECK:          arith.shli %{{.*}} : i32
// Several: the cache is appended to, and blocks of rows run in parallel.
// CHECK:        } else {
// CHECK:        scf.parallel
// CHECK:        scf.parallel
// CHECK:          arith.addf %{{.*}} fastmath<contract>
// CHECK:          arith.shli %{{.*}} : vector<16xi32>
// CHECK-NOT:    math.exp
// CHECK-NOT:    math.tanh
// CHECK:      func private @[[SECOND]](

// -----

// Soft capping, a window, an attention sink, interleaved rotary over a part of the head, one head size that is no power of two.
!cache = memref<1x1x?x24xf32>
// CHECK-LABEL: func @everything
// CHECK:      func private @attention
// CHECK:        vector.deinterleave
// CHECK:        vector.interleave
// CHECK:        math.tanh
func.func @everything(%q: memref<1x?x48xf32>, %kv: memref<1x?x24xf32>, %c: !cache, %len: memref<1xi32>,
                      %total: memref<i32>, %cos: memref<?x4xf32>, %sin: memref<?x4xf32>, %sink: memref<2xf32>) {
  lowbit.attention ins(%q, %kv, %kv, %c, %c, %len, %total, %cos, %sin, %sink : memref<1x?x48xf32>, memref<1x?x24xf32>, memref<1x?x24xf32>, !cache, !cache, memref<1xi32>, memref<i32>, memref<?x4xf32>, memref<?x4xf32>, memref<2xf32>)
    outs(%q, %c, %c : memref<1x?x48xf32>, !cache, !cache)
    {num_heads = 2 : i64, kv_heads = 1 : i64, scale = 0.25 : f32, softcap = 30.0 : f32, window = 8 : i64, interleaved = true}
  return
}
