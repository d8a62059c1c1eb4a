// RUN: lutra-opt %s --lut-fuse-norms | FileCheck %s
// RUN: lutra-opt %s --lut-fuse-norms -Rpass=lut-fuse-norms -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

#rows = affine_map<(b, i, j) -> (b, i, j)>
#sums = affine_map<(b, i, j) -> (b, i)>
#cols = affine_map<(b, i, j) -> (j)>

// A batch of rows, whose tables two products of other groups read: both normalize the rows themselves, and the norm is gone.
// How many rows there are is no reading of them.
// REMARK: norm is computed with the tables
// REMARK: norm is computed with the tables
// CHECK-LABEL: func.func @batch
// CHECK-SAME: (%[[X:.*]]: tensor<?x3x8xf32>, %[[W:.*]]: tensor<8xf32>
// CHECK-NOT: linalg
// CHECK: %[[C:.*]] = tensor.collapse_shape %[[X]] {{\[}}[0, 1], [2]]
// CHECK: tensor.dim %[[C]],
// CHECK: lut.norm_precompute ins(%[[C]], %[[W]] : tensor<?x8xf32>, tensor<8xf32>) outs({{.*}}) {epsilon = {{.*}} : f32, group = 8 : i64}
// CHECK: lut.norm_precompute ins(%{{.*}}, %[[W]] : {{.*}}) outs({{.*}}) {epsilon = {{.*}} : f32, group = 4 : i64, symmetric}
func.func @batch(%x: tensor<?x3x8xf32>, %w: tensor<8xf32>, %e: tensor<?x1x32xi8>, %f: tensor<?x1xf32>, %g: tensor<?x1xf32>,
                 %h: tensor<?x2x32xi8>, %i: tensor<?x2xf32>, %j: tensor<?x2xf32>) -> (tensor<?x1x32xi8>, tensor<?x2x32xi8>, index) {
  %zero = arith.constant 0.0 : f64
  %one = arith.constant 1.0 : f64
  %n = arith.constant 8.0 : f64
  %eps = arith.constant 0.0009765625 : f64
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x3x8xf32>
  %t0 = tensor.empty(%m) : tensor<?x3xf64>
  %t1 = linalg.fill ins(%zero : f64) outs(%t0 : tensor<?x3xf64>) -> tensor<?x3xf64>
  %s = linalg.generic {indexing_maps = [#rows, #sums], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x : tensor<?x3x8xf32>) outs(%t1 : tensor<?x3xf64>) {
  ^bb0(%a: f32, %t: f64):
    %v = arith.extf %a : f32 to f64
    %q = arith.mulf %v, %v : f64
    %u = arith.addf %q, %t fastmath<reassoc> : f64
    linalg.yield %u : f64
  } -> tensor<?x3xf64>
  %o = tensor.empty(%m) : tensor<?x3x8xf32>
  // The factors in another order.
  %y = linalg.generic {indexing_maps = [#cols, #rows, #sums, #rows], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%w, %x, %s : tensor<8xf32>, tensor<?x3x8xf32>, tensor<?x3xf64>) outs(%o : tensor<?x3x8xf32>) {
  ^bb0(%c: f32, %a: f32, %t: f64, %out: f32):
    %mean = arith.divf %t, %n : f64
    %k = arith.addf %mean, %eps : f64
    %l = math.sqrt %k : f64
    %d = arith.divf %one, %l : f64
    %r = arith.truncf %d : f64 to f32
    %p = arith.mulf %r, %a : f32
    %q = arith.mulf %c, %p : f32
    linalg.yield %q : f32
  } -> tensor<?x3x8xf32>
  %flat = tensor.collapse_shape %y [[0, 1], [2]] : tensor<?x3x8xf32> into tensor<?x8xf32>
  %count = tensor.dim %flat, %c0 : tensor<?x8xf32>
  %p:3 = lut.precompute ins(%flat : tensor<?x8xf32>) outs(%e, %f, %g : tensor<?x1x32xi8>, tensor<?x1xf32>, tensor<?x1xf32>) {group = 8 : i64}
      -> tensor<?x1x32xi8>, tensor<?x1xf32>, tensor<?x1xf32>
  %q:3 = lut.precompute ins(%flat : tensor<?x8xf32>) outs(%h, %i, %j : tensor<?x2x32xi8>, tensor<?x2xf32>, tensor<?x2xf32>) {group = 4 : i64, symmetric}
      -> tensor<?x2x32xi8>, tensor<?x2xf32>, tensor<?x2xf32>
  return %p#0, %q#0, %count : tensor<?x1x32xi8>, tensor<?x2x32xi8>, index
}
