// RUN: lutra-opt %s --lutra-approximate-math | FileCheck %s

// CHECK-LABEL: @transcendental
// CHECK-NOT: math.exp
// CHECK-NOT: math.tanh
// CHECK-NOT: math.rsqrt
// CHECK: math.fma
// CHECK: return
func.func @transcendental(%x: f32) -> (f32, f32, f32) {
  %a = math.exp %x : f32
  %b = math.tanh %x : f32
  %c = math.rsqrt %x : f32
  return %a, %b, %c : f32, f32, f32
}

// exp in f64, of vectors as well: a polynomial, then two powers of two that are put together from bits; a NaN stays.

// CHECK-LABEL: @double_exp
// CHECK-SAME: %[[X:.*]]: vector<8xf64>
// CHECK-NOT: math.exp
// CHECK-COUNT-15: arith.mulf {{.*}} fastmath<contract> : vector<8xf64>
// CHECK-COUNT-2: arith.bitcast %{{.*}} : vector<8xi64> to vector<8xf64>
// CHECK: %[[NAN:.*]] = arith.cmpf uno, %[[X]], %[[X]]
// CHECK: arith.select %[[NAN]], %[[X]]
func.func @double_exp(%x: vector<8xf64>) -> vector<8xf64> {
  %a = math.exp %x : vector<8xf64>
  return %a : vector<8xf64>
}

// What the numerics of tables mean exactly, and what has no good polynomial, stays.

// CHECK-LABEL: @kept
// CHECK: math.fma
// CHECK: math.roundeven
// CHECK: math.absf
// CHECK: math.sin
// CHECK: math.powf
func.func @kept(%x: f32) -> (f32, f32, f32, f32, f32) {
  %a = math.fma %x, %x, %x : f32
  %b = math.roundeven %x : f32
  %c = math.absf %x : f32
  %d = math.sin %x : f32
  %e = math.powf %x, %x : f32
  return %a, %b, %c, %d, %e : f32, f32, f32, f32, f32
}
