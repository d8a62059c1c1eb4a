// RUN: lutra-opt %s --convert-lut-to-lmma --split-input-file | FileCheck %s

!w = !lowbit.weight<131x64, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>
!z = !lowbit.weight<131x64, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32>, #lowbit.layout<rows = 64, alpha = f32, zeta = i8, symmetric = true>>>

// Two products of one kind share a kernel; another weight format has another.
// CHECK-LABEL: func.func @products
func.func @products(%e: memref<?x2x128xi8>, %s: memref<?x2xf32>, %a: memref<?x2xf32>, %w: memref<6912xi8>, %z: memref<8064xi8>,
                    %o: memref<?x131xf32, strided<[?, 1], offset: ?>>) {
  // CHECK: lmma.launch @[[K:.*]](%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) : memref<?x2x128xi8>, memref<?x2xf32>, memref<?x2xf32>, memref<6912xi8>, memref<?x131xf32, strided<[?, 1], offset: ?>>
  lut.matmul ins(%e, %s, %a, %w : memref<?x2x128xi8>, memref<?x2xf32>, memref<?x2xf32>, memref<6912xi8>)
      outs(%o : memref<?x131xf32, strided<[?, 1], offset: ?>>) {weight = !w, tile = #lowbit.tile<m = 5, n = 64, k = 64>}
  // CHECK: lmma.launch @[[K]](
  lut.matmul ins(%e, %s, %a, %w : memref<?x2x128xi8>, memref<?x2xf32>, memref<?x2xf32>, memref<6912xi8>)
      outs(%o : memref<?x131xf32, strided<[?, 1], offset: ?>>) {weight = !w, tile = #lowbit.tile<m = 5, n = 64, k = 64>}
  // CHECK: lmma.launch @[[K]]_0(
  lut.matmul ins(%e, %s, %a, %z : memref<?x2x128xi8>, memref<?x2xf32>, memref<?x2xf32>, memref<8064xi8>)
      outs(%o : memref<?x131xf32, strided<[?, 1], offset: ?>>) {weight = !z, tile = #lowbit.tile<m = 1, n = 64, k = 64>}
  return
}

// CHECK: lmma.kernel @lookup_matmul_131x64_i8_w4g32(%[[E:.*]]: memref<?x2x128xi8>, %[[S:.*]]: memref<?x2xf32>, %[[A:.*]]: memref<?x2xf32>, %[[W:.*]]: memref<6912xi8>, %[[O:.*]]: memref<?x131xf32>)
// CHECK: %[[ZETA:.*]] = lmma.set_cols -1.000000e+00
// Three tiles of 64 output rows; tile.m = 5 gives blocks of 4 rows, then of 2.
// CHECK: lmma.for %[[N:.*]] = 0 to 3 step 1 {
// CHECK:   lmma.for %[[M:.*]] = 0 to rows(4) step 4 {
// CHECK:     lmma.load_table %[[E]][%[[M]], 0, 0]
// CHECK:     lmma.load_table %[[E]][%[[M]] + 2, 0, 0]
// CHECK:     lmma.load_weights %[[W]][%[[N]] * 2304] pitch 256 : memref<6912xi8> -> <4, 8>
// CHECK:     lmma.load_rows %[[S]][%[[M]], 0]
// CHECK:     lmma.load_cols %[[W]][%[[N]] * 2304 + 1024] as f16
// The second group is loaded before the first is computed.
// CHECK:     lmma.load_weights %[[W]][%[[N]] * 2304 + 1152]
// CHECK-COUNT-16: lmma.mma {{.*}} bits 4
// CHECK:     lmma.scale %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[ZETA]] : <i32>
// CHECK-COUNT-16: lmma.mma {{.*}} bits 4
// CHECK:     lmma.store %{{.*}}, %[[O]][%[[M]], %[[N]] * 64]
// CHECK:     lmma.store %{{.*}}, %[[O]][%[[M]] + 2, %[[N]] * 64]
// CHECK:   lmma.for %{{.*}} = rows(4) to rows(1) step 2 {
// CHECK: lmma.kernel @lookup_matmul_131x64_i8_w4g32_0
// CHECK-NOT: lmma.set_cols
// CHECK: lmma.for
// CHECK:   lmma.for %{{.*}} = 0 to rows(1) step 2 {
// CHECK:     lmma.load_cols %{{.*}} as f32
// CHECK:     lmma.load_cols %{{.*}} as i8

// -----

// Many groups: four are loaded ahead, and each of the four sets anew once it has been computed.
!w = !lowbit.weight<64x320, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>
// CHECK-LABEL: lmma.kernel @lookup_matmul_64x320_i8_w1g32
// CHECK: lmma.for %{{.*}} = 0 to 4 step 4 carry(
// CHECK-COUNT-8: lmma.mma
// CHECK: lmma.load_table %{{.*}}[%{{.*}}, %{{.*}} + 4, 0]
// CHECK: lmma.yield
func.func @pipelined(%e: memref<1x10x128xi8>, %s: memref<1x10xf32>, %a: memref<1x10xf32>, %w: memref<3840xi8>, %o: memref<1x64xf32>) {
  lut.matmul ins(%e, %s, %a, %w : memref<1x10x128xi8>, memref<1x10xf32>, memref<1x10xf32>, memref<3840xi8>)
      outs(%o : memref<1x64xf32>) {weight = !w, tile = #lowbit.tile<m = 1, n = 64, k = 320>}
  return
}

// -----

// A group larger than a tile goes in chunks of 16 tables, here one and the 2 tables that are left.
!w = !lowbit.weight<64x72, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 72, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>
// CHECK-LABEL: lmma.kernel @lookup_matmul_64x72_i8_w2g72
// CHECK: lmma.for %[[G:.*]] = 0 to 1 step 1 carry(
// CHECK: lmma.load_table %{{.*}}[%{{.*}}, %[[G]], 0] {{.*}} -> <16, i8>
// CHECK: lmma.load_weights {{.*}} pitch 576 {{.*}} -> <2, 16>
// CHECK-COUNT-16: lmma.mma
// CHECK: lmma.load_table %{{.*}}[%{{.*}}, %[[G]], 256] {{.*}} -> <2, i8>
// CHECK: lmma.load_weights %{{.*}}[{{.*}} + 512] pitch 576 {{.*}} -> <2, 2>
// CHECK-COUNT-2: lmma.mma
// CHECK: lmma.scale
func.func @chunks(%e: memref<1x1x288xi8>, %s: memref<1x1xf32>, %a: memref<1x1xf32>, %w: memref<1280xi8>, %o: memref<1x64xf32>) {
  lut.matmul ins(%e, %s, %a, %w : memref<1x1x288xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<1280xi8>)
      outs(%o : memref<1x64xf32>) {weight = !w, tile = #lowbit.tile<m = 1, n = 64, k = 72>}
  return
}

// -----

// Exact tables: an accumulator for each plane, joined by shifts.
!w = !lowbit.weight<64x8, #lowbit.packed<#lowbit.bipolar<planes = 3, group = 8, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>
// CHECK-LABEL: lmma.kernel @lookup_matmul_64x8_f32_w3g8
// CHECK-COUNT-3: lmma.zero negative : <f32>
// CHECK: lmma.mma %{{.*}}, %{{.*}}[0], %{{.*}}[0, 0] bits 1
// CHECK: lmma.mma %{{.*}}, %{{.*}}[0], %{{.*}}[0, 1] bits 1
// CHECK: lmma.mma %{{.*}}, %{{.*}}[0], %{{.*}}[0, 2] bits 1
// CHECK-COUNT-3: lmma.mma %{{.*}}, %{{.*}}[1]
// CHECK: lmma.shift %{{.*}}, %{{.*}} plane 1
// CHECK: lmma.shift %{{.*}}, %{{.*}} plane 2
// CHECK: lmma.scale {{.*}} : <f32>
func.func @exact(%e: memref<1x1x32xf32>, %s: memref<1x1xf32>, %a: memref<1x1xf32>, %w: memref<320xi8>, %o: memref<1x64xf32>) {
  lut.matmul ins(%e, %s, %a, %w : memref<1x1x32xf32>, memref<1x1xf32>, memref<1x1xf32>, memref<320xi8>)
      outs(%o : memref<1x64xf32>) {weight = !w, tile = #lowbit.tile<m = 1, n = 64, k = 8>}
  return
}

// -----

// Planes with alphas of their own: each plane is scaled by itself, without a zero point; then the sum of the activations by beta.
!w = !lowbit.weight<64x8, #lowbit.packed<#lowbit.bcq<planes = 2, group = 8>, #lowbit.layout<rows = 64, alpha = f32, zeta = f32, symmetric = true>>>
// CHECK-LABEL: lmma.kernel @lookup_matmul_64x8_i8_w2g8
// CHECK: %[[NONE:.*]] = lmma.set_cols -0.000000e+00
// CHECK: %[[ONE:.*]] = lmma.set_cols 1.000000e+00
// CHECK: %[[EMPTY:.*]] = lmma.zero negative : <f32>
// CHECK: %[[TS:.*]] = lmma.load_rows
// CHECK: %[[SUM:.*]] = lmma.load_rows
// CHECK: %[[A0:.*]] = lmma.load_cols %{{.*}}[%{{.*}} * 896 + 128] as f32
// CHECK: %[[A1:.*]] = lmma.load_cols %{{.*}}[%{{.*}} * 896 + 384] as f32
// CHECK: %[[BETA:.*]] = lmma.load_cols %{{.*}}[%{{.*}} * 896 + 640] as f32
// CHECK: lmma.mma %{{.*}}, %{{.*}}[0], %{{.*}}[0, 0] bits 1
// CHECK: lmma.mma %{{.*}}, %{{.*}}[0], %{{.*}}[0, 1] bits 1
// CHECK: %[[P0:.*]] = lmma.mma %{{.*}}, %{{.*}}[1], %{{.*}}[1, 0] bits 1
// CHECK: %[[P1:.*]] = lmma.mma %{{.*}}, %{{.*}}[1], %{{.*}}[1, 1] bits 1
// CHECK: %[[Y0:.*]] = lmma.scale %{{.*}}, %[[P0]], %[[TS]], %[[TS]], %[[A0]], %[[NONE]] : <i32>
// CHECK: %[[Y1:.*]] = lmma.scale %[[Y0]], %[[P1]], %[[TS]], %[[TS]], %[[A1]], %[[NONE]] : <i32>
// CHECK: lmma.scale %[[Y1]], %[[EMPTY]], %[[TS]], %[[SUM]], %[[BETA]], %[[ONE]] : <f32>
func.func @bcq(%e: memref<1x1x32xi8>, %s: memref<1x1xf32>, %a: memref<1x1xf32>, %w: memref<896xi8>, %o: memref<1x64xf32>) {
  lut.matmul ins(%e, %s, %a, %w : memref<1x1x32xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<896xi8>)
      outs(%o : memref<1x64xf32>) {weight = !w, tile = #lowbit.tile<m = 1, n = 64, k = 8>}
  return
}
