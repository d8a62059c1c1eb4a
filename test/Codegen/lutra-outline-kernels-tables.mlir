// RUN: lutra-opt %s --lutra-outline-kernels --split-input-file | FileCheck %s

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Tables and the product that reads them next are one function, views between them or not.
// CHECK-LABEL: func.func @main(
// CHECK-NOT: call
// CHECK: memref.view
// CHECK-NEXT: call @lut_precompute_lut_matmul(
// CHECK-NEXT: return
// CHECK: func.func private @lut_precompute_lut_matmul(
// CHECK: lut.precompute
// CHECK: lut.matmul
func.func @main(%a: memref<1x32xf32>, %e: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %arena: memref<1024xi8>, %o: memref<1x64xf32>) {
  %c0 = arith.constant 0 : index
  lut.precompute ins(%a : memref<1x32xf32>) outs(%e, %s, %z : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>) {group = 32 : i64}
  %w = memref.view %arena[%c0][] : memref<1024xi8> to memref<384xi8>
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<384xi8>) outs(%o : memref<1x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Not where what writes memory lies between, or where the next product reads other tables. Products have a region, for an epilogue, and are functions all the same.
// CHECK-LABEL: func.func @main(
// CHECK: call @lut_precompute(
// CHECK: memref.store
// CHECK: call @[[PRODUCT:lut_matmul[_0-9]*]](
// CHECK: call @lut_precompute(
// CHECK: call @[[PRODUCT]](
// CHECK: return
func.func @main(%a: memref<1x32xf32>, %e: memref<1x1x128xi8>, %other: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<384xi8>, %o: memref<1x64xf32>, %x: f32) {
  %c0 = arith.constant 0 : index
  lut.precompute ins(%a : memref<1x32xf32>) outs(%e, %s, %z : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>) {group = 32 : i64}
  memref.store %x, %s[%c0, %c0] : memref<1x1xf32>
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<384xi8>) outs(%o : memref<1x64xf32>) {weight = !W}
  lut.precompute ins(%a : memref<1x32xf32>) outs(%other, %s, %z : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>) {group = 32 : i64}
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<384xi8>) outs(%o : memref<1x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Integer products too, with what they do to their outputs; those that do something else are another function.
// CHECK-LABEL: func.func @main(
// CHECK-NOT: lut.integer_matmul
// CHECK: call @[[PLAIN:lut_integer_matmul[_0-9]*]](
// CHECK: call @[[PLAIN]](
// CHECK: call @[[SUM:lut_integer_matmul[_0-9]*]](
// CHECK: return
// CHECK: func.func private @[[PLAIN]](
// CHECK-NOT: arith.addf
// CHECK: return
// CHECK: func.func private @[[SUM]](
// CHECK: arith.addf
func.func @main(%p: memref<1x?x32xi8>, %b: memref<1x?xi32>, %z: memref<1x?xf32>, %s: memref<1x?xf32>, %w: memref<384xi8>, %v: memref<384xi8>, %r: memref<?x64xf32>, %o: memref<?x64xf32>) {
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<1x?x32xi8>, memref<1x?xi32>, memref<1x?xf32>, memref<1x?xf32>, memref<384xi8>) outs(%o : memref<?x64xf32>) {weight = !W}
  lut.integer_matmul ins(%p, %b, %z, %s, %v : memref<1x?x32xi8>, memref<1x?xi32>, memref<1x?xf32>, memref<1x?xf32>, memref<384xi8>) outs(%o : memref<?x64xf32>) {weight = !W}
  lut.integer_matmul ins(%p, %b, %z, %s, %w : memref<1x?x32xi8>, memref<1x?xi32>, memref<1x?xf32>, memref<1x?xf32>, memref<384xi8>)
      epilogue(%r : memref<?x64xf32>) {
  ^bb0(%product: f32, %before: f32):
    %sum = arith.addf %product, %before : f32
    lowbit.yield %sum : f32
  } outs(%o : memref<?x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Products of the same tables that write buffers of their own are one function, and may run at the same time, which all but the last say. What begins between
// them begins before the call, what ends there ends behind it. The last one adds the second's outputs: it is a function of its own.
// CHECK-LABEL: func.func @main(
// CHECK-COUNT-3: memref.alloc()
// CHECK-NEXT: call @[[BOTH:lut_precompute_lut_matmul_lut_matmul]](
// CHECK-NEXT: memref.dealloc
// CHECK-NEXT: call @[[LAST:lut_matmul[_0-9]*]](
// CHECK: func.func private @[[BOTH]](
// CHECK: lut.precompute
// CHECK: lut.matmul {{.*}}lutra.with_next
// CHECK: lut.matmul
// CHECK-NOT: with_next
// CHECK: func.func private @[[LAST]](
func.func @main(%a: memref<1x32xf32>, %e: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<384xi8>, %o: memref<1x64xf32>) {
  %x = memref.alloc() : memref<1x64xf32>
  %b = memref.alloc() : memref<1x32xf32>
  lut.precompute ins(%b : memref<1x32xf32>) outs(%e, %s, %z : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>) {group = 32 : i64}
  memref.dealloc %b : memref<1x32xf32>
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<384xi8>) outs(%x : memref<1x64xf32>) {weight = !W}
  %y = memref.alloc() : memref<1x64xf32>
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<384xi8>) outs(%y : memref<1x64xf32>) {weight = !W}
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<384xi8>)
      epilogue(%y : memref<1x64xf32>) {
  ^bb0(%product: f32, %before: f32):
    %sum = arith.addf %product, %before : f32
    lowbit.yield %sum : f32
  } outs(%o : memref<1x64xf32>) {weight = !W}
  memref.dealloc %x : memref<1x64xf32>
  memref.dealloc %y : memref<1x64xf32>
  return
}
