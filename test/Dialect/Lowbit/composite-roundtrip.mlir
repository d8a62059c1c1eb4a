// Codebooks, nested, mixed and outlier weights print as they were parsed, and again from their own output.
// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --mlir-print-op-generic | lutra-opt | FileCheck %s

// CHECK-LABEL: func.func private @formats(
// CHECK-SAME: #lowbit.codebook<bits = 4, group = 64, table = nf4>>
// CHECK-SAME: #lowbit.codebook<bits = 4, group = 32, table = e2m1, scale = f8E8M0FNU>>
// CHECK-SAME: #lowbit.codebook<bits = 4, group = 16, table = e2m1, scale = f8E4M3FN, global_scale = true>>
// CHECK-SAME: #lowbit.codebook<bits = 4, group = 16, table = bnb_fp4, per = tensor, scale = bf16>>
// CHECK-SAME: #lowbit.codebook<bits = 3, group = 16, table = channel, per = channel, scale = f16>>
// CHECK-SAME: #lowbit.nested<#lowbit.bipolar<planes = 6, group = 16>, min_bits = 2>>
func.func private @formats(!lowbit.weight<3x70, #lowbit.codebook<bits = 4, group = 64, table = nf4>>,
                           !lowbit.weight<3x70, #lowbit.codebook<bits = 4, group = 32, table = e2m1, scale = f8E8M0FNU>>,
                           !lowbit.weight<3x70, #lowbit.codebook<bits = 4, group = 16, table = e2m1, scale = f8E4M3FN, global_scale = true>>,
                           !lowbit.weight<3x70, #lowbit.codebook<bits = 4, group = 16, table = bnb_fp4, per = tensor, scale = bf16>>,
                           !lowbit.weight<3x70, #lowbit.codebook<bits = 3, group = 16, table = channel, per = channel, scale = f16>>,
                           !lowbit.weight<3x70, #lowbit.nested<#lowbit.bipolar<planes = 6, group = 16>, min_bits = 2>>)

!nvfp4 = !lowbit.weight<2x20, #lowbit.codebook<bits = 4, group = 16, table = e2m1, scale = f8E4M3FN, global_scale = true>>
!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 3>>
!any = !lowbit.weight<2x16, #lowbit.nested<#lowbit.codebook<bits = 3, group = 16, table = channel>, min_bits = 2>>
!mixed = !lowbit.weight<2x2, #lowbit.mixed<rows = [1, 1], formats = [#lowbit.uniform<bits = 4, group = 2>, #lowbit.bcq<planes = 2, group = 2>]>>
!columns = !lowbit.weight<2x16, #lowbit.outliers<#lowbit.uniform<bits = 4, group = 16>, columns = 2, value = f16>>
!entries = !lowbit.weight<2x16, #lowbit.outliers<#lowbit.codebook<bits = 4, group = 16, table = nf4>, entries = 2, value = f32>>

// CHECK-LABEL: func @weights
func.func @weights() -> (!nvfp4, !any, !mixed, !columns, !entries) {
  // CHECK: lowbit.weight {codes = dense<1> : tensor<2x2x8xi8>, global_scale = dense<3.000000e-01> : tensor<1xf32>, scales = dense<1.500000e+00> : tensor<2x2xf8E4M3FN>}
  %a = lowbit.weight {codes = dense<1> : tensor<2x2x8xi8>, scales = dense<1.5> : tensor<2x2xf8E4M3FN>, global_scale = dense<0.3> : tensor<1xf32>} : !nvfp4
  // CHECK: table2 = {{.*}} : tensor<2x4xf32>, table3 = {{.*}} : tensor<2x8xf32>} : !lowbit.weight<2x16, #lowbit.nested<#lowbit.codebook<bits = 3, group = 16, table = channel>, min_bits = 2>>
  %b = lowbit.weight {codes = dense<1> : tensor<2x1x6xi8>, scales = dense<1.0> : tensor<2x1xf32>, table2 = dense<1.0> : tensor<2x4xf32>,
                      table3 = dense<1.0> : tensor<2x8xf32>} : !any
  // CHECK: lowbit.weight {"0.codes" = {{.*}}, "1.alphas" = {{.*}}, permutation = dense<[1, 0]> : tensor<2xi32>}
  // CHECK-SAME: #lowbit.mixed<rows = [1, 1], formats = [#lowbit.uniform<bits = 4, group = 2>, #lowbit.bcq<planes = 2, group = 2>]>>
  %c = lowbit.weight {"0.codes" = dense<1> : tensor<1x1x1xi8>, "0.scales" = dense<0.5> : tensor<1x1xf32>, "1.codes" = dense<2> : tensor<1x1x1xi8>,
                      "1.alphas" = dense<0.5> : tensor<1x1x2xf32>, "1.betas" = dense<0.5> : tensor<1x1xf32>,
                      permutation = dense<[1, 0]> : tensor<2xi32>} : !mixed
  // CHECK: lowbit.weight {body.codes = {{.*}}, columns = dense<[1, 3]> : tensor<2xi32>, values =
  // CHECK-SAME: #lowbit.outliers<#lowbit.uniform<bits = 4, group = 16>, columns = 2, value = f16>>
  %d = lowbit.weight {body.codes = dense<17> : tensor<2x1x8xi8>, body.scales = dense<0.5> : tensor<2x1xf32>, columns = dense<[1, 3]> : tensor<2xi32>,
                      values = dense<1.0> : tensor<2x2xf16>} : !columns
  // CHECK: indices = {{.*}} : tensor<2x2xi32>
  // CHECK-SAME: #lowbit.outliers<#lowbit.codebook<bits = 4, group = 16, table = nf4>, entries = 2, value = f32>>
  %e = lowbit.weight {body.codes = dense<17> : tensor<2x1x8xi8>, body.scales = dense<0.5> : tensor<2x1xf32>, indices = dense<-1> : tensor<2x2xi32>,
                      values = dense<1.0> : tensor<2x2xf32>} : !entries
  return %a, %b, %c, %d, %e : !nvfp4, !any, !mixed, !columns, !entries
}

// CHECK-LABEL: func @ops
func.func @ops(%w: !nested, %a: tensor<?x16xf32>, %bits: i32) -> (tensor<16x2xf32>, tensor<2x16xf32>, tensor<?x2xf32>) {
  // CHECK: %[[T:.*]] = lowbit.truncate %{{.*}} : !lowbit.weight<{{.*}}> to !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -6.250000e-02 : f32>>
  %t = lowbit.truncate %w : !nested to !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -0.0625 : f32>>
  // CHECK: lowbit.dequantize %[[T]] transposed : !lowbit.weight<{{.*}}> -> tensor<16x2xf32>
  %v = lowbit.dequantize %t transposed : !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -0.0625 : f32>> -> tensor<16x2xf32>
  // CHECK: lowbit.dequantize %[[T]] : !lowbit.weight<{{.*}}> -> tensor<2x16xf32>
  %u = lowbit.dequantize %t : !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -0.0625 : f32>> -> tensor<2x16xf32>
  // CHECK: lowbit.matmul %{{.*}}, %{{.*}} precision(%{{.*}}) : tensor<?x16xf32>
  %y = lowbit.matmul %a, %w precision(%bits) : tensor<?x16xf32>, !nested -> tensor<?x2xf32>
  return %v, %u, %y : tensor<16x2xf32>, tensor<2x16xf32>, tensor<?x2xf32>
}
