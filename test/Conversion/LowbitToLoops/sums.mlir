// The type of attention's scores and sums: f32, f64, or by whether the module quantizes activations.
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops | FileCheck %s --check-prefixes=CHECK,AUTO
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops=sums=f64 | FileCheck %s --check-prefixes=CHECK,F64
// RUN: lutra-opt %s --split-input-file --convert-lowbit-to-loops=sums=f32 | FileCheck %s --check-prefixes=CHECK,F32
// RUN: not lutra-opt %s --split-input-file --convert-lowbit-to-loops=sums=f16 2>&1 | FileCheck %s --check-prefix=REFUSED

// REFUSED: error: convert-lowbit-to-loops: option 'sums' is 'f16', expected auto, f32 or f64

// Queries are rotated in f32 and then scaled in f64; the output is rounded once.
// CHECK-LABEL: func @floats
// AUTO-NOT: f64
// F32-NOT: f64
// F64: func private @attention
// F64: arith.extf %{{.*}} : vector<8xf32> to vector<8xf64>
// F64: arith.addf {{.*}} fastmath<contract> : vector<8xf64>
// F64: math.exp {{.*}} : vector<16xf64>
// F64: arith.truncf %{{.*}} : vector<8xf64> to vector<8xf32>
func.func @floats(%q: memref<1x?x32xf32>, %kv: memref<1x?x16xf32>, %c: memref<1x1x?x16xf32>, %len: memref<1xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %c, %c, %len, %total : memref<1x?x32xf32>, memref<1x?x16xf32>, memref<1x?x16xf32>, memref<1x1x?x16xf32>, memref<1x1x?x16xf32>, memref<1xi32>, memref<i32>)
    outs(%q, %c, %c : memref<1x?x32xf32>, memref<1x1x?x16xf32>, memref<1x1x?x16xf32>)
    {num_heads = 2 : i64, kv_heads = 1 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}

// -----

// Tables of codes in the module: the last bit of an activation may decide about a code.
// CHECK-LABEL: func @codes
// AUTO: arith.addf {{.*}} fastmath<contract> : vector<8xf64>
// F64: arith.addf {{.*}} fastmath<contract> : vector<8xf64>
// F32-NOT: arith.addf {{.*}} fastmath<contract> : vector<8xf64>
func.func @codes(%q: memref<1x?x32xf32>, %kv: memref<1x?x16xf32>, %c: memref<1x1x?x16xf32>, %len: memref<1xi32>, %total: memref<i32>,
                 %a: memref<?x32xi8>, %s: memref<?x1xf32>, %t: memref<?x1x128xi16>, %ts: memref<?x1xf32>, %sum: memref<?x1xf32>) {
  lut.precompute ins(%a, %s : memref<?x32xi8>, memref<?x1xf32>) outs(%t, %ts, %sum : memref<?x1x128xi16>, memref<?x1xf32>, memref<?x1xf32>) {group = 32 : i64}
  lowbit.attention ins(%q, %kv, %kv, %c, %c, %len, %total : memref<1x?x32xf32>, memref<1x?x16xf32>, memref<1x?x16xf32>, memref<1x1x?x16xf32>, memref<1x1x?x16xf32>, memref<1xi32>, memref<i32>)
    outs(%q, %c, %c : memref<1x?x32xf32>, memref<1x1x?x16xf32>, memref<1x1x?x16xf32>)
    {num_heads = 2 : i64, kv_heads = 1 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}

// -----

// Codes for many rows and tables of floats for few: quantized for speed, by the compiler's choice.
// CHECK-LABEL: func @by_rows
// AUTO-NOT: f64
// F64: arith.addf {{.*}} fastmath<contract> : vector<8xf64>
func.func @by_rows(%q: memref<1x?x32xf32>, %kv: memref<1x?x16xf32>, %c: memref<1x1x?x16xf32>, %len: memref<1xi32>, %total: memref<i32>, %many: i1,
                   %x: memref<?x32xf32>, %e: memref<?x1x128xi8>, %a: memref<?x32xi8>, %s: memref<?x1xf32>, %p: memref<1x?x32xi8>, %b: memref<1x?xi32>,
                   %f: memref<1x?xf32>) {
  scf.if %many {
    lut.prepare_codes ins(%a, %s : memref<?x32xi8>, memref<?x1xf32>)
        outs(%p, %b, %f, %f : memref<1x?x32xi8>, memref<1x?xi32>, memref<1x?xf32>, memref<1x?xf32>) {group = 32 : i64, factor = 15 : i64}
  } else {
    lut.precompute ins(%x : memref<?x32xf32>) outs(%e, %s, %s : memref<?x1x128xi8>, memref<?x1xf32>, memref<?x1xf32>) {group = 32 : i64}
  }
  lowbit.attention ins(%q, %kv, %kv, %c, %c, %len, %total : memref<1x?x32xf32>, memref<1x?x16xf32>, memref<1x?x16xf32>, memref<1x1x?x16xf32>, memref<1x1x?x16xf32>, memref<1xi32>, memref<i32>)
    outs(%q, %c, %c : memref<1x?x32xf32>, memref<1x1x?x16xf32>, memref<1x1x?x16xf32>)
    {num_heads = 2 : i64, kv_heads = 1 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}
