// How far ahead weights are asked for, and into which cache, is the CPU's: Zen's own prefetcher reads ahead by itself, and requests far from where the loads are mislead it.
//
// RUN: lutrac %s --compile-to=loops --target=cpu --target-option=cpu.mcpu=znver4 -o - | FileCheck %s -DAHEAD=512 -DLOCALITY=2
// RUN: lutrac %s --compile-to=loops --target=cpu --target-option=cpu.mcpu=cascadelake -o - | FileCheck %s -DAHEAD=4096 -DLOCALITY=3

!planes = !lowbit.weight<4x32, #lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>>

// CHECK-LABEL: func.func private @lut_matmul(
// The blocks of four rows, three and two, then a single one.
// CHECK: %[[PLACE:.*]] = arith.addi %{{.*}}, %c4096 : index
// CHECK-NEXT: memref.prefetch %{{.*}}[%[[PLACE]]], read, locality<[[LOCALITY]]>
// CHECK-COUNT-36: vector.store
// CHECK: %[[PLACE:.*]] = arith.addi %{{.*}}, %c[[AHEAD]] : index
// CHECK-NEXT: memref.prefetch %{{.*}}[%[[PLACE]]], read, locality<[[LOCALITY]]>
func.func @main(%x: tensor<?x32xf32> {onnx.name = "x", onnx.dims = ["m", "32"]},
                %o: memref<?x4xf32, strided<[?, 1], offset: ?>> {onnx.name = "y", onnx.dims = ["m", "4"], lutra.output}) {
  %w = lowbit.weight {codes = dense<[[[0x24, 0, 0, 0, 0, 0, 0, 0x18]], [[0, 0x18, 0, 0, 0, 0, 0, 0]], [[0, 0, 0, 0, 0, 0, 0, 0]], [[1, 2, 0, 0, 0, 0, 0, 0]]]> : tensor<4x1x8xi8>, alphas = dense<0.5> : tensor<4x1xf32>} : !planes
  %y = lowbit.matmul %x, %w : tensor<?x32xf32>, !planes -> tensor<?x4xf32>
  bufferization.materialize_in_destination %y in restrict writable %o : (tensor<?x4xf32>, memref<?x4xf32, strided<[?, 1], offset: ?>>) -> ()
  return
}
