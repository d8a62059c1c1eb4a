// RUN: lutra-opt %s --convert-lut-to-loops --canonicalize --split-input-file | FileCheck %s

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32>, #lowbit.layout<rows = 64, alpha = f16, zeta = f16, quotients = true>>>

// zeta = 15 + c / alpha, and 15 where alpha is 0.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-DAG: %[[MIDDLE:.*]] = arith.constant dense<1.500000e+01> : vector<16xf32>
// CHECK: %[[IS_ZERO:.*]] = arith.cmpf oeq, %[[ALPHA:.*]], %[[ZERO]]
// CHECK-NEXT: %[[QUOTIENT:.*]] = arith.divf %{{.*}}, %[[ALPHA]]
// CHECK: %[[DEFINED:.*]] = arith.select %[[IS_ZERO]], %[[ZERO]], %[[QUOTIENT]]
// CHECK: arith.addf %[[DEFINED]], %[[MIDDLE]]
func.func @lookup(%e: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<1280xi8>, %o: memref<1x64xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<1280xi8>)
      outs(%o : memref<1x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32>, #lowbit.layout<rows = 64, alpha = f16, zeta = f16, quotients = true>>>

// CHECK-LABEL: func.func private @lut_dense_matmul
// CHECK: arith.divf {{.*}} : vector<16xf32>
func.func @dense(%a: memref<?x32xf32>, %w: memref<1280xi8>, %o: memref<?x64xf32>) {
  lut.dense_matmul ins(%a, %w : memref<?x32xf32>, memref<1280xi8>) outs(%o : memref<?x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32>, #lowbit.layout<rows = 64, alpha = f16, zeta = f16, quotients = true>>>

// CHECK-LABEL: func.func private @lut_integer_matmul
// CHECK: arith.divf {{.*}} : vector<16xf32>
func.func @integer(%p: memref<1x?x32xi8>, %b: memref<1x?xi32>, %s: memref<1x?xf32>, %z: memref<1x?xf32>, %w: memref<1280xi8>, %o: memref<?x64xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<1x?x32xi8>, memref<1x?xi32>, memref<1x?xf32>, memref<1x?xf32>, memref<1280xi8>)
      outs(%o : memref<?x64xf32>) {weight = !W}
  return
}
