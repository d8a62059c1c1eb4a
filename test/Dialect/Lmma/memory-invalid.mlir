// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{expected a grid of columns (at least 1), rows (at least 0) and swizzle (at least 1) (C3)}}
lmma.kernel @grid(%o: memref<?x64xf32>) attributes {grid = array<i64: 0, 16, 1>} {}

// -----

lmma.kernel @column(%o: memref<?x64xf32>) {
  // expected-error@+1 {{stands in a kernel without a grid (C1)}}
  %c = lmma.block_column
}

// -----

lmma.kernel @columns(%o: memref<?x64xf32>) attributes {grid = array<i64: 2, 16, 1>} {
  // expected-error@+1 {{stands in a kernel that names its column twice; use the first one (C1)}}
  %c = lmma.block_column
  %d = lmma.block_column
}

// -----

lmma.kernel @shared(%o: memref<?x64xf32>) {
  // expected-error@+1 {{expected a buffer in #lmma.shared of static sizes and identity layout, but found 'memref<4xf32>' (C1)}}
  %s = lmma.shared : memref<4xf32>
}

// -----

lmma.kernel @copy(%w: memref<64xi8>) {
  %s = lmma.shared : memref<4x16xi8, #lmma.shared>
  // expected-error@+1 {{expected a copy between buffers of the same element type and rank, from DRAM to #lmma.shared, and as many sizes}}
  lmma.copy %w[0] to %s[0, 0] sizes [4, 16] token 0 : memref<64xi8> to memref<4x16xi8, #lmma.shared>
}

// -----

lmma.kernel @copy_size(%w: memref<64xi8>) {
  %s = lmma.shared : memref<64xi8, #lmma.shared>
  // expected-error@+1 {{expected positive sizes (C2)}}
  lmma.copy %w[0] to %s[0] sizes [0] token 0 : memref<64xi8> to memref<64xi8, #lmma.shared>
}

// -----

lmma.kernel @copy_token(%w: memref<64xi8>) {
  %s = lmma.shared : memref<64xi8, #lmma.shared>
  // expected-error@+1 {{expected a token of 0 to 15, but found 16 (C2)}}
  lmma.copy %w[0] to %s[0] sizes [64] token 16 : memref<64xi8> to memref<64xi8, #lmma.shared>
}

// -----

lmma.kernel @wait(%w: memref<64xi8>) {
  // expected-error@+1 {{expected a token of 0 to 15, but found -1 (C1)}}
  lmma.wait -1
}

// -----

lmma.kernel @load_acts(%x: memref<?x64xf32>) {
  // expected-error@+1 {{expected a positive count, but found 0 (C2)}}
  %a = lmma.load_acts %x[0, 0] count 0 : memref<?x64xf32>
}

// -----

lmma.kernel @load_acts(%x: memref<?x64xi32>) {
  // expected-error@+1 {{expected a buffer of shape M x K and element type 'f32', but found 'memref<?x64xi32>' (C1)}}
  %a = lmma.load_acts %x[0, 0] count 4 : memref<?x64xi32>
}

// -----

lmma.kernel @load_tile(%x: memref<?x64xi8>) {
  // expected-error@+1 {{expected a buffer of shape M x N and element type 'f32', but found 'memref<?x64xi8>' (C1)}}
  %a = lmma.load_tile %x[0, 0] : memref<?x64xi8>
}

// -----

lmma.kernel @load_table(%e: memref<?x2x128xi8>) {
  // expected-error@+1 {{expected a pitch of at least 8, the stored half of a table, but found 4}}
  %t = lmma.load_table %e[0, 0, 0] {pitch = 4 : i64} : memref<?x2x128xi8> -> !lmma.table<8, i8>
}

// -----

lmma.kernel @store_table(%x: memref<?x64xf32>, %e: memref<?x2x128xi8>) {
  %a = lmma.load_acts %x[0, 0] count 4 : memref<?x64xf32>
  %t = lmma.precompute %a : !lmma.table<8, i8>
  // expected-error@+1 {{expected a pitch of at least 8, the stored half of a table, but found 1}}
  lmma.store_table %t, %e[0, 0, 0] pitch 1 : !lmma.table<8, i8>, memref<?x2x128xi8>
}

// -----

lmma.kernel @store_rows(%e: memref<?x2xi8>) {
  %s = lmma.set_rows 1.0
  // expected-error@+1 {{expected a buffer of shape M x G and element type 'f32', but found 'memref<?x2xi8>' (C1)}}
  lmma.store_rows %s, %e[0, 0] : memref<?x2xi8>
}

// -----

lmma.kernel @table_scale(%e: memref<?x2xi8>) {
  %s = lmma.set_rows 1.0
  // expected-error@+1 {{expected entries of i8 or i16, but found 'f32' (C1)}}
  %ts, %inv = lmma.table_scale %s as f32
}

// -----

lmma.kernel @quantize(%x: memref<?x64xf32>) {
  %a = lmma.load_acts %x[0, 0] count 4 : memref<?x64xf32>
  %s = lmma.set_rows 1.0
  // expected-error@+1 {{expected entries of i8 or i16, but found 'f16' (C1)}}
  %t = lmma.quantize %a, %s : !lmma.table<8, f16>
}

// -----

lmma.kernel @set_rows(%x: memref<?x64xf32>) {
  // expected-error@+1 {{expected a finite value (C1)}}
  %s = lmma.set_rows 0x7F800000
}

// -----

lmma.kernel @mma_to(%e: memref<?x2x128xi8>, %w: memref<4096xi8>) {
  %t = lmma.load_table %e[0, 0, 0] : memref<?x2x128xi8> -> !lmma.table<8, i8>
  %q = lmma.load_weights %w[0] pitch 256 : memref<4096xi8> -> !lmma.weights<4, 8>
  %z = lmma.zero : !lmma.acc<i32>
  // expected-error@+1 {{expected out of f32 or f16, another type than the accumulator's, but found 'i32' (C5)}}
  %r = lmma.mma_to %z, %t[0], %q[0, 0] bits 4 out i32 : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
}

// -----

lmma.kernel @kind(%e: memref<?x2x128xi8>, %w: memref<4096xi8>) {
  %t = lmma.load_table %e[0, 0, 0] : memref<?x2x128xi8> -> !lmma.table<8, i8>
  %q = lmma.load_weights %w[0] pitch 256 : memref<4096xi8> -> !lmma.weights<4, 8>
  %z = lmma.zero : !lmma.acc<i32>
  // expected-error@+1 {{expected kind "ternary" of 2 bits or "fp4" of 4, but found "fp4" of 2 (C4)}}
  %r = lmma.mma %z, %t[0], %q[0, 0] bits 2 {kind = "fp4"} : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
}

// -----

lmma.kernel @operands(%e: memref<?x64xf32>) {
  %c = lmma.set_cols 1.0
  // expected-error@+1 {{'lmma.asum' op operand #0 must be}}
  %s = "lmma.asum"(%c) {tables = 1 : i64} : (!lmma.cols) -> !lmma.rows
}

// -----

lmma.kernel @operands(%e: memref<?x64xf32>) {
  %c = lmma.set_cols 1.0
  // expected-error@+1 {{'lmma.amax' op operand #0 must be}}
  %s = "lmma.amax"(%c) {tables = 1 : i64} : (!lmma.cols) -> !lmma.rows
}

// -----

lmma.kernel @operands(%e: memref<?x64xf32>) {
  %c = lmma.set_cols 1.0
  // expected-error@+1 {{'lmma.precompute' op operand #0 must be}}
  %s = "lmma.precompute"(%c) : (!lmma.cols) -> !lmma.table<8, f32>
}

// -----

lmma.kernel @operands(%e: memref<?x64xf32>) {
  %c = lmma.set_cols 1.0
  // expected-error@+1 {{'lmma.mul_rows' op operand #0 must be}}
  %s = "lmma.mul_rows"(%c, %c) : (!lmma.cols, !lmma.cols) -> !lmma.rows
}

// -----

lmma.kernel @operands(%e: memref<?x64xf32>) {
  %c = lmma.set_rows 1.0
  // expected-error@+1 {{'lmma.spread' op operand #0 must be}}
  %s = "lmma.spread"(%c) : (!lmma.rows) -> !lmma.acc<f32>
}

// -----

lmma.kernel @operands(%e: memref<?x64xf32>) {
  %c = lmma.set_rows 1.0
  // expected-error@+1 {{'lmma.add' op operand #0 must be}}
  %s = "lmma.add"(%c, %c) : (!lmma.rows, !lmma.rows) -> !lmma.acc<f32>
}

// -----

lmma.kernel @operands(%e: memref<?x64xf32>) {
  %c = lmma.set_rows 1.0
  // expected-error@+1 {{'lmma.sub' op operand #0 must be}}
  %s = "lmma.sub"(%c, %c) : (!lmma.rows, !lmma.rows) -> !lmma.acc<f32>
}

// -----

lmma.kernel @operands(%e: memref<?x64xf32>) {
  %c = lmma.set_rows 1.0
  // expected-error@+1 {{'lmma.mul' op operand #0 must be}}
  %s = "lmma.mul"(%c, %c) : (!lmma.rows, !lmma.rows) -> !lmma.acc<f32>
}

// -----

lmma.kernel @operands(%e: memref<?x64xf32>) {
  %c = lmma.set_rows 1.0
  // expected-error@+1 {{'lmma.div' op operand #0 must be}}
  %s = "lmma.div"(%c, %c) : (!lmma.rows, !lmma.rows) -> !lmma.acc<f32>
}

// -----

lmma.kernel @operands(%e: memref<?x64xf32>) {
  %c = lmma.set_rows 1.0
  // expected-error@+1 {{'lmma.max' op operand #0 must be}}
  %s = "lmma.max"(%c, %c) : (!lmma.rows, !lmma.rows) -> !lmma.acc<f32>
}

// -----

lmma.kernel @operands(%e: memref<?x64xf32>) {
  %c = lmma.set_rows 1.0
  // expected-error@+1 {{'lmma.min' op operand #0 must be}}
  %s = "lmma.min"(%c, %c) : (!lmma.rows, !lmma.rows) -> !lmma.acc<f32>
}

// -----

lmma.kernel @segments(%w: memref<64xi8>) {
  // expected-error@+1 {{'operandSegmentSizes' must give operand group #0 one value, but gives it 2}}
  "lmma.copy"(%w, %w) <{operandSegmentSizes = array<i32: 2, 0, 0, 0>, source_map = affine_map<() -> (0)>,
                        target_map = affine_map<() -> (0)>, sizes = array<i64: 16>, token = 0 : i64}> : (memref<64xi8>, memref<64xi8>) -> ()
}
