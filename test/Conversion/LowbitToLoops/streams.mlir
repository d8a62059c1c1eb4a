// A single token's sums in f32: where the machine reads ahead by itself (nothing is asked for), keys of up to 256 bytes are read in one stream, key after key;
// others in four side by side, as are those of sums in f64, whose order is the same on all machines.
//
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops="prefetch-bytes=0 sums=f32" --canonicalize | FileCheck %s --check-prefixes=CHECK,ONE
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops="prefetch-bytes=512 sums=f32" --canonicalize | FileCheck %s --check-prefixes=CHECK,FOUR
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops="prefetch-bytes=0 sums=f64" --canonicalize | FileCheck %s --check-prefixes=CHECK,FOUR

// The keys of four streams begin a quarter of the chunk apart; those of one follow each other.
!cache = memref<1x1x?x64xf32>
// CHECK-LABEL: func private @attention
// ONE-NOT:  arith.muli %{{.*}}, %c3 : index
// FOUR:     arith.muli %{{.*}}, %c3 : index
// CHECK:    return
func.func @main(%q: memref<1x?x64xf32>, %kv: memref<1x?x64xf32>, %c: !cache, %len: memref<1xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %c, %c, %len, %total : memref<1x?x64xf32>, memref<1x?x64xf32>, memref<1x?x64xf32>, !cache, !cache, memref<1xi32>, memref<i32>)
    outs(%q, %c, %c : memref<1x?x64xf32>, !cache, !cache)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}

// -----

!cache = memref<1x1x?x128xf32>
// Keys of 512 bytes are read in four streams; values, of which two rows' are added in a pass, in one stream after the other, 16 lines a turn, or 8 of four.
// CHECK-LABEL: func private @attention
// ONE:      arith.muli %{{.*}}, %c3{{.*}} : index
// ONE:      scf.for %{{.*}} = %c0{{.*}} to %c4
// ONE:      scf.for %{{.*}} step %c16
// FOUR:     scf.for %{{.*}} step %c8
// CHECK:    return
func.func @long(%q: memref<1x?x512xf32>, %kv: memref<1x?x128xf32>, %c: !cache, %len: memref<1xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %c, %c, %len, %total : memref<1x?x512xf32>, memref<1x?x128xf32>, memref<1x?x128xf32>, !cache, !cache, memref<1xi32>, memref<i32>)
    outs(%q, %c, %c : memref<1x?x512xf32>, !cache, !cache)
    {num_heads = 4 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}
