// RUN: lutra-opt %s --lutra-plan-arena --canonicalize --cse --split-input-file | FileCheck %s

// Static buffers: constants. The first and the last never live together.
// CHECK-LABEL: func @main
// CHECK-DAG:     %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG:     %[[C64:.*]] = arith.constant 64 : index
// CHECK-DAG:     %[[ALL:.*]] = arith.constant 128 : index
// CHECK:         %[[ARENA:.*]] = call @lutra_arena(%[[ALL]]) : (index) -> memref<?xi8>
// CHECK:         %[[A:.*]] = memref.view %[[ARENA]][%[[C0]]][] : memref<?xi8> to memref<16xf32>
// CHECK:         linalg.exp ins(%arg0 : memref<16xf32>) outs(%[[A]] : memref<16xf32>)
// CHECK:         %[[B:.*]] = memref.view %[[ARENA]][%[[C64]]][] : memref<?xi8> to memref<16xf32>
// CHECK:         linalg.exp ins(%[[A]] : memref<16xf32>) outs(%[[B]] : memref<16xf32>)
// CHECK-NOT:     memref.dealloc
// CHECK:         linalg.exp ins(%[[B]] : memref<16xf32>) outs(%[[A]] : memref<16xf32>)
// CHECK:         linalg.exp ins(%[[A]] : memref<16xf32>) outs(%arg0 : memref<16xf32>)
// CHECK-NOT:     memref.dealloc
// CHECK:         return
// CHECK:       func private @lutra_arena(index) -> memref<?xi8>
func.func @main(%x: memref<16xf32>) {
  %a = memref.alloc() {alignment = 64 : i64} : memref<16xf32>
  linalg.exp ins(%x : memref<16xf32>) outs(%a : memref<16xf32>)
  %b = memref.alloc() {alignment = 64 : i64} : memref<16xf32>
  linalg.exp ins(%a : memref<16xf32>) outs(%b : memref<16xf32>)
  memref.dealloc %a : memref<16xf32>
  %c = memref.alloc() {alignment = 64 : i64} : memref<16xf32>
  linalg.exp ins(%b : memref<16xf32>) outs(%c : memref<16xf32>)
  memref.dealloc %b : memref<16xf32>
  linalg.exp ins(%c : memref<16xf32>) outs(%x : memref<16xf32>)
  memref.dealloc %c : memref<16xf32>
  return
}

// -----

// Dynamic buffers: a slot for each token's bytes, rounded up to lines, in which the smaller buffer takes the place of the larger. Static ones, and
// those of another number, have slots of their own. What gives that number moves up.
// CHECK-LABEL: func @main
// CHECK:         %[[N:.*]] = memref.dim %arg0
// CHECK:         %[[TOKENS:.*]] = arith.muli %[[N]], %{{.*}} : index
// CHECK:         %[[M:.*]] = memref.dim %arg1
// CHECK:         %[[BYTES:.*]] = arith.muli %[[N]], %c64 : index
// CHECK:         %[[PADDED:.*]] = arith.addi %[[BYTES]], %c63 : index
// CHECK:         %[[SLOT:.*]] = arith.andi %[[PADDED]], %c-64 : index
// CHECK:         %[[ARENA:.*]] = call @lutra_arena(
// CHECK:         %[[LARGE:.*]] = memref.view %[[ARENA]][%[[START:.*]]][%[[TOKENS]]] : memref<?xi8> to memref<?x8xf32>
// CHECK:         memref.view %[[ARENA]][%{{.*}}][] : memref<?xi8> to memref<3xf32>
// CHECK:         memref.view %[[ARENA]][%[[START]]][%[[TOKENS]]] : memref<?xi8> to memref<?x4xf32>
// CHECK-NOT:     memref.dim
// CHECK:         memref.view %[[ARENA]][%{{.*}}][%{{.*}}] : memref<?xi8> to memref<?xi1>
func.func @main(%x: memref<?x8xf32>, %y: memref<?x4xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %yes = arith.constant true
  %n = memref.dim %x, %c0 : memref<?x8xf32>
  %tokens = arith.muli %n, %c2 : index
  %a = memref.alloc(%tokens) : memref<?x8xf32>
  linalg.exp ins(%a : memref<?x8xf32>) outs(%a : memref<?x8xf32>)
  memref.dealloc %a : memref<?x8xf32>
  %s = memref.alloc() : memref<3xf32>
  linalg.exp ins(%s : memref<3xf32>) outs(%s : memref<3xf32>)
  memref.dealloc %s : memref<3xf32>
  %b = memref.alloc(%tokens) : memref<?x4xf32>
  linalg.exp ins(%y : memref<?x4xf32>) outs(%b : memref<?x4xf32>)
  memref.dealloc %b : memref<?x4xf32>
  %m = memref.dim %y, %c0 : memref<?x4xf32>
  %d = memref.alloc(%m) : memref<?xi1>
  linalg.fill ins(%yes : i1) outs(%d : memref<?xi1>)
  memref.dealloc %d : memref<?xi1>
  return
}

// -----

// A size is taken apart into its factors, through the shapes of other buffers too: both need a line of 8 floats for each token.
// CHECK-LABEL: func @main
// CHECK:         %[[ARENA:.*]] = call @lutra_arena(
// CHECK:         memref.view %[[ARENA]][%[[START:.*]]][%{{.*}}, %{{.*}}] : memref<?xi8> to memref<?x?x8xf32>
// CHECK:         memref.view %[[ARENA]][%[[START]]][%{{.*}}] : memref<?xi8> to memref<?x8xf32>
func.func @main(%x: memref<?x?x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = memref.dim %x, %c0 : memref<?x?x8xf32>
  %length = memref.dim %x, %c1 : memref<?x?x8xf32>
  %a = memref.alloc(%batch, %length) : memref<?x?x8xf32>
  %rows = memref.collapse_shape %a [[0, 1], [2]] : memref<?x?x8xf32> into memref<?x8xf32>
  %count = memref.dim %rows, %c0 : memref<?x8xf32>
  linalg.exp ins(%rows : memref<?x8xf32>) outs(%rows : memref<?x8xf32>)
  memref.dealloc %a : memref<?x?x8xf32>
  %b = memref.alloc(%count) : memref<?x8xf32>
  linalg.exp ins(%b : memref<?x8xf32>) outs(%b : memref<?x8xf32>)
  memref.dealloc %b : memref<?x8xf32>
  return
}

// -----

// What keeps its own allocation: a size that is read from memory behind the first buffer, a buffer inside a region, one that nothing frees.
// CHECK-LABEL: func @main
// CHECK:         call @lutra_arena
// CHECK:         %[[SIZE:.*]] = memref.load
// CHECK:         memref.alloc(%[[SIZE]])
// CHECK:         scf.for
// CHECK:           memref.alloc()
// CHECK:         memref.alloc() : memref<5xf32>
func.func @main(%x: memref<1xindex>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = memref.alloc() : memref<8xf32>
  linalg.exp ins(%a : memref<8xf32>) outs(%a : memref<8xf32>)
  %size = memref.load %x[%c0] : memref<1xindex>
  %b = memref.alloc(%size) : memref<?xf32>
  linalg.exp ins(%b : memref<?xf32>) outs(%b : memref<?xf32>)
  memref.dealloc %b : memref<?xf32>
  memref.dealloc %a : memref<8xf32>
  scf.for %i = %c0 to %n step %c1 {
    %c = memref.alloc() : memref<4xf32>
    linalg.exp ins(%c : memref<4xf32>) outs(%c : memref<4xf32>)
    memref.dealloc %c : memref<4xf32>
  }
  %d = memref.alloc() : memref<5xf32>
  linalg.exp ins(%d : memref<5xf32>) outs(%d : memref<5xf32>)
  return
}

// -----

// Other functions than the entry are no calls of a model.
// CHECK-LABEL: func @other
// CHECK:         memref.alloc
// CHECK-NOT:     lutra_arena
func.func @other() {
  %a = memref.alloc() : memref<8xf32>
  linalg.exp ins(%a : memref<8xf32>) outs(%a : memref<8xf32>)
  memref.dealloc %a : memref<8xf32>
  return
}
