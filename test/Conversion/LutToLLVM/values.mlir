// The vector ops by value, on this machine: portable code, AVX2 and AVX-512 must print the same.
//
// DEFINE: %{features} =
// DEFINE: %{run} = lutra-opt %s --convert-lut-to-llvm=features=%{features} --convert-vector-to-scf --convert-scf-to-cf \
// DEFINE:   --convert-vector-to-llvm --convert-arith-to-llvm --convert-index-to-llvm --convert-cf-to-llvm \
// DEFINE:   --convert-func-to-llvm --reconcile-unrealized-casts | mlir-runner -e main --entry-point-result=void \
// DEFINE:   --shared-libs=%llvm_libs/libmlir_c_runner_utils.so | FileCheck %s
//
// RUN: %{run}
// REDEFINE: %{features} = avx2
// RUN: %if avx2 %{ %{run} %}
// REDEFINE: %{features} = avx512bw
// RUN: %if avx512bw %{ %{run} %}

func.func @main() {
  // Indices count modulo 16: 16 is 0, -1 is 15.
  %t = arith.constant dense<[-127, -64, -32, -16, -8, -4, -2, -1, 1, 2, 4, 8, 16, 32, 64, 127]> : vector<16xi8>
  %low = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]> : vector<16xi8>
  %odd = arith.constant dense<[16, -1, 127, -128, 32, 47, 0, 15, 15, 15, 15, 15, 0, 0, 0, 0]> : vector<16xi8>
  %ct, %clow, %codd = func.call @opaque(%t, %low, %odd) : (vector<16xi8>, vector<16xi8>, vector<16xi8>) -> (vector<16xi8>, vector<16xi8>, vector<16xi8>)
  %v = lut.lookup %ct[%clow] : vector<16xi8>, vector<16xi8>
  %w = lut.lookup %ct[%codd] : vector<16xi8>, vector<16xi8>
  // CHECK: ( -127, -64, -32, -16, -8, -4, -2, -1, 1, 2, 4, 8, 16, 32, 64, 127 )
  vector.print %v : vector<16xi8>
  // CHECK: ( -127, 127, 127, -127, -127, 127, -127, 127, 127, 127, 127, 127, -127, -127, -127, -127 )
  vector.print %w : vector<16xi8>

  // Signed lanes, weights up to 255, and the extremes.
  %zero = arith.constant dense<0> : vector<4xi32>
  %quads = lut.accumulate %v into %zero weights [1, 2, 4, 8] : vector<16xi8>, vector<4xi32>
  // -127 - 128 - 128 - 128, -8 - 8 - 8 - 8, 1 + 4 + 16 + 64, 16 + 64 + 256 + 1016
  // CHECK: ( -511, -32, 85, 1352 )
  vector.print %quads : vector<4xi32>
  %more = lut.accumulate %w into %quads weights [255, 255, 0, 128] : vector<16xi8>, vector<4xi32>
  // CHECK: ( -16767, 16224, 81111, -79674 )
  vector.print %more : vector<4xi32>
  %half = arith.constant dense<[1000, -1000, 0, 32000, 0, 0, 0, 0]> : vector<8xi16>
  %pairs = lut.accumulate %w into %half weights [1, 2] : vector<16xi8>, vector<8xi16>
  // CHECK: ( 1127, -1127, 127, 32127, 381, 381, -381, -381 )
  vector.print %pairs : vector<8xi16>
  %first = lut.accumulate %v into %half weights [0, 4] : vector<16xi8>, vector<8xi16>
  // CHECK: ( 744, -1064, -16, 31996, 8, 32, 128, 508 )
  vector.print %first : vector<8xi16>
  %wide = lut.accumulate %pairs into %quads weights [1, 4] : vector<8xi16>, vector<4xi32>
  // CHECK: ( -3892, 128603, 1990, -553 )
  vector.print %wide : vector<4xi32>

  // Exact entries.
  %ft = arith.constant dense<[0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, -0.0, -1.5, -2.5, -3.5, -4.5, -5.5, -6.5, 0x7f800000]> : vector<16xf32>
  %fi = arith.constant dense<[0, 7, 8, 15, 16, -1, 9, 1]> : vector<8xi32>
  %dt, %di = func.call @opaque_floats(%ft, %fi) : (vector<16xf32>, vector<8xi32>) -> (vector<16xf32>, vector<8xi32>)
  %f = lut.lookup %dt[%di] : vector<16xf32>, vector<8xi32>
  // CHECK: ( 0.5, 7.5, -0, inf, 0.5, inf, -1.5, 1.5 )
  vector.print %f : vector<8xf32>

  // Halves of every kind: normal, subnormal, largest, zeros, infinity.
  %h = arith.constant dense<[1.5, -2.0, 0x0001, 0x8400, 65504.0, 0.0, 0x8000, 0xfc00]> : vector<8xf16>
  %ho = func.call @opaque_halfs(%h) : (vector<8xf16>) -> vector<8xf16>
  %hf = arith.extf %ho : vector<8xf16> to vector<8xf32>
  // CHECK: ( 1.5, -2, 5.96046e-08, -6.10352e-05, 65504, 0, -0, -inf )
  vector.print %hf : vector<8xf32>

  // Integers of 32 bits are looked up bit by bit: what looks like a NaN stays what it is.
  %it = arith.constant dense<[-1, 2147483647, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -2147483648]> : vector<16xi32>
  %dit, %dii = func.call @opaque_ints(%it, %fi) : (vector<16xi32>, vector<8xi32>) -> (vector<16xi32>, vector<8xi32>)
  %iv = lut.lookup %dit[%dii] : vector<16xi32>, vector<8xi32>
  // CHECK: ( -1, 8, 9, -2147483648, -1, -2147483648, 10, 2147483647 )
  vector.print %iv : vector<8xi32>

  // Rounded to halves: ties to even, up to infinity, down to subnormals and to zero.
  %r = arith.constant dense<[2049.0, 2051.0, -65519.9, 65520.0, 0x33800000, 0x33000000, 0x33c00000, 0x80000000]> : vector<8xf32>
  %ro = func.call @opaque_wide(%r) : (vector<8xf32>) -> vector<8xf32>
  %rh = arith.truncf %ro : vector<8xf32> to vector<8xf16>
  %rb = vector.bitcast %rh : vector<8xf16> to vector<8xi16>
  %ri = arith.extui %rb : vector<8xi16> to vector<8xi32>
  // 0x6800, 0x6802, 0xfbff, 0x7c00, 1, 0, 2, 0x8000
  // CHECK: ( 26624, 26626, 64511, 31744, 1, 0, 2, 32768 )
  vector.print %ri : vector<8xi32>

  // bf16 keeps subnormals on every machine.
  %b = arith.constant dense<[1.00390625, 1.01171875, 0x00018000, 0x7f7fffff, 0xff800000, 0x80000001, 1.0, -3.0]> : vector<8xf32>
  %bo = func.call @opaque_wide(%b) : (vector<8xf32>) -> vector<8xf32>
  %bh = arith.truncf %bo : vector<8xf32> to vector<8xbf16>
  %bb = vector.bitcast %bh : vector<8xbf16> to vector<8xi16>
  %bi = arith.extui %bb : vector<8xi16> to vector<8xi32>
  // 0x3f80, 0x3f82, 2, 0x7f80, 0xff80, 0x8000, 0x3f80, 0xc040
  // CHECK: ( 16256, 16258, 2, 32640, 65408, 32768, 16256, 49216 )
  vector.print %bi : vector<8xi32>
  %bw = arith.extf %bh : vector<8xbf16> to vector<8xf32>
  // CHECK: ( 1, 1.01562, 1.83671e-40, inf, -inf, -0, 1, -3 )
  vector.print %bw : vector<8xf32>
  return
}

// Kept apart so that nothing is folded.
func.func private @opaque(%a: vector<16xi8>, %b: vector<16xi8>, %c: vector<16xi8>) -> (vector<16xi8>, vector<16xi8>, vector<16xi8>) attributes {passthrough = ["noinline"]} {
  return %a, %b, %c : vector<16xi8>, vector<16xi8>, vector<16xi8>
}
func.func private @opaque_floats(%a: vector<16xf32>, %b: vector<8xi32>) -> (vector<16xf32>, vector<8xi32>) attributes {passthrough = ["noinline"]} {
  return %a, %b : vector<16xf32>, vector<8xi32>
}
func.func private @opaque_halfs(%a: vector<8xf16>) -> vector<8xf16> attributes {passthrough = ["noinline"]} {
  return %a : vector<8xf16>
}
func.func private @opaque_ints(%a: vector<16xi32>, %b: vector<8xi32>) -> (vector<16xi32>, vector<8xi32>) attributes {passthrough = ["noinline"]} {
  return %a, %b : vector<16xi32>, vector<8xi32>
}
func.func private @opaque_wide(%a: vector<8xf32>) -> vector<8xf32> attributes {passthrough = ["noinline"]} {
  return %a : vector<8xf32>
}
