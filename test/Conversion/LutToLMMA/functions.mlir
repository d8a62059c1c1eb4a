// RUN: lutra-opt %s --convert-lut-to-lmma --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-lmma -Rpass-missed=convert-lut-to-lmma --split-input-file -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSED --allow-empty
// MISSED-NOT: computed by the host

!w = !lowbit.weight<64x8, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>

// The gate of a feed-forward block: p / (1 + exp(-p)) times what the other product made, in registers, in the order of the program.
// CHECK-LABEL: func.func @silu
// CHECK: lmma.launch @lookup_matmul_64x8_i8_w1g8_fused(
// CHECK-NOT: linalg.generic
// CHECK: lmma.kernel @lookup_matmul_64x8_i8_w1g8_fused(
// CHECK: %[[P:.*]] = lmma.scale
// CHECK: %[[U:.*]] = lmma.load_tile
// CHECK: %[[ZERO:.*]] = lmma.zero negative
// CHECK: %[[N:.*]] = lmma.sub %[[ZERO]], %[[P]]
// CHECK: %[[E:.*]] = lmma.exp %[[N]]
// CHECK: %[[ONE:.*]] = lmma.spread
// CHECK: %[[D:.*]] = lmma.add %[[E]], %[[ONE]]
// CHECK: %[[S:.*]] = lmma.div %[[ONE]], %[[D]]
// CHECK: %[[G:.*]] = lmma.mul %[[P]], %[[S]]
// CHECK: %[[Y:.*]] = lmma.mul %[[G]], %[[U]]
// CHECK: lmma.store %[[Y]]
func.func @silu(%e: memref<2x1x32xi8>, %s: memref<2x1xf32>, %a: memref<2x1xf32>, %w: memref<192xi8>, %up: memref<2x64xf32>, %o: memref<2x64xf32>) {
  %one = arith.constant 1.0 : f32
  lut.matmul ins(%e, %s, %a, %w : memref<2x1x32xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<192xi8>)
      epilogue(%up : memref<2x64xf32>) {
  ^bb0(%p: f32, %u: f32):
    %n = arith.negf %p : f32
    %x = math.exp %n : f32
    %d = arith.addf %x, %one : f32
    %q = arith.divf %one, %d : f32
    %g = arith.mulf %p, %q : f32
    %y = arith.mulf %g, %u : f32
    lowbit.yield %y : f32
  } outs(%o : memref<2x64xf32>) {weight = !w, tile = #lowbit.tile<m = 1, n = 64, k = 8>}
  return
}

// -----

!w = !lowbit.weight<64x8, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>

// GELU, by the error function and by the hyperbolic tangent.
// CHECK-LABEL: func.func @gelu
// CHECK: lmma.kernel @lookup_matmul_64x8_i8_w1g8_fused(
// CHECK: lmma.erf
// CHECK: lmma.kernel @lookup_matmul_64x8_i8_w1g8_fused_0(
// CHECK: lmma.tanh
func.func @gelu(%e: memref<2x1x32xi8>, %s: memref<2x1xf32>, %a: memref<2x1xf32>, %w: memref<192xi8>, %o: memref<2x64xf32>) {
  %one = arith.constant 1.0 : f32
  lut.matmul ins(%e, %s, %a, %w : memref<2x1x32xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<192xi8>)
      epilogue() {
  ^bb0(%p: f32):
    %r = arith.constant 0.70710678 : f32
    %half = arith.constant 0.5 : f32
    %z = arith.mulf %p, %r : f32
    %f = math.erf %z : f32
    %h = arith.mulf %p, %half : f32
    %d = arith.addf %f, %one : f32
    %y = arith.mulf %h, %d : f32
    lowbit.yield %y : f32
  } outs(%o : memref<2x64xf32>) {weight = !w, tile = #lowbit.tile<m = 1, n = 64, k = 8>}
  lut.matmul ins(%e, %s, %a, %w : memref<2x1x32xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<192xi8>)
      epilogue() {
  ^bb0(%p: f32):
    %f = math.tanh %p : f32
    %y = arith.mulf %p, %f : f32
    lowbit.yield %y : f32
  } outs(%o : memref<2x64xf32>) {weight = !w, tile = #lowbit.tile<m = 1, n = 64, k = 8>}
  return
}
