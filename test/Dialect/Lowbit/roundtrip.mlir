// Every type, attribute and op prints as it was parsed, and again from its own output.
// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --mlir-print-op-generic | lutra-opt | FileCheck %s


!uniform = !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
!integer = !lowbit.weight<2x16, #lowbit.uniform<bits = 3, group = 5, zero = integer>>
!float = !lowbit.weight<2x16, #lowbit.uniform<bits = 8, group = 16, zero = float>>
!constant = !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>>
!bipolar = !lowbit.weight<131x264, #lowbit.bipolar<planes = 4, group = 32>>
!bcq = !lowbit.weight<2x16, #lowbit.bcq<planes = 3, group = 16>>
!packed = !lowbit.weight<2x16, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>,
                                              #lowbit.layout<rows = 64, alpha = f16>>>
!symmetric = !lowbit.weight<2x16, #lowbit.packed<#lowbit.bcq<planes = 3, group = 16>,
                                                 #lowbit.layout<rows = 64, alpha = f32, zeta = f16, symmetric = true>>>
!table = !lowbit.table<?x264, group = 32, element = i8>

// CHECK-LABEL: func.func private @types(
// CHECK-SAME: !lowbit.weight<2x16, #lowbit.uniform<bits = 3, group = 5, zero = integer>>
// CHECK-SAME: !lowbit.weight<2x16, #lowbit.uniform<bits = 8, group = 16, zero = float>>
// CHECK-SAME: !lowbit.weight<131x264, #lowbit.bipolar<planes = 4, group = 32>>
// CHECK-SAME: !lowbit.weight<2x16, #lowbit.bcq<planes = 3, group = 16>>
// CHECK-SAME: #lowbit.packed<#lowbit.bcq<planes = 3, group = 16>
// CHECK-SAME: #lowbit.layout<rows = 64, alpha = f32, zeta = f16, symmetric = true>
// CHECK-SAME: !lowbit.table<?x264, group = 32, element = i8>
// CHECK-SAME: !lowbit.table<3x7, group = 4, element = f32, symmetric = true>
func.func private @types(!integer, !float, !bipolar, !bcq, !symmetric, !table,
                         !lowbit.table<3x7, group = 4, element = f32, symmetric = true>)

// CHECK-LABEL: func @weights
func.func @weights() -> (!packed, !bcq) {
  // CHECK: lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = dense<5.000000e-01> : tensor<2x1xf32>} : !lowbit.weight<2x16
  %w = lowbit.weight {codes = dense<1> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>} : !uniform
  // CHECK: lowbit.reinterpret %{{.*}} : !lowbit.weight<{{.*}}> to !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.000000e+00 : f32>>
  %p = lowbit.reinterpret %w : !uniform to !constant
  // CHECK: lowbit.pack
  %q = lowbit.pack %p : !constant to !packed
  // CHECK: lowbit.packed_data %{{.*}} : !lowbit.weight<{{.*}}> -> tensor<640xi8>
  %bytes = lowbit.packed_data %q : !packed -> tensor<640xi8>
  // CHECK: lowbit.weight {alphas =
  %b = lowbit.weight {codes = dense<1> : tensor<2x1x6xi8>, alphas = dense<0.5> : tensor<2x1x3xf32>,
                      betas = dense<0.0> : tensor<2x1xf32>} : !bcq
  return %q, %b : !packed, !bcq
}

// CHECK-LABEL: func @products
func.func @products(%a: tensor<?x264xf32>, %w: !lowbit.weight<131x264, #lowbit.uniform<bits = 4, group = 32>>, %p: !bipolar,
                    %e: tensor<?x9x128xi8>, %s: tensor<?x9xf32>) -> (tensor<?x131xf32>, tensor<?x131xf32>, tensor<?x131xf32>) {
  // CHECK: lowbit.matmul %{{.*}}, %{{.*}} : tensor<?x264xf32>, !lowbit.weight<131x264, #lowbit.uniform<bits = 4, group = 32>> -> tensor<?x131xf32>
  %y = lowbit.matmul %a, %w : tensor<?x264xf32>, !lowbit.weight<131x264, #lowbit.uniform<bits = 4, group = 32>> -> tensor<?x131xf32>
  // CHECK: lowbit.precompute %{{.*}} : tensor<?x264xf32> -> !lowbit.table<?x264, group = 32, element = i8>
  %t = lowbit.precompute %a : tensor<?x264xf32> -> !table
  // CHECK: lowbit.lookup_matmul %{{.*}}, %{{.*}} : !lowbit.table<{{.*}}>, !lowbit.weight<{{.*}}> -> tensor<?x131xf32>
  %z = lowbit.lookup_matmul %t, %p : !table, !bipolar -> tensor<?x131xf32>
  // CHECK: lowbit.assemble_table %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32> -> !lowbit.table<
  %u = lowbit.assemble_table %e, %s, %s : tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32> -> !table
  // CHECK: lowbit.lookup_matmul %{{.*}}, %{{.*}} tile <m = 4, n = 64, k = 64> :
  %v = lowbit.lookup_matmul %u, %p tile <m = 4, n = 64, k = 64> : !table, !bipolar -> tensor<?x131xf32>
  return %y, %z, %v : tensor<?x131xf32>, tensor<?x131xf32>, tensor<?x131xf32>
}

// CHECK-LABEL: func @attention_rotary
func.func @attention_rotary(%q: tensor<?x?x64xf32>, %k: tensor<?x?x32xf32>, %v: tensor<?x?x32xf32>, %past: tensor<?x2x?x16xf32>,
    %len: tensor<?xi32>, %total: tensor<i32>, %cos: tensor<128x8xf32>, %sin: tensor<128x8xf32>, %sink: tensor<4xf32>,
    %eo: tensor<?x?x64xf32>, %e: tensor<?x2x?x16xf32>) -> tensor<?x?x64xf32> {
  // CHECK: %{{.*}}:3 = lowbit.attention ins(
  // CHECK-SAME: tensor<128x8xf32>, tensor<128x8xf32>) outs(
  // CHECK-SAME: {interleaved = false, kv_heads = 2 : i64, num_heads = 4 : i64, scale = 2.500000e-01 : f32, softcap = 0.000000e+00 : f32, window = -1 : i64}
  // CHECK-SAME: -> tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>
  %o:3 = lowbit.attention ins(%q, %k, %v, %past, %past, %len, %total, %cos, %sin : tensor<?x?x64xf32>, tensor<?x?x32xf32>,
      tensor<?x?x32xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?xi32>, tensor<i32>, tensor<128x8xf32>, tensor<128x8xf32>)
      outs(%eo, %e, %e : tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>)
      {num_heads = 4 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
      -> tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>
  return %o#0 : tensor<?x?x64xf32>
}

// Sink without rotary; in buffer form there are no results.
// CHECK-LABEL: func @attention_buffers
func.func @attention_buffers(%q: memref<1x1x64xf32>, %k: memref<1x1x32xf32>, %past: memref<1x2x?x16xf32>, %len: memref<1xi32>,
    %total: memref<i32>, %sink: memref<4xf32>, %o: memref<1x1x64xf32>, %present: memref<1x2x?x16xf32>) {
  // CHECK: {{^ *}}lowbit.attention ins({{.*}}, memref<i32>, memref<4xf32>) outs(
  lowbit.attention ins(%q, %k, %k, %past, %past, %len, %total, %sink : memref<1x1x64xf32>, memref<1x1x32xf32>, memref<1x1x32xf32>,
      memref<1x2x?x16xf32>, memref<1x2x?x16xf32>, memref<1xi32>, memref<i32>, memref<4xf32>)
      outs(%o, %present, %present : memref<1x1x64xf32>, memref<1x2x?x16xf32>, memref<1x2x?x16xf32>)
      {num_heads = 4 : i64, kv_heads = 2 : i64, scale = 0.25 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}
