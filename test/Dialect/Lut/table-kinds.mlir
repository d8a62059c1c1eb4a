// Every kind of tables, on tensors and on buffers.
// RUN: lutra-opt %s | lutra-opt | FileCheck %s

// CHECK-LABEL: func @codes
func.func @codes(%a: tensor<?x24xi8>, %q: tensor<?x1xf32>, %e: tensor<?x2x64xi16>, %s: tensor<?x1xf32>, %z: tensor<?x2xf32>) {
  // CHECK: lut.precompute ins(%{{.*}}, %{{.*}} : tensor<?x24xi8>, tensor<?x1xf32>) outs(%{{.*}} : tensor<?x2x64xi16>, tensor<?x1xf32>, tensor<?x2xf32>)
  %t:3 = lut.precompute ins(%a, %q : tensor<?x24xi8>, tensor<?x1xf32>) outs(%e, %s, %z : tensor<?x2x64xi16>, tensor<?x1xf32>, tensor<?x2xf32>)
      {group = 16 : i64} -> tensor<?x2x64xi16>, tensor<?x1xf32>, tensor<?x2xf32>
  return
}

// CHECK-LABEL: func @scale_per_table
func.func @scale_per_table(%a: memref<2x24xf32>, %e: memref<2x2x64xi8>, %s: memref<2x8xf32>, %z: memref<2x2xf32>, %w: memref<1280xi8>,
                           %o: memref<2x8xf32>) {
  // CHECK: lut.precompute ins(%{{.*}} : memref<2x24xf32>) outs(%{{.*}} : memref<2x2x64xi8>, memref<2x8xf32>, memref<2x2xf32>)
  lut.precompute ins(%a : memref<2x24xf32>) outs(%e, %s, %z : memref<2x2x64xi8>, memref<2x8xf32>, memref<2x2xf32>) {group = 16 : i64}
  // CHECK: lut.matmul ins({{.*}} : memref<2x2x64xi8>, memref<2x8xf32>, memref<2x2xf32>, memref<1280xi8>)
  lut.matmul ins(%e, %s, %z, %w : memref<2x2x64xi8>, memref<2x8xf32>, memref<2x2xf32>, memref<1280xi8>) outs(%o : memref<2x8xf32>)
      {weight = !lowbit.weight<8x24, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>}
  return
}

// CHECK-LABEL: func @halves
func.func @halves(%a: memref<2x24xf32>, %e: memref<2x2x64xf16>, %s: memref<2x2xf32>) {
  // CHECK: lut.precompute ins(%{{.*}} : memref<2x24xf32>) outs(%{{.*}} : memref<2x2x64xf16>, memref<2x2xf32>, memref<2x2xf32>)
  lut.precompute ins(%a : memref<2x24xf32>) outs(%e, %s, %s : memref<2x2x64xf16>, memref<2x2xf32>, memref<2x2xf32>) {group = 16 : i64}
  return
}
