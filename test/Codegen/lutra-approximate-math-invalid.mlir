// RUN: lutra-opt %s --lutra-approximate-math | FileCheck %s

// Nothing is refused: what has no polynomial here (most functions of f64, and functions whose polynomials are not accurate) stays as it is.

// CHECK-LABEL: @kept
// CHECK: math.tanh %{{.*}} : f64
// CHECK: math.cos %{{.*}} : f32
func.func @kept(%x: f64, %y: f32) -> (f64, f32) {
  %a = math.tanh %x : f64
  %b = math.cos %y : f32
  return %a, %b : f64, f32
}
