// Structured ops: order of reductions, maps of any kind, named ops.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics --split-input-file

// Ascending, one rounding each: (2^24 + 1) + 1 is 2^24, (1 + 1) + 2^24 is not.
func.func @order() -> tensor<2xf32> {
  %a = arith.constant dense<[[16777216.0, 1.0, 1.0], [1.0, 1.0, 16777216.0]]> : tensor<2x3xf32>
  %z = arith.constant dense<0.0> : tensor<2xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%a : tensor<2x3xf32>) outs(%z : tensor<2xf32>) {
  ^bb0(%x: f32, %o: f32):
    %t = arith.addf %o, %x : f32
    linalg.yield %t : f32
  } -> tensor<2xf32>
  // expected-remark@below {{[16777216, 16777218]}}
  return %s : tensor<2xf32>
}

// A window: neither a permutation nor a projection.
func.func @window() -> tensor<3xf32> {
  %a = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %k = arith.constant dense<[10.0, 1.0]> : tensor<2xf32>
  %z = arith.constant dense<0.0> : tensor<3xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i + j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i)>],
                       iterator_types = ["parallel", "reduction"]}
      ins(%a, %k : tensor<4xf32>, tensor<2xf32>) outs(%z : tensor<3xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %t = arith.addf %o, %p : f32
    linalg.yield %t : f32
  } -> tensor<3xf32>
  // expected-remark@below {{[12, 23, 34]}}
  return %s : tensor<3xf32>
}

func.func @named() -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %a = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[[1.0, 0.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x2xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
  %m = linalg.matmul ins(%a, %b : tensor<2x2xf32>, tensor<2x2xf32>) outs(%z : tensor<2x2xf32>) -> tensor<2x2xf32>
  %t = linalg.transpose ins(%a : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) permutation = [1, 0]
  %s = linalg.add ins(%a, %b : tensor<2x2xf32>, tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
  // expected-remark@below {{result 0: 'tensor<2x2xf32>' = [[3, 2], [7, 4]]}}
  // expected-remark@below {{result 1: 'tensor<2x2xf32>' = [[1, 3], [2, 4]]}}
  // expected-remark@below {{result 2: 'tensor<2x2xf32>' = [[2, 2], [4, 5]]}}
  return %m, %t, %s : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

func.func @shapes_disagree() -> tensor<?xf32> {
  %a = arith.constant dense<1.0> : tensor<3xf32>
  %b = arith.constant dense<1.0> : tensor<2xf32>
  %x = tensor.cast %a : tensor<3xf32> to tensor<?xf32>
  %y = tensor.cast %b : tensor<2xf32> to tensor<?xf32>
  // expected-error@below {{the interpreter cannot follow operand 1: its shape 2 does not fit the other operands}}
  %r = linalg.add ins(%x, %y : tensor<?xf32>, tensor<?xf32>) outs(%x : tensor<?xf32>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// -----

func.func @read_outside() -> tensor<3xf32> {
  %a = arith.constant dense<1.0> : tensor<3xf32>
  %x = tensor.cast %a : tensor<3xf32> to tensor<?xf32>
  %e = tensor.empty() : tensor<3xf32>
  // expected-error@below {{operand 0 is read outside of its shape 3}}
  %s = linalg.generic {indexing_maps = [affine_map<(i) -> (i + 1)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%e : tensor<3xf32>) {
  ^bb0(%v: f32, %o: f32):
    linalg.yield %v : f32
  } -> tensor<3xf32>
  return %s : tensor<3xf32>
}
