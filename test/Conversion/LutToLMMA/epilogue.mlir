// RUN: lutra-opt %s --convert-lut-to-lmma --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-lmma -Rpass-missed=convert-lut-to-lmma --split-input-file -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSED
// MISSED: the epilogue is computed by the host: the vector unit has no 'math.sqrt'
// MISSED: the epilogue is computed by the host: an operand's innermost stride is not 1

!w = !lowbit.weight<70x8, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>

// A bias for each channel, a gate and a residual in registers, in the order of the program; a constant and a minus as well.
// CHECK-LABEL: func.func @device
// CHECK: lmma.launch @lookup_matmul_70x8_i8_w1g8_fused(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[B:.*]], %[[R:.*]], %[[O:.*]]) : {{.*}}, memref<70xf32>, memref<?x70xf32>, memref<?x70xf32>
// CHECK-NOT: linalg.generic
// CHECK: lmma.kernel @lookup_matmul_70x8_i8_w1g8_fused({{.*}}, %[[B:.*]]: memref<70xf32>, %[[R:.*]]: memref<?x70xf32>, %[[O:.*]]: memref<?x70xf32>)
// CHECK-SAME: lmma.buffer_names = ["entries", "scales", "sums", "weights", "operand0", "operand1", "out"]
// CHECK: %[[Y:.*]] = lmma.scale
// CHECK: %[[C:.*]] = lmma.load_cols %[[B]][%[[N:.*]] * 64] as f32 : memref<70xf32>
// CHECK: %[[BIAS:.*]] = lmma.spread %[[C]]
// CHECK: %[[T:.*]] = lmma.load_tile %[[R]][%[[M:.*]], %[[N]] * 64]
// CHECK: %[[S:.*]] = lmma.add %[[Y]], %[[BIAS]]
// CHECK: %[[ZERO:.*]] = lmma.set_cols 0.000000e+00
// CHECK: %[[Z:.*]] = lmma.spread %[[ZERO]]
// CHECK: %[[RELU:.*]] = lmma.max %[[S]], %[[Z]]
// CHECK: %[[G:.*]] = lmma.mul %[[RELU]], %[[T]]
// CHECK: %[[NZ:.*]] = lmma.zero negative
// CHECK: %[[NEG:.*]] = lmma.sub %[[NZ]], %[[G]]
// CHECK: lmma.store %[[NEG]], %[[O]][%[[M]], %[[N]] * 64]
func.func @device(%e: memref<?x1x32xi8>, %s: memref<?x1xf32>, %a: memref<?x1xf32>, %w: memref<384xi8>, %b: memref<70xf32>,
                  %r: memref<?x70xf32>, %o: memref<?x70xf32>) {
  %zero = arith.constant 0.0 : f32
  lut.matmul ins(%e, %s, %a, %w : memref<?x1x32xi8>, memref<?x1xf32>, memref<?x1xf32>, memref<384xi8>)
      epilogue(%b, %r : memref<70xf32>, memref<?x70xf32>) {
  ^bb0(%p: f32, %q: f32, %t: f32):
    %sum = arith.addf %p, %q : f32
    %relu = arith.maximumf %sum, %zero : f32
    %gated = arith.mulf %relu, %t : f32
    %n = arith.negf %gated : f32
    lowbit.yield %n : f32
  } outs(%o : memref<?x70xf32>) {weight = !w, tile = #lowbit.tile<m = 1, n = 64, k = 8>}
  return
}

// -----

!w = !lowbit.weight<64x8, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>

// What the vector unit does not have is the host's.
// CHECK-LABEL: func.func @host
// CHECK: lmma.launch @lookup_matmul_64x8_i8_w1g8(
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : memref<2x64xf32>) outs(%{{.*}} : memref<2x64xf32>)
// CHECK: ^bb0(%[[T:.*]]: f32, %[[P:.*]]: f32):
// CHECK:   %[[E:.*]] = math.sqrt %[[P]]
// CHECK:   %[[G:.*]] = arith.mulf %[[E]], %[[T]]
// CHECK:   linalg.yield %[[G]]
func.func @host(%e: memref<2x1x32xi8>, %s: memref<2x1xf32>, %a: memref<2x1xf32>, %w: memref<192xi8>, %r: memref<2x64xf32>, %o: memref<2x64xf32>) {
  lut.matmul ins(%e, %s, %a, %w : memref<2x1x32xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<192xi8>)
      epilogue(%r : memref<2x64xf32>) {
  ^bb0(%p: f32, %t: f32):
    %x = math.sqrt %p : f32
    %g = arith.mulf %x, %t : f32
    lowbit.yield %g : f32
  } outs(%o : memref<2x64xf32>) {weight = !w, tile = #lowbit.tile<m = 1, n = 64, k = 8>}
  return
}

// -----

!w = !lowbit.weight<64x8, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>

// So is what it cannot read.
// CHECK-LABEL: func.func @stride
// CHECK: lmma.launch
// CHECK: linalg.generic
func.func @stride(%e: memref<2x1x32xi8>, %s: memref<2x1xf32>, %a: memref<2x1xf32>, %w: memref<192xi8>,
                  %r: memref<2x64xf32, strided<[128, 2]>>, %o: memref<2x64xf32>) {
  lut.matmul ins(%e, %s, %a, %w : memref<2x1x32xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<192xi8>)
      epilogue(%r : memref<2x64xf32, strided<[128, 2]>>) {
  ^bb0(%p: f32, %t: f32):
    %g = arith.mulf %p, %t : f32
    lowbit.yield %g : f32
  } outs(%o : memref<2x64xf32>) {weight = !w, tile = #lowbit.tile<m = 1, n = 64, k = 8>}
  return
}
