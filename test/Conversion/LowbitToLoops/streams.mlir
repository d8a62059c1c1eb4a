// A single token's sums in f32: where the machine reads ahead by itself (nothing is asked for), keys of up to 256 bytes are read in one stream, key after key;
// others in four side by side, as are those whose values have more sums than registers hold and those of sums in f64, whose order is the same on all machines.
//
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops="prefetch-bytes=0 sums=f32" --canonicalize | FileCheck %s --check-prefixes=CHECK,ONE,PARTS,F32
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops="prefetch-bytes=512 sums=f32" --canonicalize | FileCheck %s --check-prefixes=CHECK,FOUR,PASSES
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops="prefetch-bytes=0 sums=f64" --canonicalize | FileCheck %s --check-prefixes=CHECK,FOUR,PARTS,F64

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
// Keys of 512 bytes are read in four streams, and so are values if nothing is asked for: part by part for all four rows, their sums in memory, two parts of 16 lanes (8 of f64)
// at a time, weights being made 16 ahead; what the other half begins with is asked for. Else two rows' values are added in a pass, 8 keys a turn.
// CHECK-LABEL:   func private @attention
// PARTS-DAG:     arith.constant 128 : index
// PARTS:         memref.prefetch
// PARTS:         scf.for %{{.*}} step %c16
// PARTS:           scf.if
// PARTS:           scf.for %[[COLUMN:.*]] = %{{.*}} step %c4
// PARTS:             memref.prefetch
// PARTS-COUNT-16:    vector.broadcast %{{.*}} : [[TYPE:f32|f64]] to vector
// F32:               scf.for %{{.*}} step %c32
// F64:               scf.for %{{.*}} step %c16
// PASSES:        scf.for %{{.*}} step %c8
// CHECK:         return
func.func @long(%q: memref<1x?x512xf32>, %kv: memref<1x?x128xf32>, %c: !cache, %len: memref<1xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %c, %c, %len, %total : memref<1x?x512xf32>, memref<1x?x128xf32>, memref<1x?x128xf32>, !cache, !cache, memref<1xi32>, memref<i32>)
    outs(%q, %c, %c : memref<1x?x512xf32>, !cache, !cache)
    {num_heads = 4 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}
