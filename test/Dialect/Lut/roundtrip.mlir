// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --mlir-print-op-generic | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --emit-bytecode | lutra-opt | FileCheck %s

!W = !lowbit.weight<131x264, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>,
                                            #lowbit.layout<rows = 64, alpha = f16>>>

// CHECK-LABEL: @precompute_tensors
// CHECK: lut.precompute ins(%{{.*}} : tensor<?x264xf32>) outs(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>) {group = 32 : i64} -> tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>
func.func @precompute_tensors(%a: tensor<?x264xf32>, %e: tensor<?x9x128xi8>, %s: tensor<?x9xf32>) -> tensor<?x9x128xi8> {
  %t:3 = lut.precompute ins(%a : tensor<?x264xf32>) outs(%e, %s, %s : tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>)
      {group = 32 : i64} -> tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>
  return %t#0 : tensor<?x9x128xi8>
}

// CHECK-LABEL: @precompute_buffers
// CHECK: lut.precompute ins(%{{.*}} : memref<2x10xf32>) outs(%{{.*}}, %{{.*}}, %{{.*}} : memref<2x1x64xf32>, memref<2x1xf32>, memref<2x1xf32>) {group = 10 : i64, symmetric}{{$}}
func.func @precompute_buffers(%a: memref<2x10xf32>, %e: memref<2x1x64xf32>, %s: memref<2x1xf32>, %z: memref<2x1xf32>) {
  lut.precompute ins(%a : memref<2x10xf32>) outs(%e, %s, %z : memref<2x1x64xf32>, memref<2x1xf32>, memref<2x1xf32>)
      {group = 10 : i64, symmetric}
  return
}

// CHECK-LABEL: @matmul_tensors
// CHECK: lut.matmul ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>, tensor<31104xi8>) outs(%{{.*}} : tensor<?x131xf32>) {tile = #lowbit.tile<m = 4, n = 64, k = 264>, weight = !lowbit.weight<131x264, {{.*}}>} -> tensor<?x131xf32>
func.func @matmul_tensors(%e: tensor<?x9x128xi8>, %s: tensor<?x9xf32>, %z: tensor<?x9xf32>, %w: tensor<31104xi8>,
                          %o: tensor<?x131xf32>) -> tensor<?x131xf32> {
  %y = lut.matmul ins(%e, %s, %z, %w : tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>, tensor<31104xi8>)
      outs(%o : tensor<?x131xf32>) {weight = !W, tile = #lowbit.tile<m = 4, n = 64, k = 264>} -> tensor<?x131xf32>
  return %y : tensor<?x131xf32>
}

// CHECK-LABEL: @matmul_buffers
// CHECK: lut.matmul ins({{.*}}) outs(%{{.*}} : memref<3x131xf32>) {weight = !lowbit.weight<131x264, {{.*}}>}{{$}}
func.func @matmul_buffers(%e: memref<3x9x128xf32>, %s: memref<3x9xf32>, %z: memref<3x9xf32>, %w: memref<31104xi8>,
                          %o: memref<3x131xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<3x9x128xf32>, memref<3x9xf32>, memref<3x9xf32>, memref<31104xi8>)
      outs(%o : memref<3x131xf32>) {weight = !W}
  return
}

// CHECK-LABEL: @vectors
// CHECK: lut.lookup %{{.*}}[%{{.*}}] : vector<16xi8>, vector<64xi8>
// CHECK: lut.lookup %{{.*}}[%{{.*}}] : vector<16xf32>, vector<8xi32>
// CHECK: lut.lookup %{{.*}}[%{{.*}}] : vector<64xi8>, vector<64xi8>
// CHECK: lut.fields %{{.*}} at %{{.*}} : vector<64xi8>
// CHECK: lut.accumulate %{{.*}} into %{{.*}} weights [1, 2, 4, 8] : vector<64xi8>, vector<16xi32>
// CHECK: lut.accumulate %{{.*}} into %{{.*}} weights [1, 0] : vector<64xi8>, vector<32xi16>
// CHECK: lut.accumulate %{{.*}} into %{{.*}} weights [1, 4] : vector<32xi16>, vector<16xi32>
func.func @vectors(%t: vector<16xi8>, %i: vector<64xi8>, %ft: vector<16xf32>, %fi: vector<8xi32>, %acc: vector<16xi32>,
                   %half: vector<32xi16>) -> (vector<8xf32>, vector<16xi32>, vector<16xi32>) {
  %v = lut.lookup %t[%i] : vector<16xi8>, vector<64xi8>
  %f = lut.lookup %ft[%fi] : vector<16xf32>, vector<8xi32>
  %u = lut.lookup %i[%v] : vector<64xi8>, vector<64xi8>
  %w = lut.fields %u at %i : vector<64xi8>
  %q = lut.accumulate %u into %acc weights [1, 2, 4, 8] : vector<64xi8>, vector<16xi32>
  %h = lut.accumulate %v into %half weights [1, 0] : vector<64xi8>, vector<32xi16>
  %s = lut.accumulate %h into %acc weights [1, 4] : vector<32xi16>, vector<16xi32>
  return %f, %q, %s : vector<8xf32>, vector<16xi32>, vector<16xi32>
}
