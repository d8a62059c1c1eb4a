// Caches of codes: how heads are rounded into lines, and what is multiplied by the scales.
// (Products of a single token with codes in f32: single-codes.mlir.)
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops=sums=f64 | FileCheck %s

// One scale a line: scores and weights are multiplied by it, not elements. Values of the keys at hand, and then the keys of the next
// chunk, are asked for ahead of time.
!c = memref<1x1x?x66xi8>
// CHECK-LABEL: func @line
// CHECK:      func private @attention
// CHECK:        vector.reduction <maximumf>
// CHECK:        arith.divf %{{.*}} : f32
// CHECK:        arith.truncf %{{.*}} : f32 to f16
// CHECK:        vector.store %{{.*}} : memref<1x1x?x66xi8>, vector<2xi8>
// CHECK:        math.roundeven
// CHECK:        arith.minnumf
// CHECK:        arith.maxnumf
// CHECK:        arith.fptosi %{{.*}} : vector<16xf32> to vector<16xi8>
// CHECK:        vector.store %{{.*}} : memref<1x1x?x66xi8>, vector<16xi8>
// CHECK:        memref.prefetch %arg9
// CHECK:        arith.sitofp %{{.*}} : vector<8xi8> to vector<8xf64>
// CHECK:        arith.mulf {{.*}} fastmath<contract> : vector<8xf64>
// CHECK:        vector.bitcast %{{.*}} : vector<2xi8> to vector<1xf16>
// CHECK:        vector.from_elements {{.*}} : vector<4xf16>
// CHECK:        vector.store %{{.*}} : memref<256xf64>, vector<4xf64>
// CHECK:        memref.prefetch %arg8
func.func @line(%q: memref<1x?x64xf32>, %kv: memref<1x?x64xf32>, %k: !c, %v: !c, %len: memref<1xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %k, %v, %len, %total : memref<1x?x64xf32>, memref<1x?x64xf32>, memref<1x?x64xf32>, !c, !c, memref<1xi32>, memref<i32>)
    outs(%q, %k, %v : memref<1x?x64xf32>, !c, !c)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64, cache_group = 64 : i64}
  return
}

// -----

// Pairs of codes in groups: each group's codes are multiplied by its scale. A single token's queries are put in the order of the pairs' halves, and its
// output back; a prompt's keys are transposed anyway.
!c = memref<1x1x?x36xi8>
// CHECK-LABEL: func @groups
// CHECK:        vector.deinterleave %{{.*}} : vector<16xi8> -> vector<8xi8>
// CHECK:        arith.shli %{{.*}} : vector<8xi8>
// CHECK:        vector.store %{{.*}} : memref<1x1x?x36xi8>, vector<8xi8>
// CHECK:        vector.deinterleave %{{.*}} : vector<16xf64> -> vector<8xf64>
// CHECK:        arith.extui %{{.*}} : vector<8xi8> to vector<8xi32>
// CHECK:        arith.sitofp %{{.*}} : vector<8xi32> to vector<8xf64>
// CHECK-NEXT:   arith.mulf {{.*}} fastmath<contract> : vector<8xf64>
// CHECK:        vector.shuffle
// CHECK:        arith.extui %{{.*}} : vector<8xi8> to vector<8xi64>
// CHECK:        vector.bitcast %{{.*}} : vector<8xi64> to vector<16xi32>
// CHECK:        arith.sitofp %{{.*}} : vector<16xi32> to vector<16xf32>
// CHECK:        vector.bitcast %{{.*}} : vector<2xi8> to vector<1xf16>
// CHECK:        arith.mulf
func.func @groups(%q: memref<1x?x64xf32>, %kv: memref<1x?x64xf32>, %k: !c, %v: !c, %len: memref<1xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %k, %v, %len, %total : memref<1x?x64xf32>, memref<1x?x64xf32>, memref<1x?x64xf32>, !c, !c, memref<1xi32>, memref<i32>)
    outs(%q, %k, %v : memref<1x?x64xf32>, !c, !c)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 4 : i64, cache_group = 32 : i64}
  return
}

// -----

// Scales of channels: codes are rounded to -128 too, and queries are multiplied once.
!c = memref<1x1x?x64xi8>
// CHECK-LABEL: func @channels
// CHECK-NOT:    vector.reduction <maximumf>
// CHECK:        arith.constant dense<-1.280000e+02>
// CHECK:        math.roundeven
// CHECK:        arith.sitofp %{{.*}} : vector<8xi8> to vector<8xf64>
func.func @channels(%q: memref<1x?x64xf32>, %kv: memref<1x?x64xf32>, %k: !c, %v: !c, %len: memref<1xi32>, %total: memref<i32>, %s: memref<64xf32>) {
  lowbit.attention ins(%q, %kv, %kv, %k, %v, %len, %total, %s, %s : memref<1x?x64xf32>, memref<1x?x64xf32>, memref<1x?x64xf32>, !c, !c, memref<1xi32>, memref<i32>, memref<64xf32>, memref<64xf32>)
    outs(%q, %k, %v : memref<1x?x64xf32>, !c, !c)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64}
  return
}
