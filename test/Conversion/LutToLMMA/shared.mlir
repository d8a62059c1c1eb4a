// RUN: lutra-opt %s --convert-lut-to-lmma='shared-bytes=167936 device-tables=true' | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-lmma='shared-bytes=167936 device-tables=true' -Rpass=convert-lut-to-lmma -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// REMARK: blocks of {{[0-9]+}} x {{[0-9]+}}, {{[0-9]+}} groups a copy: {{[0-9]+}} bytes of tables and {{[0-9]+}} of weights
// RUN: lutra-opt %s --convert-lut-to-lmma='shared-bytes=1000 device-tables=true' -Rpass-missed=convert-lut-to-lmma -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSED
// MISSED: operands are loaded from DRAM: two stages of a group do not fit shared memory and registers
// RUN: lutra-opt %s --pass-pipeline='builtin.module(convert-lut-to-lmma{shared-bytes=167936 device-tables=true},lmma.kernel(lmma-allocate-registers),convert-lmma-to-llvm,lmma-serialize-kernels)' | FileCheck %s --check-prefix=PROGRAM

// A product's operands through two stages of shared memory, and its tables made on the device: halves one after the other.

!W = !lowbit.weight<131x264, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, symmetric = true>>>

// CHECK-LABEL: func.func @product
// PROGRAM: lmma.program
func.func @product(%a: memref<?x264xf32>, %e: memref<?x9x128xi8>, %s: memref<?x9xf32>, %z: memref<?x9xf32>, %w: memref<31104xi8>, %o: memref<?x131xf32>) {
  // CHECK-NEXT: lmma.launch @tables_264_i8_g32(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}})
  lut.precompute ins(%a : memref<?x264xf32>) outs(%e, %s, %z : memref<?x9x128xi8>, memref<?x9xf32>, memref<?x9xf32>) {group = 32 : i64}
  // CHECK-NEXT: lmma.launch @lookup_matmul_131x264_i8_w4g32
  lut.matmul ins(%e, %s, %z, %w : memref<?x9x128xi8>, memref<?x9xf32>, memref<?x9xf32>, memref<31104xi8>)
      outs(%o : memref<?x131xf32>) {weight = !W}
  return
}

// CHECK: lmma.kernel @tables_264_i8_g32
// CHECK-SAME: grid = array<i64: 1, 16, 1>
// CHECK: lmma.load_acts
// CHECK: lmma.amax
// CHECK: lmma.table_scale %{{.*}} as i8
// CHECK: lmma.quantize
// CHECK: lmma.store_table {{.*}} pitch 8
// CHECK: lmma.asum
// CHECK: lmma.store_rows

// CHECK: lmma.kernel @lookup_matmul_131x264_i8_w4g32
// CHECK-SAME: grid = array<i64: {{[0-9]+}}, {{[0-9]+}}, {{[0-9]+}}>
// CHECK: lmma.block_column
// CHECK: lmma.shared : memref<{{.*}}xi8, #lmma.shared>
// CHECK: lmma.copy {{.*}} token 0
// CHECK: lmma.wait 0
// CHECK: lmma.load_table {{.*}} {pitch = 8 : i64} : memref<{{.*}}, #lmma.shared>
// CHECK: lmma.mma
// CHECK: lmma.scale
// CHECK: lmma.store
