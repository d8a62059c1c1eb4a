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
