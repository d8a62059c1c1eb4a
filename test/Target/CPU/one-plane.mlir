// One plane's codes lie so that four neighbouring bytes are one row's where an instruction looks up in four tables at once, and another sums four bytes.
// Those that products of codes read too (cpu.strategy=auto) are rearranged at run time where bytes of two registers are permuted in a cycle, which Intel's
// cores do not.
//
// RUN: lutrac %s --emit=asm --target=cpu --target-option=cpu.mcpu=znver4 -o - | FileCheck %s --check-prefix=VBMI
// RUN: lutrac %s --emit=asm --target=cpu --target-option=cpu.mcpu=icelake-server -o - | FileCheck %s --check-prefix=VBMI
// RUN: lutrac %s --emit=asm --target=cpu --target-option=cpu.mcpu=cascadelake -o - | FileCheck %s --check-prefix=VNNI
// VBMI-LABEL: lut_matmul:
// VBMI-NOT: vpmaddubsw
// VBMI-NOT: {{vpmaddubsw|vpermt2b|vpermt2w|vpermi2b|vpermi2w}}
// VBMI: vpermb
// VBMI-NOT: {{vpmaddubsw|vpermt2b|vpermt2w|vpermi2b|vpermi2w}}
// VBMI: vpdpbusd
// VNNI-LABEL: lut_matmul:
// VNNI-NOT: vpermb
// VNNI: vpshufb
// VNNI: vpmaddubsw

!plane = !lowbit.weight<4x32, #lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>>

func.func @main(%x: tensor<?x32xf32> {onnx.name = "x", onnx.dims = ["m", "32"]},
                %o: memref<?x4xf32, strided<[?, 1], offset: ?>> {onnx.name = "y", onnx.dims = ["m", "4"], lutra.output}) {
  %w = lowbit.weight {codes = dense<[[[0x24, 0, 1, 0x18]], [[0, 0x18, 2, 3]], [[0, 0, 0, 0]], [[1, 2, 0, 0]]]> : tensor<4x1x4xi8>, alphas = dense<0.5> : tensor<4x1xf32>} : !plane
  %y = lowbit.matmul %x, %w : tensor<?x32xf32>, !plane -> tensor<?x4xf32>
  bufferization.materialize_in_destination %y in restrict writable %o : (tensor<?x4xf32>, memref<?x4xf32, strided<[?, 1], offset: ?>>) -> ()
  return
}
