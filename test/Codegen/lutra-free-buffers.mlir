// RUN: lutra-opt %s --allow-unregistered-dialect --lutra-free-buffers --split-input-file --verify-diagnostics | FileCheck %s

// A buffer is freed after the last use of it or of a view of it, in its own block.

// CHECK-LABEL: @last_use
// CHECK: %[[A:.*]] = memref.alloc
// CHECK: %[[B:.*]] = memref.alloc
// CHECK: "test.use"(%[[A]])
// CHECK-NEXT: memref.dealloc %[[A]]
// CHECK: %[[V:.*]] = memref.subview %[[B]]
// CHECK: "test.use"(%[[V]])
// CHECK-NEXT: memref.dealloc %[[B]]
// CHECK-NEXT: "test.other"
func.func @last_use() {
  %a = memref.alloc() : memref<8xf32>
  %b = memref.alloc() : memref<8xf32>
  "test.use"(%a) : (memref<8xf32>) -> ()
  %v = memref.subview %b[2] [4] [1] : memref<8xf32> to memref<4xf32, strided<[1], offset: 2>>
  "test.use"(%v) : (memref<4xf32, strided<[1], offset: 2>>) -> ()
  "test.other"() : () -> ()
  return
}

// CHECK-LABEL: @nested
// CHECK: %[[A:.*]] = memref.alloc
// CHECK: scf.for
// CHECK: %[[B:.*]] = memref.alloc
// CHECK: "test.use"(%[[A]], %[[B]])
// CHECK-NEXT: memref.dealloc %[[B]]
// CHECK-NEXT: }
// CHECK-NEXT: memref.dealloc %[[A]]
func.func @nested(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = memref.alloc() : memref<8xf32>
  scf.for %i = %c0 to %n step %c1 {
    %b = memref.alloc() : memref<8xf32>
    "test.use"(%a, %b) : (memref<8xf32>, memref<8xf32>) -> ()
  }
  return
}

// What a branch allocates is freed behind the choice; the other branch copies what outlives it, and a buffer that is
// yielded twice is two.

// CHECK-LABEL: @choice
// CHECK-SAME: (%[[C:.*]]: i1, %[[X:.*]]: memref<?xf32>)
// CHECK: %[[R:.*]]:2 = scf.if %[[C]]
// CHECK: %[[A:.*]] = memref.alloc
// CHECK-NEXT: "test.use"(%[[A]])
// CHECK-NOT: memref.dealloc
// CHECK: %[[B:.*]] = memref.alloc
// CHECK-NEXT: memref.copy %[[A]], %[[B]]
// CHECK-NEXT: scf.yield %[[A]], %[[B]]
// CHECK: else
// CHECK: memref.dim %[[X]]
// CHECK: %[[D:.*]] = memref.alloc
// CHECK-NEXT: memref.copy %[[X]], %[[D]]
// CHECK: %[[E:.*]] = memref.alloc
// CHECK-NEXT: memref.copy %[[X]], %[[E]]
// CHECK-NEXT: scf.yield %[[D]], %[[E]]
// CHECK: memref.dealloc %[[R]]#1
// CHECK-NEXT: "test.use"(%[[R]]#0)
// CHECK-NEXT: memref.dealloc %[[R]]#0
func.func @choice(%c: i1, %x: memref<?xf32>) {
  %c4 = arith.constant 4 : index
  %r:2 = scf.if %c -> (memref<?xf32>, memref<?xf32>) {
    %a = memref.alloc(%c4) : memref<?xf32>
    "test.use"(%a) : (memref<?xf32>) -> ()
    scf.yield %a, %a : memref<?xf32>, memref<?xf32>
  } else {
    scf.yield %x, %x : memref<?xf32>, memref<?xf32>
  }
  "test.use"(%r#0) : (memref<?xf32>) -> ()
  return
}

// Nothing is copied where no branch allocates, and an inner choice hands on to the outer one.

// CHECK-LABEL: @nested_choice
// CHECK: %[[S:.*]] = scf.if
// CHECK-NEXT: scf.yield
// CHECK-NEXT: else
// CHECK-NEXT: scf.yield
// CHECK: %[[R:.*]] = scf.if
// CHECK: scf.if
// CHECK: memref.copy
// CHECK-NOT: memref.dealloc
// CHECK: "test.use"(%[[R]])
// CHECK-NEXT: memref.dealloc %[[R]]
// CHECK-NEXT: "test.use"(%[[S]])
func.func @nested_choice(%c: i1, %d: i1, %x: memref<8xf32>, %y: memref<8xf32>) {
  %s = scf.if %c -> memref<8xf32> {
    scf.yield %x : memref<8xf32>
  } else {
    scf.yield %y : memref<8xf32>
  }
  %r = scf.if %c -> memref<8xf32> {
    %t = scf.if %d -> memref<8xf32> {
      %a = memref.alloc() : memref<8xf32>
      scf.yield %a : memref<8xf32>
    } else {
      scf.yield %x : memref<8xf32>
    }
    scf.yield %t : memref<8xf32>
  } else {
    %b = memref.alloc() : memref<8xf32>
    scf.yield %b : memref<8xf32>
  }
  "test.use"(%r) : (memref<8xf32>) -> ()
  "test.use"(%s) : (memref<8xf32>) -> ()
  return
}
