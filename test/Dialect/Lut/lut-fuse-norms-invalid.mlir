// What lut-fuse-norms leaves alone, with the reason.
// RUN: lutra-opt %s --lut-fuse-norms --split-input-file | FileCheck %s
// RUN: lutra-opt %s --lut-fuse-norms -Rpass-missed=lut-fuse-norms --split-input-file -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

#rows = affine_map<(i, j) -> (i, j)>
#sums = affine_map<(i, j) -> (i)>
#cols = affine_map<(i, j) -> (j)>

// Something else reads the normalized rows: they are stored anyway.
// REMARK: the norm stays: more than tables of f32 read it
// CHECK-LABEL: func.func @read_twice
// CHECK: linalg.generic
// CHECK: lut.precompute
func.func @read_twice(%x: tensor<2x8xf32>, %w: tensor<8xf32>, %e: tensor<2x1x32xi8>, %f: tensor<2x1xf32>, %g: tensor<2x1xf32>) -> (tensor<2x1x32xi8>, tensor<2x8xf32>) {
  %zero = arith.constant 0.0 : f64
  %one = arith.constant 1.0 : f64
  %n = arith.constant 8.0 : f64
  %eps = arith.constant 0.0009765625 : f64
  %t0 = tensor.empty() : tensor<2xf64>
  %t1 = linalg.fill ins(%zero : f64) outs(%t0 : tensor<2xf64>) -> tensor<2xf64>
  %s = linalg.generic {indexing_maps = [#rows, #sums], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<2x8xf32>) outs(%t1 : tensor<2xf64>) {
  ^bb0(%a: f32, %t: f64):
    %v = arith.extf %a : f32 to f64
    %q = arith.mulf %v, %v : f64
    %u = arith.addf %t, %q : f64
    linalg.yield %u : f64
  } -> tensor<2xf64>
  %o = tensor.empty() : tensor<2x8xf32>
  %y = linalg.generic {indexing_maps = [#rows, #sums, #cols, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s, %w : tensor<2x8xf32>, tensor<2xf64>, tensor<8xf32>) outs(%o : tensor<2x8xf32>) {
  ^bb0(%a: f32, %t: f64, %c: f32, %out: f32):
    %mean = arith.divf %t, %n : f64
    %k = arith.addf %mean, %eps : f64
    %l = math.sqrt %k : f64
    %d = arith.divf %one, %l : f64
    %r = arith.truncf %d : f64 to f32
    %p = arith.mulf %a, %r : f32
    %q = arith.mulf %p, %c : f32
    linalg.yield %q : f32
  } -> tensor<2x8xf32>
  %p:3 = lut.precompute ins(%y : tensor<2x8xf32>) outs(%e, %f, %g : tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>) {group = 8 : i64}
      -> tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>
  return %p#0, %y : tensor<2x1x32xi8>, tensor<2x8xf32>
}

// -----

#rows = affine_map<(i, j) -> (i, j)>
#sums = affine_map<(i, j) -> (i)>
#cols = affine_map<(i, j) -> (j)>

// A sum that starts from something else, or a mean over another number of elements, is no such norm.
// CHECK-LABEL: func.func @other
// CHECK-COUNT-2: linalg.generic
// CHECK: lut.precompute
func.func @other(%x: tensor<2x8xf32>, %w: tensor<8xf32>, %e: tensor<2x1x32xi8>, %f: tensor<2x1xf32>, %g: tensor<2x1xf32>) -> tensor<2x1x32xi8> {
  %zero = arith.constant 0.0 : f64
  %one = arith.constant 1.0 : f64
  %n = arith.constant 7.0 : f64
  %eps = arith.constant 0.0009765625 : f64
  %t0 = tensor.empty() : tensor<2xf64>
  %t1 = linalg.fill ins(%zero : f64) outs(%t0 : tensor<2xf64>) -> tensor<2xf64>
  %s = linalg.generic {indexing_maps = [#rows, #sums], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<2x8xf32>) outs(%t1 : tensor<2xf64>) {
  ^bb0(%a: f32, %t: f64):
    %v = arith.extf %a : f32 to f64
    %q = arith.mulf %v, %v : f64
    %u = arith.addf %t, %q : f64
    linalg.yield %u : f64
  } -> tensor<2xf64>
  %o = tensor.empty() : tensor<2x8xf32>
  %y = linalg.generic {indexing_maps = [#rows, #sums, #cols, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s, %w : tensor<2x8xf32>, tensor<2xf64>, tensor<8xf32>) outs(%o : tensor<2x8xf32>) {
  ^bb0(%a: f32, %t: f64, %c: f32, %out: f32):
    %mean = arith.divf %t, %n : f64
    %k = arith.addf %mean, %eps : f64
    %l = math.sqrt %k : f64
    %d = arith.divf %one, %l : f64
    %r = arith.truncf %d : f64 to f32
    %p = arith.mulf %a, %r : f32
    %q = arith.mulf %p, %c : f32
    linalg.yield %q : f32
  } -> tensor<2x8xf32>
  %p:3 = lut.precompute ins(%y : tensor<2x8xf32>) outs(%e, %f, %g : tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>) {group = 8 : i64}
      -> tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>
  return %p#0 : tensor<2x1x32xi8>
}
