// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{argument 0 must be a buffer of i8, i16, i32, f16, bf16, f8E4M3FN, f8E5M2 or f32 in DRAM with identity layout, of which only the first size may be dynamic, but is 'memref<4x?xi8>' (C1)}}
lmma.kernel @kernel_c1(%b: memref<4x?xi8>) {}

// -----

// expected-error@+1 {{expected at least 1 table, but found 0}}
func.func private @table_tables(!lmma.table<0, i8>)

// -----

// expected-error@+1 {{expected entries of i8, i16, f16, bf16, f8E4M3FN, f8E5M2 or f32, but found 'f64'}}
func.func private @table_element(!lmma.table<8, f64>)

// -----

// expected-error@+1 {{expected 1 to 8 planes, but found 9}}
func.func private @weights_planes(!lmma.weights<9, 8>)

// -----

// expected-error@+1 {{expected a positive, even number of tables, since a byte holds the codes of two, but found 3}}
func.func private @weights_tables(!lmma.weights<2, 3>)

// -----

// expected-error@+1 {{expected accumulators of i32 or f32, but found 'i16'}}
func.func private @acc_element(!lmma.acc<i16>)

// -----

func.func @launch_c1(%b: memref<4xi8>) {
  // expected-error@+1 {{no lmma.kernel is called @missing (C1)}}
  lmma.launch @missing(%b) : memref<4xi8>
  return
}

// -----

lmma.kernel @k(%b: memref<?x8xf32>) {}
func.func @launch_c2_count() {
  // expected-error@+1 {{@k takes 1 buffers, but found 0 (C2)}}
  "lmma.launch"() {kernel = @k} : () -> ()
  return
}

// -----

lmma.kernel @k(%b: memref<?x8xf32>) {}
func.func @launch_c2_size(%b: memref<2x9xf32>) {
  // expected-error@+1 {{buffer 0 of @k is 'memref<?x8xf32>', but found 'memref<2x9xf32>' (C2)}}
  lmma.launch @k(%b) : memref<2x9xf32>
  return
}

// -----

lmma.kernel @for_c1_step() {
  // expected-error@+1 {{expected a positive step, but found 0 (C1)}}
  lmma.for %i = 0 to 2 step 0 {
  }
}

// -----

lmma.kernel @for_c1_bound() {
  // expected-error@+1 {{expected bounds that are not negative (C1)}}
  lmma.for %i = -1 to 2 step 1 {
  }
}

// -----

lmma.kernel @for_bound_syntax() {
  // expected-error@+1 {{expected a multiple of at least 1, but found 0}}
  lmma.for %i = 0 to rows(0) step 1 {
  }
}

// -----

lmma.kernel @for_c2() {
  %z = lmma.zero : !lmma.acc<f32>
  // expected-error@+1 {{initial values, region arguments, yielded values and results must agree in number and type (C2)}}
  %r = lmma.for %i = 0 to 2 step 1 carry(%a = %z : !lmma.acc<f32>) {
    lmma.yield
  }
}

// -----

lmma.kernel @load_table_c1(%b: memref<?x2x128xf32>) {
  // expected-error@+1 {{expected a buffer of shape M x G x E and element type 'i8', but found 'memref<?x2x128xf32>' (C1)}}
  %t = lmma.load_table %b[0, 0, 0] : memref<?x2x128xf32> -> !lmma.table<8, i8>
}

// -----

lmma.kernel @load_rows_c1(%b: memref<?x2xf32>) {
  // expected-error@+1 {{expected 2 indices, but found 1 (C1)}}
  %s = lmma.load_rows %b[0] : memref<?x2xf32>
}

// -----

lmma.kernel @load_weights_c1(%b: memref<?x2xf32>) {
  // expected-error@+1 {{expected a buffer of shape bytes and element type 'i8'}}
  %w = lmma.load_weights %b[0] pitch 256 : memref<?x2xf32> -> !lmma.weights<4, 8>
}

// -----

lmma.kernel @index_not_linear(%b: memref<4096xi8>) {
  lmma.for %i = 0 to 2 step 1 {
    // expected-error@+1 {{index 0 of affine_map<(d0) -> (d0 mod 2)> is not a sum of counters times constants, which is all that an address can be}}
    %w = lmma.load_weights %b[%i mod 2] pitch 256 : memref<4096xi8> -> !lmma.weights<4, 8>
  }
}

// -----

lmma.kernel @load_cols_c2(%b: memref<4096xi8>) {
  // expected-error@+1 {{expected f16, bf16, f32 or i8 in memory, but found 'f64' (C2)}}
  %c = lmma.load_cols %b[0] as f64 : memref<4096xi8>
}

// -----

lmma.kernel @set_cols_c1() {
  // expected-error@+1 {{expected a finite value (C1)}}
  %c = lmma.set_cols 0x7F800000
}

// -----

lmma.kernel @zero_c1() {
  // expected-error@+1 {{integers have no negative zero (C1)}}
  %z = lmma.zero negative : !lmma.acc<i32>
}

// -----

lmma.kernel @mma_c1(%e: memref<?x2x128xi8>, %b: memref<4096xi8>) {
  %t = lmma.load_table %e[0, 0, 0] : memref<?x2x128xi8> -> !lmma.table<8, i8>
  %w = lmma.load_weights %b[0] pitch 256 : memref<4096xi8> -> !lmma.weights<4, 8>
  %z = lmma.zero : !lmma.acc<f32>
  // expected-error@+1 {{entries of 'i8' accumulate in i32, but found 'f32' (C1)}}
  %r = lmma.mma %z, %t[0], %w[0, 0] bits 1 : !lmma.acc<f32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
}

// -----

lmma.kernel @mma_c2_step(%e: memref<?x2x128xi8>, %b: memref<4096xi8>) {
  %t = lmma.load_table %e[0, 0, 0] : memref<?x2x128xi8> -> !lmma.table<8, i8>
  %w = lmma.load_weights %b[0] pitch 256 : memref<4096xi8> -> !lmma.weights<4, 8>
  %z = lmma.zero : !lmma.acc<i32>
  // expected-error@+1 {{names table 8 of '!lmma.table<8, i8>' (C2)}}
  %r = lmma.mma %z, %t[8], %w[0, 0] bits 4 : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
}

// -----

lmma.kernel @mma_c2_plane(%e: memref<?x2x128xi8>, %b: memref<4096xi8>) {
  %t = lmma.load_table %e[0, 0, 0] : memref<?x2x128xi8> -> !lmma.table<8, i8>
  %w = lmma.load_weights %b[0] pitch 256 : memref<4096xi8> -> !lmma.weights<4, 8>
  %z = lmma.zero : !lmma.acc<i32>
  // expected-error@+1 {{names 3 planes from 2 of '!lmma.weights<4, 8>' (C2)}}
  %r = lmma.mma %z, %t[0], %w[0, 2] bits 3 : !lmma.acc<i32>, !lmma.table<8, i8>, !lmma.weights<4, 8>
}

// -----

lmma.kernel @mma_c3(%e: memref<?x2x128xf32>, %b: memref<4096xi8>) {
  %t = lmma.load_table %e[0, 0, 0] : memref<?x2x128xf32> -> !lmma.table<8, f32>
  %w = lmma.load_weights %b[0] pitch 256 : memref<4096xi8> -> !lmma.weights<4, 8>
  %z = lmma.zero negative : !lmma.acc<f32>
  // expected-error@+1 {{expected 1 to 8 bits, but found 9 (C3)}}
  %r = lmma.mma %z, %t[0], %w[0, 0] bits 9 : !lmma.acc<f32>, !lmma.table<8, f32>, !lmma.weights<4, 8>
}

// -----

lmma.kernel @shift_c1() {
  %a = lmma.zero : !lmma.acc<f32>
  %b = lmma.zero : !lmma.acc<f32>
  // expected-error@+1 {{expected a plane of 0 to 7, but found 8 (C1)}}
  %r = lmma.shift %a, %b plane 8
}

// -----

lmma.kernel @store_c1(%o: memref<64xi8>) {
  %a = lmma.zero : !lmma.acc<f32>
  // expected-error@+1 {{expected a buffer of shape M x N and element type 'f32', but found 'memref<64xi8>' (C1)}}
  lmma.store %a, %o[0] : memref<64xi8>
}

// -----

func.func @instruction_outside() {
  // expected-error@+1 {{expects parent op to be one of 'lmma.kernel, lmma.for'}}
  %z = lmma.zero : !lmma.acc<f32>
  return
}
