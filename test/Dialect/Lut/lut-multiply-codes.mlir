// RUN: lutra-opt %s --lut-multiply-codes | FileCheck %s

!W = !lowbit.weight<131x264, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>,
                                            #lowbit.layout<rows = 64, alpha = f16>>>

// Two products of the same codes share what is prepared, the epilogue goes along, and the tables go.
// CHECK-LABEL: func @shared
// CHECK-SAME: (%[[Q:[a-z0-9]+]]: tensor<?x264xi8>, %[[S:[a-z0-9]+]]: tensor<?x9xf32>
// CHECK-NOT: lut.precompute
// CHECK: %[[P:.*]]:4 = lut.prepare_codes ins(%[[Q]], %[[S]] : tensor<?x264xi8>, tensor<?x9xf32>)
// CHECK-SAME: {factor = 15 : i64, group = 32 : i64} -> tensor<9x?x32xi8>, tensor<9x?xi32>, tensor<9x?xf32>, tensor<9x?xf32>
// CHECK-NOT: lut.prepare_codes
// CHECK: lut.integer_matmul ins(%[[P]]#0, %[[P]]#1, %[[P]]#2, %[[P]]#3, %{{.*}})
// CHECK: lut.integer_matmul ins(%[[P]]#0, %[[P]]#1, %[[P]]#2, %[[P]]#3, %{{.*}}) epilogue() {
// CHECK: arith.negf
func.func @shared(%q: tensor<?x264xi8>, %s: tensor<?x9xf32>, %w: tensor<31104xi8>, %e: tensor<?x9x128xi16>,
                  %f: tensor<?x9xf32>, %g: tensor<?x9xf32>, %o: tensor<?x131xf32>) -> (tensor<?x131xf32>, tensor<?x131xf32>) {
  %t:3 = lut.precompute ins(%q, %s : tensor<?x264xi8>, tensor<?x9xf32>)
      outs(%e, %f, %g : tensor<?x9x128xi16>, tensor<?x9xf32>, tensor<?x9xf32>) {group = 32 : i64, symmetric}
      -> tensor<?x9x128xi16>, tensor<?x9xf32>, tensor<?x9xf32>
  %y = lut.matmul ins(%t#0, %t#1, %t#2, %w : tensor<?x9x128xi16>, tensor<?x9xf32>, tensor<?x9xf32>, tensor<31104xi8>)
      outs(%o : tensor<?x131xf32>) {weight = !W, tile = #lowbit.tile<m = 4, n = 64, k = 264>} -> tensor<?x131xf32>
  %z = lut.matmul ins(%t#0, %t#1, %t#2, %w : tensor<?x9x128xi16>, tensor<?x9xf32>, tensor<?x9xf32>, tensor<31104xi8>)
      epilogue() {
      ^bb0(%p: f32):
        %n = arith.negf %p : f32
        lowbit.yield %n : f32
      } outs(%o : tensor<?x131xf32>) {weight = !W} -> tensor<?x131xf32>
  return %y, %z : tensor<?x131xf32>, tensor<?x131xf32>
}
