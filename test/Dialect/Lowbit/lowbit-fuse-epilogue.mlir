// RUN: lutra-opt %s --lowbit-fuse-epilogue | FileCheck %s
// RUN: lutra-opt %s --lowbit-fuse-epilogue --lowbit-unfuse-epilogue | FileCheck %s --check-prefix=BACK
// RUN: lutra-opt %s --lowbit-fuse-epilogue --lowbit-unfuse-epilogue --lowbit-fuse-epilogue | FileCheck %s --check-prefix=TWICE
// RUN: lutra-opt %s --lowbit-fuse-epilogue --mlir-print-debuginfo | FileCheck %s --check-prefix=LOC
// RUN: lutra-opt %s --lowbit-fuse-epilogue -Rpass=lowbit-fuse-epilogue -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The location is that of the product's node and of those it took in.
// LOC-DAG: #[[P:.*]] = loc("/o_proj/MatMul")
// LOC-DAG: #[[B:.*]] = loc("/o_proj/Add")
// LOC-DAG: #[[R:.*]] = loc("/residual/Add")

#whole = affine_map<(m, n) -> (m, n)>
#channel = affine_map<(m, n) -> (n)>
#whole3 = affine_map<(b, s, n) -> (b, s, n)>
!t = !lowbit.table<?x64, group = 32, element = i8>
!w = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

// A bias per channel, then a residual sum: one epilogue. The product comes to stand where the last of them stood.
// REMARK: [Passed] lowbit-fuse-epilogue {{.*}} Reason="the product applies 2 operations to its outputs before it stores them", operands=2, operations=2
// CHECK-LABEL: func @bias_residual
// CHECK-SAME: %[[A:.*]]: tensor<?x64xf32>, %[[W:.*]]: !lowbit.weight<{{.*}}>, %[[B:.*]]: tensor<8xf32>, %[[R:.*]]: tensor<?x8xf32>
// CHECK: %[[T:.*]] = lowbit.precompute
// CHECK-NOT: lowbit.lookup_matmul
// CHECK: %[[N:.*]] = arith.negf %[[R]]
// CHECK: %[[Y:.*]] = lowbit.lookup_matmul %[[T]], %[[W]] epilogue(%[[B]], %[[N]] : tensor<8xf32>, tensor<?x8xf32>) {
// CHECK-NEXT: ^bb0(%[[P:.*]]: f32, %[[Q:.*]]: f32, %[[S:.*]]: f32):
// CHECK-NEXT: %[[X:.*]] = arith.addf %[[P]], %[[Q]]
// CHECK-NEXT: %[[Z:.*]] = arith.addf %[[S]], %[[X]]
// CHECK-NEXT: lowbit.yield %[[Z]] : f32
// CHECK-NOT: linalg.generic
// CHECK: return %[[Y]]
// BACK-LABEL: func @bias_residual
// BACK: %[[Y:.*]] = lowbit.lookup_matmul %{{.*}}, %{{.*}} : !lowbit.table
// BACK: %[[M:.*]] = tensor.dim %[[Y]]
// BACK: %[[E:.*]] = tensor.empty(%[[M]])
// BACK: linalg.generic {{.*}} ins(%[[Y]], %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<8xf32>, tensor<?x8xf32>) outs(%[[E]]
// TWICE-LABEL: func @bias_residual
// TWICE: lowbit.lookup_matmul %{{.*}}, %{{.*}} epilogue(%{{.*}}, %{{.*}} : tensor<8xf32>, tensor<?x8xf32>)
// TWICE-NOT: linalg.generic
// LOC-LABEL: func @bias_residual
// LOC: lowbit.lookup_matmul
// LOC-NEXT: fused[#[[P]], #[[B]], #[[R]]]
func.func @bias_residual(%a: tensor<?x64xf32>, %w: !w, %b: tensor<8xf32>, %r: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %t = lowbit.precompute %a : tensor<?x64xf32> -> !t
  %y = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<?x8xf32> loc("/o_proj/MatMul")
  %c0 = arith.constant 0 : index
  %m = tensor.dim %y, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%m) : tensor<?x8xf32>
  %x = linalg.generic {indexing_maps = [#whole, #channel, #whole], iterator_types = ["parallel", "parallel"]}
      ins(%y, %b : tensor<?x8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<?x8xf32> loc("/o_proj/Add")
  %n = arith.negf %r : tensor<?x8xf32>
  %z = linalg.generic {indexing_maps = [#whole, #whole, #whole], iterator_types = ["parallel", "parallel"]}
      ins(%n, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<?x8xf32> loc("/residual/Add")
  return %z : tensor<?x8xf32>
}

// The gate: silu(gate) * up. The first product takes the generic, and reads what the second made. Constants may stay outside.
// CHECK-LABEL: func @gate
// CHECK: %[[UP:.*]] = lowbit.lookup_matmul %{{.*}}, %{{.*}} : !lowbit.table
// CHECK: lowbit.lookup_matmul %{{.*}}, %{{.*}} epilogue(%[[UP]] : tensor<?x8xf32>) {
// CHECK: ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK: %[[NEG:.*]] = arith.negf %[[G]]
// CHECK: math.exp %[[NEG]]
// CHECK: arith.divf %[[G]]
// CHECK: arith.mulf %{{.*}}, %[[U]]
// CHECK: lowbit.yield
func.func @gate(%a: tensor<?x64xf32>, %w: !w, %v: !w, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %one = arith.constant 1.0 : f32
  %t = lowbit.precompute %a : tensor<?x64xf32> -> !t
  %g = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<?x8xf32>
  %u = lowbit.lookup_matmul %t, %v : !t, !w -> tensor<?x8xf32>
  %z = linalg.generic {indexing_maps = [#whole, #whole, #whole], iterator_types = ["parallel", "parallel"]}
      ins(%g, %u : tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %n = arith.negf %p : f32
    %x = math.exp %n : f32
    %d = arith.addf %x, %one : f32
    %s = arith.divf %p, %d : f32
    %r = arith.mulf %s, %q : f32
    linalg.yield %r : f32
  } -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// Rows that are split into batch and sequence: the generic becomes one over rows, its result is split.
// CHECK-LABEL: func @split_rows
// CHECK-SAME: %[[R:[a-z0-9]+]]: tensor<2x3x8xf32>
// CHECK: %[[C:.*]] = tensor.collapse_shape %[[R]] {{\[\[}}0, 1], [2]]
// CHECK: %[[Y:.*]] = lowbit.lookup_matmul %{{.*}}, %{{.*}} epilogue(%[[C]] : tensor<6x8xf32>)
// CHECK: tensor.expand_shape %[[Y]]
// CHECK-NOT: linalg.generic
func.func @split_rows(%t: !lowbit.table<6x64, group = 32, element = i8>, %w: !w, %r: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %y = lowbit.lookup_matmul %t, %w : !lowbit.table<6x64, group = 32, element = i8>, !w -> tensor<6x8xf32>
  %x = tensor.expand_shape %y [[0, 1], [2]] output_shape [2, 3, 8] : tensor<6x8xf32> into tensor<2x3x8xf32>
  %e = tensor.empty() : tensor<2x3x8xf32>
  %z = linalg.generic {indexing_maps = [#whole3, #whole3, #whole3], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %r : tensor<2x3x8xf32>, tensor<2x3x8xf32>) outs(%e : tensor<2x3x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<2x3x8xf32>
  return %z : tensor<2x3x8xf32>
}

// A generic that reads the product twice reads the output once.
// CHECK-LABEL: func @square
// CHECK: lowbit.lookup_matmul %{{.*}}, %{{.*}} epilogue() {
// CHECK-NEXT: ^bb0(%[[P:.*]]: f32):
// CHECK-NEXT: arith.mulf %[[P]], %[[P]]
func.func @square(%a: tensor<?x64xf32>, %w: !w, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %t = lowbit.precompute %a : tensor<?x64xf32> -> !t
  %y = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<?x8xf32>
  %z = linalg.generic {indexing_maps = [#whole, #whole, #whole], iterator_types = ["parallel", "parallel"]}
      ins(%y, %y : tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.mulf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}
