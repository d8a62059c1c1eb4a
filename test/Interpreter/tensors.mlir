// Shapes, elements and slices.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics --split-input-file

func.func @slices() -> (tensor<2x2xi32>, tensor<2xi32>, tensor<3x4xi32>, tensor<3x4xi32>) {
  %a = arith.constant dense<[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]> : tensor<3x4xi32>
  %s = tensor.extract_slice %a[0, 1] [2, 2] [2, 2] : tensor<3x4xi32> to tensor<2x2xi32>
  %r = tensor.extract_slice %a[1, 2] [1, 2] [1, 1] : tensor<3x4xi32> to tensor<2xi32>
  %i = tensor.insert_slice %s into %a[1, 0] [2, 2] [1, 1] : tensor<2x2xi32> into tensor<3x4xi32>
  %j = tensor.insert_slice %r into %a[0, 2] [2, 1] [1, 1] : tensor<2xi32> into tensor<3x4xi32>
  // expected-remark@below {{result 0: 'tensor<2x2xi32>' = [[1, 3], [9, 11]]}}
  // expected-remark@below {{result 1: 'tensor<2xi32>' = [6, 7]}}
  // expected-remark@below {{result 2: 'tensor<3x4xi32>' = [[0, 1, 2, 3], [1, 3, 6, 7], [9, 11, 10, 11]]}}
  // expected-remark@below {{result 3: 'tensor<3x4xi32>' = [[0, 1, 6, 3], [4, 5, 7, 7], [8, 9, 10, 11]]}}
  return %s, %r, %i, %j : tensor<2x2xi32>, tensor<2xi32>, tensor<3x4xi32>, tensor<3x4xi32>
}

func.func @concat_and_pad() -> (tensor<2x3xf32>, tensor<2x4xf32>) {
  %a = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[[5.0], [6.0]]> : tensor<2x1xf32>
  %c = tensor.concat dim(1) %a, %b : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  %p = tensor.pad %a low[0, 1] high[0, 1] {
  ^bb0(%i: index, %j: index):
    %x = arith.index_cast %j : index to i32
    %y = arith.sitofp %x : i32 to f32
    tensor.yield %y : f32
  } : tensor<2x2xf32> to tensor<2x4xf32>
  // expected-remark@below {{result 0: 'tensor<2x3xf32>' = [[1, 2, 5], [3, 4, 6]]}}
  // expected-remark@below {{result 1: 'tensor<2x4xf32>' = [[0, 1, 2, 3], [0, 3, 4, 3]]}}
  return %c, %p : tensor<2x3xf32>, tensor<2x4xf32>
}

func.func @shapes() -> (tensor<2xi64>, tensor<3x2xi8>, tensor<2x2xi64>, tensor<?xf32>) {
  %a = arith.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8>
  %d = tensor.cast %a : tensor<2x3xi8> to tensor<?x?xi8>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = tensor.dim %d, %c0 : tensor<?x?xi8>
  %n = tensor.dim %d, %c1 : tensor<?x?xi8>
  %x = arith.index_cast %m : index to i64
  %y = arith.index_cast %n : index to i64
  %sizes = tensor.from_elements %x, %y : tensor<2xi64>
  %flat = tensor.collapse_shape %d [[0, 1]] : tensor<?x?xi8> into tensor<?xi8>
  %e = tensor.expand_shape %flat [[0, 1]] output_shape [%n, 2] : tensor<?xi8> into tensor<?x2xi8>
  %f = tensor.cast %e : tensor<?x2xi8> to tensor<3x2xi8>
  %g = tensor.generate {
  ^bb0(%i: index, %j: index):
    %s = arith.addi %i, %j : index
    %t = arith.index_cast %s : index to i64
    tensor.yield %t : i64
  } : tensor<2x2xi64>
  %half = arith.constant 0.5 : f32
  %splat = tensor.splat %half[%m] : tensor<?xf32>
  // expected-remark@below {{result 0: 'tensor<2xi64>' = [2, 3]}}
  // expected-remark@below {{result 1: 'tensor<3x2xi8>' = [[1, 2], [3, 4], [5, 6]]}}
  // expected-remark@below {{result 2: 'tensor<2x2xi64>' = [[0, 1], [1, 2]]}}
  // expected-remark@below {{result 3: 'tensor<?xf32>' = [0.5, 0.5]}}
  return %sizes, %f, %g, %splat : tensor<2xi64>, tensor<3x2xi8>, tensor<2x2xi64>, tensor<?xf32>
}

// -----

func.func @slice_leaves() -> tensor<?xi32> {
  %a = arith.constant dense<[1, 2, 3]> : tensor<3xi32>
  %c = arith.constant dense<2> : tensor<1xindex>
  %c0 = arith.constant 0 : index
  %two = tensor.extract %c[%c0] : tensor<1xindex>
  // expected-error@below {{the slice at [2] of sizes [2] leaves the array of shape 3}}
  %s = tensor.extract_slice %a[%two] [%two] [1] : tensor<3xi32> to tensor<?xi32>
  return %s : tensor<?xi32>
}

// -----

func.func @index_outside() -> tensor<1xi32> {
  %a = arith.constant dense<[1, 2, 3]> : tensor<3xi32>
  %c3 = arith.constant 3 : index
  // expected-error@below {{index 3 is outside the array of shape 3}}
  %x = tensor.extract %a[%c3] : tensor<3xi32>
  %t = tensor.from_elements %x : tensor<1xi32>
  return %t : tensor<1xi32>
}

// -----

func.func @wrong_cast() -> tensor<2xi32> {
  %a = arith.constant dense<[1, 2, 3]> : tensor<3xi32>
  %d = tensor.cast %a : tensor<3xi32> to tensor<?xi32>
  // expected-error@below {{an array of shape 3 is cast to 'tensor<2xi32>'}}
  %s = tensor.cast %d : tensor<?xi32> to tensor<2xi32>
  return %s : tensor<2xi32>
}

// -----

func.func @concat_disagrees() -> tensor<?x3xi32> {
  %a = arith.constant dense<1> : tensor<2x1xi32>
  %b = arith.constant dense<1> : tensor<3x2xi32>
  %c = tensor.cast %b : tensor<3x2xi32> to tensor<?x2xi32>
  %d = tensor.cast %a : tensor<2x1xi32> to tensor<?x1xi32>
  // expected-error@below {{the operands' shapes disagree: 3x2 does not fit 2x3}}
  %r = tensor.concat dim(1) %d, %c : (tensor<?x1xi32>, tensor<?x2xi32>) -> tensor<?x3xi32>
  return %r : tensor<?x3xi32>
}

// -----

func.func @negative_size() -> tensor<?xi32> {
  %c0 = arith.constant -1 : index
  // expected-error@below {{a size is negative: -1}}
  %e = tensor.empty(%c0) : tensor<?xi32>
  return %e : tensor<?xi32>
}
