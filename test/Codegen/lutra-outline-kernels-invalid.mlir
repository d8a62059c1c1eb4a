// RUN: lutra-opt %s --lutra-outline-kernels --split-input-file | FileCheck %s

// Nothing is refused: a module without an entry is left alone, and so are computations in other functions.

// CHECK-LABEL: func.func @helper
// CHECK: linalg.exp
// CHECK-NOT: call
func.func @helper(%a: memref<?xf32>, %b: memref<?xf32>) {
  linalg.exp ins(%a : memref<?xf32>) outs(%b : memref<?xf32>)
  return
}

// -----

// CHECK: func.func private @main
func.func private @main(%a: memref<?xf32>)
