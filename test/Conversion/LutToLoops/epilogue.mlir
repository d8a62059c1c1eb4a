// RUN: lutra-opt %s --convert-lut-to-loops | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops | FileCheck %s --check-prefix=SHARED

!W = !lowbit.weight<70x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// The epilogue is applied to 16 outputs in a register, before they are stored; in the last tile, of 70 - 64 rows, loads are masked. Two
// products with the same epilogue share a function, one with another constant does not.
// SHARED-COUNT-2: func.func private @lut_matmul
// SHARED-NOT: func.func private @lut_matmul
// CHECK-LABEL: func.func private @lut_matmul
// CHECK-SAME: %[[BIAS:[a-z0-9]+]]: memref<?xf32, strided<[1], offset: ?>>, %[[RES:[a-z0-9]+]]: memref<?x?xf32, strided<[?, 1], offset: ?>>, %[[OUT:[a-z0-9]+]]: memref<?x?xf32, strided<[?, 1], offset: ?>>, %{{[a-z0-9]+}}: index
// CHECK: scf.if
// CHECK: %[[B:.*]] = vector.load %[[BIAS]][%[[COLUMN:.*]]] : memref<?xf32, {{.*}}>, vector<16xf32>
// CHECK: %[[R:.*]] = vector.load %[[RES]][%[[ROW:.*]], %[[COLUMN]]]
// CHECK: %[[X:.*]] = arith.addf %{{.*}}, %[[B]] : vector<16xf32>
// CHECK: %[[Y:.*]] = arith.minimumf %[[X]], %{{.*}} : vector<16xf32>
// CHECK: %[[Z:.*]] = arith.addf %[[Y]], %[[R]] : vector<16xf32>
// CHECK: vector.store %[[Z]], %[[OUT]][%[[ROW]], %[[COLUMN]]]
// CHECK: else
// CHECK: %[[MASK:.*]] = vector.constant_mask [6]
// CHECK: vector.maskedload %[[BIAS]][%{{.*}}], %[[MASK]]
// CHECK: vector.maskedload %[[RES]]
// CHECK: vector.maskedstore %[[OUT]]
func.func @main(%e: memref<2x1x64xi8>, %s: memref<2x1xf32>, %w: memref<1280xi8>, %b: memref<70xf32>, %r: memref<2x70xf32>, %o: memref<2x70xf32>) {
  %six = arith.constant 6.0 : f32
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x64xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<1280xi8>) epilogue(%b, %r : memref<70xf32>, memref<2x70xf32>) {
  ^bb0(%p: f32, %q: f32, %t: f32):
    %x = arith.addf %p, %q : f32
    %y = arith.minimumf %x, %six : f32
    %z = arith.addf %y, %t : f32
    lowbit.yield %z : f32
  } outs(%o : memref<2x70xf32>) {weight = !W}
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x64xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<1280xi8>) epilogue(%b, %r : memref<70xf32>, memref<2x70xf32>) {
  ^bb0(%p: f32, %q: f32, %t: f32):
    %x = arith.addf %p, %q : f32
    %y = arith.minimumf %x, %six : f32
    %z = arith.addf %y, %t : f32
    lowbit.yield %z : f32
  } outs(%o : memref<2x70xf32>) {weight = !W}
  %seven = arith.constant 7.0 : f32
  lut.matmul ins(%e, %s, %s, %w : memref<2x1x64xi8>, memref<2x1xf32>, memref<2x1xf32>, memref<1280xi8>) epilogue(%b, %r : memref<70xf32>, memref<2x70xf32>) {
  ^bb0(%p: f32, %q: f32, %t: f32):
    %x = arith.addf %p, %q : f32
    %y = arith.minimumf %x, %seven : f32
    %z = arith.addf %y, %t : f32
    lowbit.yield %z : f32
  } outs(%o : memref<2x70xf32>) {weight = !W}
  return
}
