// RUN: lutra-opt %s --lutra-expand-reshapes --canonicalize --cse | FileCheck %s

// CHECK-LABEL: @two_dynamic(
// CHECK-SAME: %[[X:.*]]: memref<?x64xf32>, %[[B:.*]]: index, %[[S:.*]]: index
// CHECK: %[[STRIDE:.*]] = arith.muli %[[S]], %c64
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [%[[B]], %[[S]], 64], strides: [%[[STRIDE]], 64, 1]
func.func @two_dynamic(%x: memref<?x64xf32>, %b: index, %s: index) -> memref<?x?x64xf32> {
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, %s, 64] : memref<?x64xf32> into memref<?x?x64xf32>
  return %y : memref<?x?x64xf32>
}

// CHECK-LABEL: @strided(
// CHECK: %{{.*}}, %[[OFFSET:.*]], %{{.*}}:2, %[[STRIDES:.*]]:2 = memref.extract_strided_metadata
// CHECK: %[[OUTER:.*]] = arith.muli
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [%[[OFFSET]]], sizes: [%{{.*}}, %{{.*}}, 64], strides: [%[[OUTER]], %[[STRIDES]]#0, 1]
func.func @strided(%x: memref<?x64xf32, strided<[?, 1], offset: ?>>, %b: index, %s: index)
    -> memref<?x?x64xf32, strided<[?, ?, 1], offset: ?>> {
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, %s, 64]
      : memref<?x64xf32, strided<[?, 1], offset: ?>> into memref<?x?x64xf32, strided<[?, ?, 1], offset: ?>>
  return %y : memref<?x?x64xf32, strided<[?, ?, 1], offset: ?>>
}
