// RUN: lutra-opt %s --convert-lut-to-lmma='shared-bytes=167936 device-tables=true' | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-lmma='shared-bytes=167936 device-tables=true' -Rpass=convert-lut-to-lmma -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// A group of 32 tables, two registers of them: whole groups in a stage. A row of 6912 elements in one group: parts of it.

!short = !lowbit.weight<64x512, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 128, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>
!long = !lowbit.weight<64x6912, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 6912, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>

// REMARK-DAG: blocks of {{[0-9]+}} x 64, {{[0-9]}} groups a copy
// REMARK-DAG: blocks of {{[0-9]+}} x 64, {{[0-9]+}} of a group's 1728 tables a copy

// CHECK: lmma.kernel @lookup_matmul_64x512_i8_w2g128
// CHECK: lmma.wait 0
// CHECK: lmma.load_cols {{.*}} #lmma.shared>
// CHECK: lmma.load_table {{.*}} #lmma.shared> -> <16, i8>

// CHECK: lmma.kernel @lookup_matmul_64x6912_i8_w2g6912
// The group's scales come from DRAM, once; a copy for each plane.
// CHECK: lmma.copy %{{.*}}[%{{.*}}, 0, 0] {{.*}} token 0
// CHECK: lmma.copy {{.*}}[%{{.*}} * 110720] {{.*}} token 0
// CHECK: lmma.copy {{.*}}[%{{.*}} * 110720 + 55296] {{.*}} token 0
// CHECK: lmma.load_rows {{.*}} memref<?x1xf32>
// CHECK: lmma.load_cols {{.*}} : memref<110720xi8>
// CHECK: lmma.for %{{.*}} = 0 to {{[0-9]+}} step 2 carry(
// CHECK: lmma.wait 0
// CHECK: lmma.load_weights {{.*}} #lmma.shared> -> <2, 16>
// CHECK: lmma.wait 1
// CHECK: lmma.scale
func.func @products(%e: memref<?x4x512xi8>, %s: memref<?x4xf32>, %z: memref<?x4xf32>, %w: memref<8704xi8>, %o: memref<?x64xf32>,
                    %f: memref<?x1x27648xi8>, %t: memref<?x1xf32>, %u: memref<?x1xf32>, %v: memref<110720xi8>) {
  lut.matmul ins(%e, %s, %z, %w : memref<?x4x512xi8>, memref<?x4xf32>, memref<?x4xf32>, memref<8704xi8>)
      outs(%o : memref<?x64xf32>) {weight = !short}
  lut.matmul ins(%f, %t, %u, %v : memref<?x1x27648xi8>, memref<?x1xf32>, memref<?x1xf32>, memref<110720xi8>)
      outs(%o : memref<?x64xf32>) {weight = !long}
  return
}
