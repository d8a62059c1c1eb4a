// RUN: lutra-opt %s --canonicalize | FileCheck %s

// Only the low four bits of an index count: 17 is 1.
// CHECK-LABEL: @constant_lookup
// CHECK: %[[V:.*]] = arith.constant dense<[10, 11, 25, 11]> : vector<4xi8>
// CHECK: return %[[V]]
func.func @constant_lookup() -> vector<4xi8> {
  %t = arith.constant dense<[10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]> : vector<16xi8>
  %i = arith.constant dense<[0, 1, 15, 17]> : vector<4xi8>
  %v = lut.lookup %t[%i] : vector<16xi8>, vector<4xi8>
  return %v : vector<4xi8>
}

// The low six of an index into 64 entries: -1 is 63.
// CHECK-LABEL: @constant_lookup_of_64
// CHECK: %[[V:.*]] = arith.constant dense<[-117, 0, -90, -43]> : vector<4xi8>
// CHECK: return %[[V]]
func.func @constant_lookup_of_64() -> vector<4xi8> {
  %t = arith.constant dense<[-117, -80, -43, -6, 31, 68, 105, -114, -77, -40, -3, 34, 71, 108, -111, -74, -37, 0, 37, 74, 111, -108, -71, -34, 3, 40, 77, 114, -105, -68, -31, 6, 43, 80, 117, -102, -65, -28, 9, 46, 83, 120, -99, -62, -25, 12, 49, 86, 123, -96, -59, -22, 15, 52, 89, 126, -93, -56, -19, 18, 55, 92, -127, -90]> : vector<64xi8>
  %i = arith.constant dense<[0, 17, -1, 66]> : vector<4xi8>
  %v = lut.lookup %t[%i] : vector<64xi8>, vector<4xi8>
  return %v : vector<4xi8>
}

// CHECK-LABEL: @splat_table
// CHECK: %[[V:.*]] = arith.constant dense<2.500000e+00> : vector<8xf32>
// CHECK: return %[[V]]
func.func @splat_table(%i: vector<8xi32>) -> vector<8xf32> {
  %t = arith.constant dense<2.5> : vector<16xf32>
  %v = lut.lookup %t[%i] : vector<16xf32>, vector<8xi32>
  return %v : vector<8xf32>
}

// CHECK-LABEL: @accumulate_nothing
// CHECK-SAME: %[[ACC:.*]]: vector<16xi32>
// CHECK-NEXT: return %[[ACC]], %[[ACC]]
func.func @accumulate_nothing(%acc: vector<16xi32>, %v: vector<64xi8>) -> (vector<16xi32>, vector<16xi32>) {
  %zeros = arith.constant dense<0> : vector<64xi8>
  %a = lut.accumulate %zeros into %acc weights [1, 2, 4, 8] : vector<64xi8>, vector<16xi32>
  %b = lut.accumulate %v into %acc weights [0, 0, 0, 0] : vector<64xi8>, vector<16xi32>
  return %a, %b : vector<16xi32>, vector<16xi32>
}

// CHECK-LABEL: @dead
// CHECK-NEXT: return
func.func @dead(%t: vector<16xi8>, %i: vector<64xi8>) {
  %v = lut.lookup %t[%i] : vector<16xi8>, vector<64xi8>
  return
}
