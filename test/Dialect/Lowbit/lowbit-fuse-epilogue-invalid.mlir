// RUN: lutra-opt %s --lowbit-fuse-epilogue | FileCheck %s
// RUN: lutra-opt %s --lowbit-fuse-epilogue -Rpass-missed=lowbit-fuse-epilogue -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// What cannot be an epilogue stays behind its product, and a remark says why.
// CHECK-NOT: epilogue

#whole = affine_map<(m, n) -> (m, n)>
#swapped = affine_map<(m, n) -> (n, m)>
#channel = affine_map<(m, n) -> (n)>
#row = affine_map<(m, n) -> (m)>
!t = !lowbit.table<8x64, group = 32, element = i8>
!w = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

// REMARK: Reason="2 operations read the product"
func.func @two_readers(%t: !t, %w: !w, %e: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %y = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<8x8xf32>
  %z = linalg.generic {indexing_maps = [#whole, #whole], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = arith.negf %p : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  return %y, %z : tensor<8x8xf32>, tensor<8x8xf32>
}

// REMARK: Reason="the reader is a reduction"
func.func @reduction(%t: !t, %w: !w, %e: tensor<8xf32>) -> tensor<8xf32> {
  %y = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<8x8xf32>
  %z = linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "reduction"]} ins(%y : tensor<8x8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = arith.addf %p, %o : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  return %z : tensor<8xf32>
}

// REMARK: Reason="an input of the reader is neither one f32 per channel nor a matrix of them"
func.func @per_row(%t: !t, %w: !w, %r: tensor<8xf32>, %e: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %y = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<8x8xf32>
  %z = linalg.generic {indexing_maps = [#whole, #row, #whole], iterator_types = ["parallel", "parallel"]} ins(%y, %r : tensor<8x8xf32>, tensor<8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.mulf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  return %z : tensor<8x8xf32>
}

// REMARK: Reason="an input of the reader is neither one f32 per channel nor a matrix of them"
func.func @transposed(%t: !t, %w: !w, %e: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %y = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<8x8xf32>
  %z = linalg.generic {indexing_maps = [#swapped, #whole], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = arith.negf %p : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  return %z : tensor<8x8xf32>
}

// REMARK: Reason="the reader makes other elements than the product"
func.func @narrowed(%t: !t, %w: !w, %e: tensor<8x8xf16>) -> tensor<8x8xf16> {
  %y = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<8x8xf32>
  %z = linalg.generic {indexing_maps = [#whole, #whole], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<8x8xf32>) outs(%e : tensor<8x8xf16>) {
  ^bb0(%p: f32, %o: f16):
    %s = arith.truncf %p : f32 to f16
    linalg.yield %s : f16
  } -> tensor<8x8xf16>
  return %z : tensor<8x8xf16>
}

// REMARK: Reason="'linalg.index' is not element-wise"
func.func @indexed(%t: !t, %w: !w, %e: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %y = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<8x8xf32>
  %z = linalg.generic {indexing_maps = [#whole, #whole], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%p: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = arith.index_cast %i : index to i32
    %k = arith.sitofp %j : i32 to f32
    %s = arith.mulf %p, %k : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  return %z : tensor<8x8xf32>
}

// REMARK: Reason="the reader uses a scalar from outside that is not a constant"
func.func @captured(%t: !t, %w: !w, %c: f32, %e: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %y = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<8x8xf32>
  %z = linalg.generic {indexing_maps = [#whole, #whole], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = arith.mulf %p, %c : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  return %z : tensor<8x8xf32>
}

// REMARK: Reason="'tensor.extract_slice' reads the product, not an element-wise linalg.generic"
func.func @sliced(%t: !t, %w: !w) -> tensor<8x4xf32> {
  %y = lowbit.lookup_matmul %t, %w : !t, !w -> tensor<8x8xf32>
  %z = tensor.extract_slice %y[0, 0] [8, 4] [1, 1] : tensor<8x8xf32> to tensor<8x4xf32>
  return %z : tensor<8x4xf32>
}
