// RUN: lutra-opt %s --lutra-expand-reshapes | FileCheck %s

// Nothing is refused: every memref.expand_shape is a view. The reshapes of tensors are not this pass's.

// CHECK-LABEL: @tensors
// CHECK: tensor.expand_shape
func.func @tensors(%x: tensor<?x64xf32>, %b: index, %s: index) -> tensor<?x?x64xf32> {
  %y = tensor.expand_shape %x [[0, 1], [2]] output_shape [%b, %s, 64] : tensor<?x64xf32> into tensor<?x?x64xf32>
  return %y : tensor<?x?x64xf32>
}
