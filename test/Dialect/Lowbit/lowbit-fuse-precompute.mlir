// RUN: lutra-opt %s --lowbit-fuse-precompute --canonicalize --cse --split-input-file | FileCheck %s
// RUN: lutra-opt %s --lowbit-fuse-precompute --split-input-file -Rpass=lowbit-fuse-precompute -Rpass-missed=lowbit-fuse-precompute 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

#id = affine_map<(b, s, h) -> (b, s, h)>
#row = affine_map<(b, s, h) -> (b, s)>
#col = affine_map<(b, s, h) -> (h)>
!T = !lowbit.table<?x64, group = 32, element = i8>

// Residual sum, sum of squares and norm of [batch, sequence, 64], merged to rows only for the table: all of it is computed row
// by row. The residual sum is read elsewhere, so it is a result of the loop; it is computed once.
// CHECK-LABEL: @norm
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x?x64xf32>, %[[Y:[a-z0-9]+]]: tensor<?x64xf32>
// CHECK-DAG: %[[XROWS:.*]] = tensor.collapse_shape %[[X]]
// CHECK: %[[F:.*]]:4 = scf.forall (%[[I:.*]]) in (%{{.*}}) shared_outs({{.*}}, %[[OUT:.*]] = %{{[^,]*}}) -> (tensor<?x2x128xi8>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x64xf32>)
// CHECK-DAG: %[[XROW:.*]] = tensor.extract_slice %[[XROWS]][%[[I]], 0] [1, 64] [1, 1]
// CHECK-DAG: %[[YROW:.*]] = tensor.extract_slice %[[Y]][%[[I]], 0] [1, 64] [1, 1]
// CHECK-DAG: %[[OUTROW:.*]] = tensor.extract_slice %[[OUT]][%[[I]], 0] [1, 64] [1, 1]
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[XROW]], %[[YROW]] : tensor<1x64xf32>, tensor<1x64xf32>) outs(%[[OUTROW]] : tensor<1x64xf32>)
// CHECK: %[[SQUARES:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]} ins(%[[SUM]] : tensor<1x64xf32>)
// CHECK: %[[NORM:.*]] = linalg.generic {{.*}} ins(%[[SUM]], %[[SQUARES]], %{{.*}} : tensor<1x64xf32>, tensor<1xf32>, tensor<64xf32>)
// CHECK-NOT: linalg.generic
// CHECK: %[[P:.*]]:3 = lut.precompute ins(%[[NORM]] : tensor<1x64xf32>) outs({{.*}}) {group = 32 : i64} -> tensor<1x2x128xi8>
// CHECK: tensor.parallel_insert_slice %[[P]]#0
// CHECK: tensor.parallel_insert_slice %[[SUM]] into %[[OUT]][%[[I]], 0] [1, 64] [1, 1]
// CHECK: %[[T:.*]] = lowbit.assemble_table %[[F]]#0, %[[F]]#1, %[[F]]#2
// CHECK: %[[R:.*]] = tensor.expand_shape %[[F]]#3
// CHECK: return %[[T]], %[[R]]
// REMARK: [Passed] lowbit-fuse-precompute {{.*}} Reason="4 ops are computed row by row with their tables"
func.func @norm(%x: tensor<?x?x64xf32>, %y: tensor<?x64xf32>, %g: tensor<64xf32>, %b: index, %s: index) -> (!T, tensor<?x?x64xf32>) {
  %zero = arith.constant 0.0 : f32
  %eps = arith.constant 1.0e-5 : f32
  %yy = tensor.expand_shape %y [[0, 1], [2]] output_shape [%b, %s, 64] : tensor<?x64xf32> into tensor<?x?x64xf32>
  %e = tensor.empty(%b, %s) : tensor<?x?x64xf32>
  %sum = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %yy : tensor<?x?x64xf32>, tensor<?x?x64xf32>) outs(%e : tensor<?x?x64xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %1 = arith.addf %a, %c : f32
    linalg.yield %1 : f32
  } -> tensor<?x?x64xf32>
  %re = tensor.empty(%b, %s) : tensor<?x?xf32>
  %rf = linalg.fill ins(%zero : f32) outs(%re : tensor<?x?xf32>) -> tensor<?x?xf32>
  %ss = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%sum : tensor<?x?x64xf32>) outs(%rf : tensor<?x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.mulf %a, %a : f32
    %2 = arith.addf %o, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<?x?xf32>
  %n = linalg.generic {indexing_maps = [#id, #row, #col, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sum, %ss, %g : tensor<?x?x64xf32>, tensor<?x?xf32>, tensor<64xf32>) outs(%e : tensor<?x?x64xf32>) {
  ^bb0(%a: f32, %r: f32, %w: f32, %o: f32):
    %1 = arith.addf %r, %eps : f32
    %2 = math.rsqrt %1 : f32
    %3 = arith.mulf %a, %2 : f32
    %4 = arith.mulf %3, %w : f32
    linalg.yield %4 : f32
  } -> tensor<?x?x64xf32>
  %c = tensor.collapse_shape %n [[0, 1], [2]] : tensor<?x?x64xf32> into tensor<?x64xf32>
  %t = lowbit.precompute %c : tensor<?x64xf32> -> !T
  return %t, %sum : !T, tensor<?x?x64xf32>
}

// -----

#id = affine_map<(m, k) -> (m, k)>
!T = !lowbit.table<?x64, group = 32, element = f32, symmetric = true>
!T16 = !lowbit.table<?x64, group = 16, element = f32>

// Two tables of one value (groups of 32 and 16): the first takes the producer along and yields it, the second reads that.
// CHECK-LABEL: @two_tables
// CHECK: %[[F:.*]]:4 = scf.forall
// CHECK:   lut.precompute {{.*}} {group = 32 : i64, symmetric} -> tensor<1x2x128xf32>
// CHECK: lowbit.assemble_table %[[F]]#0, %[[F]]#1, %[[F]]#2
// CHECK: lowbit.precompute %[[F]]#3
// REMARK: [Passed] lowbit-fuse-precompute
// REMARK: [Missed] lowbit-fuse-precompute {{.*}} Reason="the activations do not come from a row-wise linalg op"
func.func @two_tables(%x: tensor<?x64xf32>, %m: index) -> (!T, !T16) {
  %e = tensor.empty(%m) : tensor<?x64xf32>
  %g = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.mulf %a, %a : f32
    linalg.yield %1 : f32
  } -> tensor<?x64xf32>
  %t = lowbit.precompute %g : tensor<?x64xf32> -> !T
  %u = lowbit.precompute %g : tensor<?x64xf32> -> !T16
  return %t, %u : !T, !T16
}

// -----

!T = !lowbit.table<?x64, group = 32, element = i8>

// CHECK-LABEL: @argument
// CHECK-NEXT: lowbit.precompute
// REMARK: [Missed] lowbit-fuse-precompute {{.*}} Reason="the activations do not come from a row-wise linalg op"
func.func @argument(%x: tensor<?x64xf32>) -> !T {
  %t = lowbit.precompute %x : tensor<?x64xf32> -> !T
  return %t : !T
}

// -----

#id = affine_map<(m, k) -> (m, k)>
#t = affine_map<(m, k) -> (k, m)>
!T = !lowbit.table<64x64, group = 32, element = i8>

// A transposition reads a column for each row: not row-wise.
// CHECK-LABEL: @transposed
// CHECK-NOT: scf.forall
// CHECK: lowbit.precompute
// REMARK: [Missed] lowbit-fuse-precompute {{.*}} Reason="the activations do not come from a row-wise linalg op"
func.func @transposed(%x: tensor<64x64xf32>) -> !T {
  %e = tensor.empty() : tensor<64x64xf32>
  %g = linalg.generic {indexing_maps = [#t, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<64x64xf32>) outs(%e : tensor<64x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<64x64xf32>
  %t = lowbit.precompute %g : tensor<64x64xf32> -> !T
  return %t : !T
}

// -----

#rows = affine_map<(m, k) -> (m, k)>
!Codes = !lowbit.table<?x32, group = 32, element = i16, scale = row>
!Triples = !lowbit.weight<2x32, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, triples = true>>>

// Codes that are multiplied get no tables.
// CHECK-LABEL: @multiplied
// CHECK-NOT: scf.forall
// CHECK: lowbit.precompute
// REMARK: [Missed] lowbit-fuse-precompute {{.*}} Reason="codes are multiplied, not looked up: there are no tables to make"
func.func @multiplied(%x: tensor<?x32xi8>, %s: tensor<?x1xf32>, %e: tensor<?x32xi8>, %w: !Triples) -> tensor<?x2xf32> {
  %q = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x32xi8>) outs(%e : tensor<?x32xi8>) {
  ^bb0(%a: i8, %o: i8):
    %b = arith.addi %a, %a : i8
    linalg.yield %b : i8
  } -> tensor<?x32xi8>
  %t = lowbit.precompute %q scales(%s : tensor<?x1xf32>) : tensor<?x32xi8> -> !Codes
  %y = lowbit.lookup_matmul %t, %w : !Codes, !Triples -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
