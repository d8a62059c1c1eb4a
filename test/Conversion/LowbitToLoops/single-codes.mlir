// A single token against codes, with sums in f32: products of integers (docs/spec/numerics.md, "Quantized caches").
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops | FileCheck %s
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops=prefetch-bytes=0 | FileCheck %s --check-prefix=ONE
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops=sums=f64 | FileCheck %s --check-prefix=F64 --implicit-check-not=lut.dot

// F64: @attention

// Blocks of 64 bytes: queries of bytes are made once, each lane with those that it needs; four keys are transposed, two fours side by side; beside the signed bytes codes are
// unsigned, 128 greater, which is taken off at the end; of a prompt, codes are still made floats.
!c = memref<1x1x?x66xi8>
// CHECK-LABEL: func @blocks
// CHECK:      func private @attention
// CHECK:        memref.alloc(%{{.*}}) {{.*}} : memref<?x16xi32>
// CHECK:        memref.alloc(%{{.*}}) {{.*}} : memref<?x64xi32>
// CHECK:        scf.parallel
// CHECK:          vector.reduction <maximumf>
// CHECK:          arith.bitcast %{{.*}} : vector<16xf32> to vector<16xi32>
// CHECK:          arith.trunci %{{.*}} : vector<16xi32> to vector<16xi8>
// CHECK:        scf.parallel
// What is taken next is asked for meanwhile, in two streams: more of it beside scores, which take longer. In one stream where the machine reads ahead by itself.
// ONE-LABEL: func @blocks
// ONE-COUNT-17: memref.prefetch %arg8
// ONE-COUNT-5:  memref.prefetch %arg9
// ONE-NOT:      memref.prefetch
// ONE:          lut.dot
// CHECK-COUNT-18: memref.prefetch %arg8
// CHECK-COUNT-6:  memref.prefetch %arg9
// CHECK-NOT:      memref.prefetch
// CHECK:          vector.load %arg8{{.*}} : memref<1x1x?x66xi8>, vector<64xi8>
// CHECK:          vector.shuffle {{.*}} : vector<16xi32>, vector<16xi32>
// CHECK-COUNT-8:  arith.xori {{.*}} : vector<64xi8>
// CHECK-COUNT-8:  lut.dot %{{.*}} {largest = 255 : i64} : vector<64xi8>, vector<16xi32>
// CHECK-NOT:      lut.dot
// CHECK:          vector.load %arg8
// CHECK:          arith.sitofp %{{.*}} : vector<16xi32> to vector<16xf32>
// Weights have 14 bits, in two digits, and a scale that is no number is not lost in them.
// CHECK:          vector.reduction <add>, %{{.*}} : vector<16xf32> into f32
// CHECK-COUNT-14: memref.prefetch %arg9
// CHECK-NOT:      memref.prefetch
// CHECK:          vector.load %arg9{{.*}} : memref<1x1x?x66xi8>, vector<64xi8>
// CHECK:          vector.shuffle {{.*}} : vector<64xi8>, vector<64xi8>
// CHECK-COUNT-32: lut.dot %{{.*}} {largest = 127 : i64} : vector<64xi8>, vector<16xi32>
// CHECK-NOT:      lut.dot
// CHECK:          scf.yield
// CHECK:        } else {
// CHECK-NOT:      lut.dot
// CHECK:          arith.sitofp %{{.*}} : vector<16xi8> to vector<16xf32>
func.func @blocks(%q: memref<1x?x64xf32>, %kv: memref<1x?x64xf32>, %k: !c, %v: !c, %len: memref<1xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %k, %v, %len, %total : memref<1x?x64xf32>, memref<1x?x64xf32>, memref<1x?x64xf32>, !c, !c, memref<1xi32>, memref<i32>)
    outs(%q, %k, %v : memref<1x?x64xf32>, !c, !c)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64, cache_group = 64 : i64}
  return
}

// -----

// Scales of channels: queries of 14 bits, in two unsigned digits whose products the sum of a key's codes corrects.
!c = memref<1x1x?x64xi8>
// CHECK-LABEL: func @channels
// CHECK:      func private @attention
// CHECK:        memref.alloc(%{{.*}}) {{.*}} : memref<?x32xi32>
// CHECK:        memref.alloc(%{{.*}}) {{.*}} : memref<?x128xi32>
// CHECK:        vector.load %arg{{.*}} : memref<1x1x?x64xi8>, vector<64xi8>
// CHECK-COUNT-4:  lut.dot %{{.*}} {largest = 127 : i64} : vector<64xi8>, vector<16xi32>
// CHECK-NEXT:     arith.subi
// CHECK-COUNT-4:  lut.dot %{{.*}} {largest = 127 : i64} : vector<64xi8>, vector<16xi32>
// CHECK-NEXT:     arith.subi
// CHECK-COUNT-8:  lut.dot %{{.*}} {largest = 127 : i64} : vector<64xi8>, vector<16xi32>
// CHECK-NEXT:     arith.shli
// CHECK-NEXT:     arith.shli
// CHECK-COUNT-8:  lut.dot %{{.*}} {largest = 127 : i64} : vector<64xi8>, vector<16xi32>
func.func @channels(%q: memref<1x?x64xf32>, %kv: memref<1x?x64xf32>, %k: !c, %v: !c, %len: memref<1xi32>, %total: memref<i32>, %s: memref<64xf32>) {
  lowbit.attention ins(%q, %kv, %kv, %k, %v, %len, %total, %s, %s : memref<1x?x64xf32>, memref<1x?x64xf32>, memref<1x?x64xf32>, !c, !c, memref<1xi32>, memref<i32>, memref<64xf32>, memref<64xf32>)
    outs(%q, %k, %v : memref<1x?x64xf32>, !c, !c)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64}
  return
}

// -----

// Groups of 16 bytes: queries are bytes, halves of codes are taken apart beside 16 keys, and 8 sums of a query's integers are taken off; a product for each group.
!c = memref<1x1x?x36xi8>
// CHECK-LABEL: func @pieces
// CHECK:      func private @attention
// CHECK:        memref.alloc(%{{.*}}) {{.*}} : memref<?x16xi32>
// CHECK:        vector.deinterleave %{{.*}} : vector<32xf32> -> vector<16xf32>
// CHECK:        vector.load %arg8{{.*}} : memref<1x1x?x36xi8>, vector<4xi8>
// CHECK:        memref.prefetch %arg8
// CHECK:        vector.load %arg8{{.*}} : memref<1x1x?x36xi8>, vector<16xi8>
// CHECK:        arith.shrui %{{.*}} : vector<16xi32>
// CHECK-COUNT-16: lut.dot %{{.*}} {largest = 15 : i64} : vector<64xi8>, vector<16xi32>
// CHECK-NOT:    lut.dot
// CHECK:        vector.deinterleave %{{.*}} : vector<32xf16> -> vector<16xf16>
// CHECK:        arith.sitofp %{{.*}} : vector<16xi32> to vector<16xf32>
// CHECK:        arith.mulf
// CHECK:        arith.sitofp %{{.*}} : vector<16xi32> to vector<16xf32>
// CHECK:        arith.addf %{{.*}} fastmath<contract>
// CHECK:        vector.interleave %{{.*}} : vector<16xf32> -> vector<32xf32>
func.func @pieces(%q: memref<1x?x64xf32>, %kv: memref<1x?x64xf32>, %k: !c, %v: !c, %len: memref<1xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %k, %v, %len, %total : memref<1x?x64xf32>, memref<1x?x64xf32>, memref<1x?x64xf32>, !c, !c, memref<1xi32>, memref<i32>)
    outs(%q, %k, %v : memref<1x?x64xf32>, !c, !c)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 4 : i64, cache_group = 32 : i64}
  return
}

// -----

// Groups that are no multiple of 16 bytes: codes are made floats as before.
!c = memref<1x1x?x26xi8>
// CHECK-LABEL: func @others
// CHECK:      func private @attention
// CHECK-NOT:    lut.dot
func.func @others(%q: memref<1x?x24xf32>, %kv: memref<1x?x24xf32>, %k: !c, %v: !c, %len: memref<1xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %k, %v, %len, %total : memref<1x?x24xf32>, memref<1x?x24xf32>, memref<1x?x24xf32>, !c, !c, memref<1xi32>, memref<i32>)
    outs(%q, %k, %v : memref<1x?x24xf32>, !c, !c)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 8 : i64, cache_group = 24 : i64}
  return
}
