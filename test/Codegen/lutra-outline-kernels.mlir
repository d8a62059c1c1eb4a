// RUN: lutra-opt %s --lutra-outline-kernels | FileCheck %s

// Two equal computations on different buffers are one function with its constants inside; scalar code stays.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[A:.*]]: memref<?xf32>, %[[B:.*]]: memref<?xf32>, %[[C:.*]]: memref<?xf32>
// CHECK: %[[S:.*]] = memref.load %[[A]]
// CHECK: call @[[K:linalg_generic.*]](%[[A]], %[[B]])
// CHECK: call @[[K]](%[[B]], %[[C]])
// CHECK: call @[[COPY:memref_copy.*]](%[[A]], %[[C]])
// CHECK: scf.if
// CHECK-NEXT: memref.store
// CHECK: return
// CHECK: func.func private @[[K]](%[[X:.*]]: memref<?xf32>, %[[Y:.*]]: memref<?xf32>)
// CHECK: arith.constant 2.000000e+00 : f32
// CHECK: linalg.generic
// CHECK-SAME: ins(%[[X]] : memref<?xf32>) outs(%[[Y]] : memref<?xf32>)
// CHECK: func.func private @[[COPY]]
// CHECK-NOT: func.func
#id = affine_map<(d0) -> (d0)>
func.func @main(%a: memref<?xf32>, %b: memref<?xf32>, %c: memref<?xf32>, %flag: i1) {
  %c0 = arith.constant 0 : index
  %two = arith.constant 2.0 : f32
  %s = memref.load %a[%c0] : memref<?xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%a : memref<?xf32>) outs(%b : memref<?xf32>) {
  ^bb0(%x: f32, %y: f32):
    %r = arith.mulf %x, %two : f32
    linalg.yield %r : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%b : memref<?xf32>) outs(%c : memref<?xf32>) {
  ^bb0(%x: f32, %y: f32):
    %r = arith.mulf %x, %two : f32
    linalg.yield %r : f32
  }
  memref.copy %a, %c : memref<?xf32> to memref<?xf32>
  scf.if %flag {
    memref.store %s, %c[%c0] : memref<?xf32>
  }
  return
}
