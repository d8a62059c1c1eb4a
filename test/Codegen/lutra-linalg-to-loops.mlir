// RUN: lutra-opt %s --lutra-linalg-to-loops --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#transposed = affine_map<(d0, d1) -> (d1, d0)>

// A small static operation is one thread's; the innermost loop is the contiguous one.

// CHECK-LABEL: @small(
// CHECK-SAME: %[[X:.*]]: memref<4x8xf32>, %[[Y:.*]]: memref<4x8xf32>
// CHECK-NOT: scf.parallel
// CHECK: scf.for %[[I:.*]] = %{{.*}} to %c4
// CHECK: scf.for %[[J:.*]] = %{{.*}} to %c8
// CHECK: memref.load %[[X]][%[[I]], %[[J]]]
// CHECK-NOT: memref.load
// CHECK: memref.store %{{.*}}, %[[Y]][%[[I]], %[[J]]]
func.func @small(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  }
  return
}

// Dynamic: whether threads are worth it is decided when the size is known.

// CHECK-LABEL: @dynamic(
// CHECK: %[[WORK:.*]] = arith.muli
// CHECK: %[[WORTH:.*]] = arith.cmpi uge, %[[WORK]], %c32768
// CHECK: scf.if %[[WORTH]]
// CHECK: scf.parallel
// CHECK: scf.for
// CHECK: } else {
// CHECK-NOT: scf.parallel
// CHECK: scf.for
// CHECK: scf.for
func.func @dynamic(%x: memref<?x64xf32>, %y: memref<?x64xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : memref<?x64xf32>) outs(%y : memref<?x64xf32>) {
  ^bb0(%a: f32, %b: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  }
  return
}

// A reduction along the row is carried in a register and may be reassociated.

// CHECK-LABEL: @reduce_row(
// CHECK: scf.for %[[I:.*]] =
// CHECK: %[[INIT:.*]] = memref.load %{{.*}}[%[[I]]]
// CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[INIT]])
// CHECK: arith.addf {{.*}} fastmath<reassoc,contract>
// CHECK: memref.store %[[SUM]]
func.func @reduce_row(%x: memref<4x8xf32>, %y: memref<4xf32>) {
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%x : memref<4x8xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %r = arith.addf %b, %a : f32
    linalg.yield %r : f32
  }
  return
}

// What the innermost loop does not index is loaded and computed before it.

// CHECK-LABEL: @hoist(
// CHECK: scf.for %[[I:.*]] =
// CHECK: %[[S:.*]] = memref.load %{{.*}}[%[[I]]]
// CHECK: %[[ROOT:.*]] = math.sqrt %[[S]]
// CHECK: scf.for
// CHECK-NOT: math.sqrt
// CHECK: arith.divf %{{.*}}, %[[ROOT]]
func.func @hoist(%x: memref<4x8xf32>, %s: memref<4xf32>, %y: memref<4x8xf32>) {
  linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %s : memref<4x8xf32>, memref<4xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %q = math.sqrt %b : f32
    %r = arith.divf %a, %q : f32
    linalg.yield %r : f32
  }
  return
}

// Products keep the contiguous operand innermost: n here.

// CHECK-LABEL: @matmul(
// CHECK-SAME: %[[A:.*]]: memref<4x8xf32>, %[[B:.*]]: memref<8x16xf32>, %[[C:.*]]: memref<4x16xf32>
// CHECK: scf.for %[[M:.*]] = %{{.*}} to %c4
// CHECK: scf.for %[[K:.*]] = %{{.*}} to %c8
// CHECK: %[[LHS:.*]] = memref.load %[[A]][%[[M]], %[[K]]]
// CHECK: scf.for %[[N:.*]] = %{{.*}} to %c16
// CHECK: memref.load %[[B]][%[[K]], %[[N]]]
func.func @matmul(%a: memref<4x8xf32>, %b: memref<8x16xf32>, %c: memref<4x16xf32>) {
  linalg.matmul ins(%a, %b : memref<4x8xf32>, memref<8x16xf32>) outs(%c : memref<4x16xf32>)
  return
}

// A product that is worth threads is cut along n as well: one row is split, and a piece of it stays in the cache.

// CHECK-LABEL: @one_row(
// CHECK: scf.if
// CHECK: scf.parallel (%[[M:.*]], %[[N0:.*]]) = ({{.*}}) to (%{{.*}}, %c4096) step (%c1, %c256)
// CHECK: %[[N1:.*]] = arith.minui
// CHECK: scf.for %[[K:.*]] =
// CHECK: scf.for %[[N:.*]] = %[[N0]] to %[[N1]]
// CHECK: } else {
func.func @one_row(%a: memref<?x512xf32>, %b: memref<512x4096xf32>, %c: memref<?x4096xf32>) {
  linalg.matmul ins(%a, %b : memref<?x512xf32>, memref<512x4096xf32>) outs(%c : memref<?x4096xf32>)
  return
}

// A copy of strided memory is a loop, not a call of a library.

// CHECK-LABEL: @strided_copy(
// CHECK-NOT: memref.copy
// CHECK: scf.for
func.func @strided_copy(%x: memref<4x8xf32, strided<[16, 1]>>, %y: memref<4x8xf32>) {
  memref.copy %x, %y : memref<4x8xf32, strided<[16, 1]>> to memref<4x8xf32>
  return
}
