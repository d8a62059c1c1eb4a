// Ternary weights that are multiplied by codes lie three in 5 bits where a byte shuffle unpacks them, and the option allows it.
//
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.mcpu=cascadelake -o - | FileCheck %s
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.mcpu=haswell -o - | FileCheck %s
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.mcpu=generic --target-option=cpu.triple=aarch64-linux-gnu -o - | FileCheck %s
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.mcpu=x86-64 -o - | FileCheck %s --check-prefix=PLANES
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.mcpu=cascadelake --target-option=cpu.triples=off -o - | FileCheck %s --check-prefix=PLANES
// RUN: lutrac %s --compile-to=tables --target=cpu --target-option=cpu.mcpu=cascadelake --target-option=cpu.table=i8 -o - | FileCheck %s
// RUN: not lutrac %s --compile-to=tables --target=cpu --target-option=cpu.triples=maybe -o - 2>&1 | FileCheck %s --check-prefix=REFUSED
// REFUSED: triples{{.*}}maybe
// RUN: lutrac %s --emit=asm --target=cpu --target-option=cpu.strategy=int8 --target-option=cpu.mcpu=icelake-server -o - | FileCheck %s --check-prefix=VBMI
// RUN: lutrac %s --emit=asm --target=cpu --target-option=cpu.strategy=int8 --target-option=cpu.mcpu=sapphirerapids -o - | FileCheck %s --check-prefix=VBMI
// RUN: lutrac %s --emit=asm --target=cpu --target-option=cpu.strategy=int8 --target-option=cpu.mcpu=cascadelake -o - | FileCheck %s --check-prefix=VNNI
// With tables of 64 bytes a digit is one instruction; with tables of 16, a shuffle and for two of three a masked subtraction.
// VBMI-LABEL: lut_integer_single:
// VBMI: vpermb
// VBMI: vpermb
// VBMI: vpermb
// VBMI: vpdpbusd
// VNNI-LABEL: lut_integer_single:
// VNNI: vptestnmb
// VNNI: vpshufb
// VNNI: vpsubb {{.*}} {%k
// VNNI: vpdpbusd

!planes = !lowbit.weight<4x32, #lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>>

// CHECK: lowbit.lookup_matmul {{.*}} #lowbit.layout<rows = 64, alpha = f16, triples = true>
// PLANES: lowbit.lookup_matmul {{.*}} #lowbit.layout<rows = 64, alpha = f16>
func.func @main(%q: tensor<?x32xi8> {onnx.name = "q", onnx.dims = ["m", "32"]}, %s: tensor<?x1xf32> {onnx.name = "s", onnx.dims = ["m", "1"]},
                %o: memref<?x4xf32, strided<[?, 1], offset: ?>> {onnx.name = "y", onnx.dims = ["m", "4"], lutra.output}) {
  %w = lowbit.weight {codes = dense<[[[0x24, 0, 0, 0, 0, 0, 0, 0x18]], [[0, 0x18, 0, 0, 0, 0, 0, 0]], [[0, 0, 0, 0, 0, 0, 0, 0]], [[1, 2, 0, 0, 0, 0, 0, 0]]]> : tensor<4x1x8xi8>, alphas = dense<0.5> : tensor<4x1xf32>} : !planes
  %y = lowbit.matmul %q, %w scales(%s : tensor<?x1xf32>) : tensor<?x32xi8>, !planes -> tensor<?x4xf32>
  bufferization.materialize_in_destination %y in restrict writable %o : (tensor<?x4xf32>, memref<?x4xf32, strided<[?, 1], offset: ?>>) -> ()
  return
}
