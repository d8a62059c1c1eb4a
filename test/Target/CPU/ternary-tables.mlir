// Ternary weights times floats are looked up in tables of three activations on request, and lie as these are looked up.
//
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.ternary-table=3 --target-option=cpu.mcpu=skylake-avx512 -o - | FileCheck %s
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.ternary-table=3 --target-option=cpu.mcpu=znver4 -o - | FileCheck %s --check-prefix=QUADS
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.ternary-table=3 --target-option=cpu.table-scale=row -o - | FileCheck %s --check-prefix=ROW
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.mcpu=skylake-avx512 -o - | FileCheck %s --check-prefix=PLANES
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.ternary-table=3 --target-option=cpu.strategy=int8 -o - | FileCheck %s --check-prefix=CODES
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.ternary-table=3 --target-option=cpu.strategy=dense -o - | FileCheck %s --check-prefix=DENSE
// RUN: not lutrac %s --compile-to=tables --target=cpu --target-option=cpu.ternary-table=5 -o - 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: not lutrac %s --compile-to=tables --target=cpu --target-option=cpu.ternary-table=3 --target-option=cpu.table=f32 -o - 2>&1 | FileCheck %s --check-prefix=TABLE
// RUN: not lutrac %s --compile-to=tables --target=cpu --target-option=cpu.ternary-table=3 --target-option=cpu.table-scale=table -o - 2>&1 | FileCheck %s --check-prefix=TABLE
// VALUE: ternary-table{{.*}}5
// TABLE: cpu.ternary-table=3 is for i8 tables with a scale per group or row, but cpu.table is
// RUN: lutrac %s --emit=asm --target=cpu --target-option=cpu.ternary-table=3 --target-option=cpu.mcpu=skylake-avx512 -o - | FileCheck %s --check-prefix=AVX512
// RUN: lutrac %s --emit=asm --target=cpu --target-option=cpu.ternary-table=3 --target-option=cpu.mcpu=haswell -o - | FileCheck %s --check-prefix=AVX2
// RUN: lutrac %s --emit=asm --target=cpu --target-option=cpu.ternary-table=3 --target-option=cpu.mcpu=generic --target-option=cpu.triple=aarch64-linux-gnu -o - | FileCheck %s --check-prefix=NEON
// RUN: lutrac %s --emit=asm --target=cpu --target-option=cpu.ternary-table=3 --target-option=cpu.mcpu=znver4 -o - | FileCheck %s --check-prefix=VBMI
// VBMI-LABEL: lut_matmul:
// VBMI: vpmultishiftqb {{.*}}%zmm
// VBMI: {{vperm[it]2b}} {{.*}}%zmm
// VBMI: vpdpbusd {{.*}}%zmm
// AVX512-LABEL: lut_matmul:
// AVX512: vptestnmb {{.*}}, %[[MASK:k[1-7]]]
// AVX512: vpshufb {{.*}}%zmm
// AVX512: vpsubb {{.*}} {%k
// AVX2-LABEL: lut_matmul:
// AVX2: vpshufb {{.*}}%ymm
// NEON-LABEL: lut_matmul:
// NEON: tbl v{{.*}}.16b

!ternary = !lowbit.weight<4x32, #lowbit.ternary<group = 32>>

// CHECK: lowbit.precompute {{.*}} width = 3>
// CHECK: lowbit.lookup_matmul {{.*}} #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true>
// QUADS: lowbit.lookup_matmul {{.*}} #lowbit.layout<rows = 64, alpha = f16, lookup_triples = true, quads = true>
// ROW: lowbit.precompute {{.*}} scale = row, width = 3>
// PLANES: lowbit.lookup_matmul {{.*}} #lowbit.layout<rows = 64, alpha = f16>
// CODES: lowbit.lookup_matmul {{.*}} #lowbit.layout<rows = 64, alpha = f16, triples = true>
// DENSE-NOT: triples
// DENSE: lowbit.matmul {{.*}} #lowbit.strategy<dense>
func.func @main(%a: tensor<?x32xf32> {onnx.name = "a", onnx.dims = ["m", "32"]},
                %o: memref<?x4xf32, strided<[?, 1], offset: ?>> {onnx.name = "y", onnx.dims = ["m", "4"], lutra.output}) {
  %w = lowbit.weight {codes = dense<[[[0x24, 0, 0, 0, 0, 0, 0, 0x18]], [[0, 0x18, 0, 0, 0, 0, 0, 0]], [[0, 0, 0, 0, 0, 0, 0, 0]], [[1, 2, 0, 0, 0, 0, 0, 0]]]> : tensor<4x1x8xi8>, scales = dense<0.5> : tensor<4x1xf32>} : !ternary
  %y = lowbit.matmul %a, %w : tensor<?x32xf32>, !ternary -> tensor<?x4xf32>
  bufferization.materialize_in_destination %y in restrict writable %o : (tensor<?x4xf32>, memref<?x4xf32, strided<[?, 1], offset: ?>>) -> ()
  return
}
