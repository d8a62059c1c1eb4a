// Products whose M is dynamic, chosen for at run time.
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:10,lookup-rate:100,table-rate:10,fma-rate:50,int8-rate:300,unpack-rate:15,few-unpack-rate:5 by-rows' | FileCheck %s
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:10,lookup-rate:100,table-rate:10,fma-rate:50,int8-rate:300,unpack-rate:15,few-unpack-rate:5 by-rows' -Rpass=lowbit-select -Rpass-analysis=lowbit-select -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:10,lookup-rate:100,table-rate:10,fma-rate:50,int8-rate:300,unpack-rate:15,few-unpack-rate:5 by-rows' --lowbit-quantize-products --lowbit-split-precompute --lowbit-share-tables | FileCheck %s --check-prefix=TABLES
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:10,lookup-rate:1e9,table-rate:1e9,fma-rate:50,int8-rate:1 by-rows' | FileCheck %s --check-prefix=LUT
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:1e9,lookup-rate:1e-9,table-rate:1,fma-rate:50,int8-rate:300 by-rows' | FileCheck %s --check-prefix=INT8
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:10,lookup-rate:100,table-rate:10,fma-rate:50,int8-rate:300,unpack-rate:15,panel-rows:13 by-rows' -Rpass=lowbit-select 2>&1 | FileCheck %s --check-prefix=SOME
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:10,lookup-rate:300,table-rate:10,fma-rate:50,int8-rate:400,few-rate:600,few-triple-rate:1e3,unpack-rate:30,few-unpack-rate:8 by-rows' -Rpass=lowbit-select 2>&1 | FileCheck %s --check-prefix=ALONE

!Q = !lowbit.weight<256x128, #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>>
!V = !lowbit.weight<64x128, #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>>
!BCQ = !lowbit.weight<64x128, #lowbit.bcq<planes = 2, group = 32>>

// One choice for both, and their norm, which nothing else reads, in each branch.
// REMARK-COUNT-2: Remark="predicted for {{[0-9]+}} rows: lut {{.*}} us, dense {{.*}} us, int8 {{.*}} us"
// REMARK: Reason="int8: from [[ROWS:[0-9]+]] rows on, and lut for fewer: predicted to be the fastest"
// CHECK-LABEL: func @together
// CHECK-SAME: %[[X:.*]]: tensor<?x128xf32>
// CHECK: %[[M:.*]] = tensor.dim %[[X]]
// CHECK: %[[O:.*]] = bufferization.alloc_tensor(%[[M]]) : tensor<?x256xf32>
// CHECK: %[[P:.*]] = bufferization.alloc_tensor(%[[M]]) : tensor<?x64xf32>
// CHECK: %[[MANY:.*]] = arith.cmpi uge, %[[M]], %{{.*}}
// CHECK: %[[Y:.*]]:2 = scf.if %[[MANY]]
// CHECK: linalg.generic
// CHECK: %[[A:.*]] = lowbit.matmul {{.*}} {strategy = #lowbit.strategy<int8>}
// CHECK: bufferization.materialize_in_destination %[[A]] in %[[O]]
// CHECK: lowbit.matmul {{.*}} {strategy = #lowbit.strategy<int8>}
// CHECK: } else {
// CHECK: linalg.generic
// CHECK: lowbit.matmul {{.*}} {strategy = #lowbit.strategy<lut>}
// CHECK: lowbit.matmul {{.*}} {strategy = #lowbit.strategy<lut>}
// CHECK: return %[[Y]]#0, %[[Y]]#1
// Codes and tables are made where they are needed, once for both.
// TABLES-LABEL: func @together
// TABLES: scf.if
// TABLES: lowbit.quantize_activations
// TABLES-NOT: lowbit.quantize_activations
// TABLES: lowbit.precompute {{.*}} element = i16
// TABLES-NOT: lowbit.precompute
// TABLES: } else {
// TABLES: lowbit.precompute
// TABLES-NOT: lowbit.precompute
// TABLES-LABEL: func @alone
// LUT-LABEL: func @together
// LUT-NOT: scf.if
// LUT-COUNT-2: {strategy = #lowbit.strategy<lut>}
// INT8-LABEL: func @together
// INT8-NOT: scf.if
// INT8-COUNT-2: {strategy = #lowbit.strategy<int8>}
func.func @together(%x: tensor<?x128xf32>, %q: !Q, %v: !V) -> (tensor<?x256xf32>, tensor<?x64xf32>) {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x128xf32>
  %e = tensor.empty(%m) : tensor<?x128xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m, k)>],
                       iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x128xf32>) outs(%e : tensor<?x128xf32>) {
  ^bb0(%i: f32, %o: f32):
    %n = arith.negf %i : f32
    linalg.yield %n : f32
  } -> tensor<?x128xf32>
  %y = lowbit.matmul %a, %q : tensor<?x128xf32>, !Q -> tensor<?x256xf32>
  %z = lowbit.matmul %a, %v : tensor<?x128xf32>, !V -> tensor<?x64xf32>
  return %y, %z : tensor<?x256xf32>, tensor<?x64xf32>
}

// What is faster for a few rows need not be for more: where panels begin, lookups are again. Numbers of rows are a mask then.
// SOME: Reason="int8: from 34 rows on and for 1 to 12, and lut for others: predicted to be the fastest"
// SOME-LABEL: func @together
// SOME: %[[MANY:.*]] = arith.cmpi uge, %[[M:.*]], %c34
// SOME: %[[COUNT:.*]] = arith.index_cast %[[M]] : index to i64
// SOME: %[[PLACE:.*]] = arith.minui %[[COUNT]], %{{.*}} : i64
// SOME: %[[BITS:.*]] = arith.shrui %{{c8190_i64.*}}, %[[PLACE]] : i64
// SOME: %[[FEWER:.*]] = arith.trunci %[[BITS]] : i64 to i1
// SOME: %[[IN:.*]] = arith.ori %[[MANY]], %[[FEWER]] : i1
// SOME: scf.if %[[IN]]

// Activations that others read are made before, and a static M, codes, and an alpha for each plane leave no choice at run time.
// CHECK-LABEL: func @alone
// CHECK: linalg.generic
// CHECK: scf.if
// CHECK-NOT: linalg.generic
// CHECK: } else {
// CHECK-NOT: scf.if
// CHECK: return
func.func @alone(%x: tensor<?x128xf32>, %q: !Q, %s: tensor<2x128xf32>, %b: !BCQ, %c: tensor<?x128xi8>, %f: tensor<?x4xf32>)
    -> (tensor<?x256xf32>, tensor<?x128xf32>, tensor<2x256xf32>, tensor<?x64xf32>, tensor<?x256xf32>) {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x128xf32>
  %e = tensor.empty(%m) : tensor<?x128xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m, k)>],
                       iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x128xf32>) outs(%e : tensor<?x128xf32>) {
  ^bb0(%i: f32, %o: f32):
    %n = arith.negf %i : f32
    linalg.yield %n : f32
  } -> tensor<?x128xf32>
  %y = lowbit.matmul %a, %q : tensor<?x128xf32>, !Q -> tensor<?x256xf32>
  %static = lowbit.matmul %s, %q : tensor<2x128xf32>, !Q -> tensor<2x256xf32>
  %bcq = lowbit.matmul %x, %b : tensor<?x128xf32>, !BCQ -> tensor<?x64xf32>
  %codes = lowbit.matmul %c, %q scales(%f : tensor<?x4xf32>) : tensor<?x128xi8>, !Q -> tensor<?x256xf32>
  return %y, %a, %static, %bcq, %codes : tensor<?x256xf32>, tensor<?x128xf32>, tensor<2x256xf32>, tensor<?x64xf32>, tensor<?x256xf32>
}

// A ternary weight that int8 products alone read lies three codes in five bits: that is worth more than lookups for some numbers of rows.
// ALONE: Reason="int8: predicted to be the fastest for any number of rows"
// ALONE-LABEL: func @ternary
// ALONE-NOT: scf.if
// ALONE: {strategy = #lowbit.strategy<int8>}
!T = !lowbit.weight<256x1024, #lowbit.bipolar<planes = 2, group = 128, zeta = 1.0 : f32>>
func.func @ternary(%x: tensor<?x1024xf32>, %w: !T) -> tensor<?x256xf32> {
  %y = lowbit.matmul %x, %w : tensor<?x1024xf32>, !T -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}
