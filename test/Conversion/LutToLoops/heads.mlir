// RUN: lutra-opt %s --convert-lut-to-loops="head-bytes=2048 prefetch-level=2" --canonicalize --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops --canonicalize --split-input-file | FileCheck %s --check-prefix=NONE
// RUN: not lutra-opt %s --convert-lut-to-loops="head-bytes=-1" --split-input-file 2>&1 | FileCheck %s --check-prefix=NEGATIVE

// NEGATIVE: error: head-bytes must not be negative, but is -1
// NONE-NOT: @lut_ask

!W = !lowbit.weight<1024x512, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
!Few = !lowbit.weight<192x512, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Behind the call of a product the first 2048 bytes of the next one's streams are asked for, and before what lies between: 16 tiles of 6144 bytes are four streams,
// 3 are three. Nothing follows the last, and nothing is asked for whose buffer is not there yet.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[V:[a-z0-9]+]]: memref<18432xi8>
// CHECK: call @large(
// CHECK-NEXT: %[[FEW:.*]] = memref.cast %[[V]]
// CHECK-NEXT: call @[[THREE:lut_ask[_0-9]*]](%[[FEW]], %c6144)
// CHECK-NEXT: call @between(
// CHECK-NEXT: call @few(
// CHECK-NEXT: memref.cast
// CHECK-NEXT: call @[[FOUR:lut_ask[_0-9]*]](%{{.*}}, %c24576)
// CHECK-NEXT: call @large(
// CHECK-NEXT: memref.alloc
// CHECK-NEXT: call @few(
// CHECK-NEXT: memref.dealloc
// CHECK-NEXT: return
func.func @main(%e: memref<1x16x128xi8>, %s: memref<1x16xf32>, %z: memref<1x16xf32>, %w: memref<98304xi8>, %v: memref<18432xi8>, %o: memref<1x1024xf32>, %p: memref<1x192xf32>) {
  call @large(%e, %s, %z, %w, %o) : (memref<1x16x128xi8>, memref<1x16xf32>, memref<1x16xf32>, memref<98304xi8>, memref<1x1024xf32>) -> ()
  call @between(%s) : (memref<1x16xf32>) -> ()
  call @few(%e, %s, %z, %v, %p) : (memref<1x16x128xi8>, memref<1x16xf32>, memref<1x16xf32>, memref<18432xi8>, memref<1x192xf32>) -> ()
  call @large(%e, %s, %z, %w, %o) : (memref<1x16x128xi8>, memref<1x16xf32>, memref<1x16xf32>, memref<98304xi8>, memref<1x1024xf32>) -> ()
  %late = memref.alloc() : memref<18432xi8>
  call @few(%e, %s, %z, %late, %p) : (memref<1x16x128xi8>, memref<1x16xf32>, memref<1x16xf32>, memref<18432xi8>, memref<1x192xf32>) -> ()
  memref.dealloc %late : memref<18432xi8>
  return
}
func.func private @between(memref<1x16xf32>)
func.func private @large(%e: memref<1x16x128xi8>, %s: memref<1x16xf32>, %z: memref<1x16xf32>, %w: memref<98304xi8>, %o: memref<1x1024xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x16x128xi8>, memref<1x16xf32>, memref<1x16xf32>, memref<98304xi8>) outs(%o : memref<1x1024xf32>) {weight = !W}
  return
}
func.func private @few(%e: memref<1x16x128xi8>, %s: memref<1x16xf32>, %z: memref<1x16xf32>, %w: memref<18432xi8>, %o: memref<1x192xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x16x128xi8>, memref<1x16xf32>, memref<1x16xf32>, memref<18432xi8>) outs(%o : memref<1x192xf32>) {weight = !Few}
  return
}
