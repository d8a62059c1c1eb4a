// Kinds of tables and of activations: types, attributes and ops print as they were parsed.
// RUN: lutra-opt %s | lutra-opt | FileCheck %s
// RUN: lutra-opt %s --mlir-print-op-generic | lutra-opt | FileCheck %s

!planes = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
!per_table = !lowbit.table<?x64, group = 32, element = i8, scale = table>
!per_row = !lowbit.table<?x64, group = 32, element = i16, scale = row>

// CHECK-LABEL: func.func private @types(
// CHECK-SAME: !lowbit.table<?x64, group = 32, element = i8, scale = table>
// CHECK-SAME: !lowbit.table<3x64, group = 32, element = i16, scale = row, symmetric = true>
// CHECK-SAME: !lowbit.table<?x64, group = 32, element = i8>
// CHECK-SAME: !lowbit.table<?x64, group = 32, element = f16>
func.func private @types(!per_table, !lowbit.table<3x64, group = 32, element = i16, symmetric = true, scale = row>,
                         !lowbit.table<?x64, group = 32, element = i8, scale = group>, !lowbit.table<?x64, group = 32, element = f16>)

// CHECK-LABEL: func @kinds
func.func @kinds(%a: tensor<?x64xf32>, %w: !planes) {
  // CHECK: lowbit.matmul %{{.*}}, %{{.*}} {table = #lowbit.table_kind<i8>} : tensor<?x64xf32>
  %0 = lowbit.matmul %a, %w {table = #lowbit.table_kind<i8, scale = group>} : tensor<?x64xf32>, !planes -> tensor<?x8xf32>
  // CHECK: lowbit.matmul %{{.*}}, %{{.*}} {table = #lowbit.table_kind<i16, scale = table>} : tensor<?x64xf32>
  %1 = lowbit.matmul %a, %w {table = #lowbit.table_kind<i16, scale = table>} : tensor<?x64xf32>, !planes -> tensor<?x8xf32>
  return
}

// CHECK-LABEL: func @halves
func.func @halves(%a: tensor<?x64xf16>, %b: tensor<?x64xbf16>, %w: !planes) {
  // CHECK: lowbit.matmul %{{.*}}, %{{.*}} : tensor<?x64xf16>, !lowbit.weight<{{.*}}> -> tensor<?x8xf16>
  %0 = lowbit.matmul %a, %w : tensor<?x64xf16>, !planes -> tensor<?x8xf16>
  // CHECK: lowbit.matmul %{{.*}}, %{{.*}} : tensor<?x64xbf16>, !lowbit.weight<{{.*}}> -> tensor<?x8xf32>
  %1 = lowbit.matmul %b, %w : tensor<?x64xbf16>, !planes -> tensor<?x8xf32>
  // CHECK: lowbit.precompute %{{.*}} : tensor<?x64xf16> -> !lowbit.table<?x64, group = 32, element = f16>
  %t = lowbit.precompute %a : tensor<?x64xf16> -> !lowbit.table<?x64, group = 32, element = f16>
  return
}

// CHECK-LABEL: func @integers
func.func @integers(%a: tensor<?x64xf32>, %w: !planes, %b: i32, %e: tensor<?x2x128xi16>, %z: tensor<?x2xf32>) {
  // CHECK: %[[Q:.*]], %[[S:.*]] = lowbit.quantize_activations %{{.*}} {bits = 8 : i64, kind = #lowbit.codes<absmax>} : tensor<?x64xf32> -> tensor<?x64xi8>, tensor<?x1xf32>
  %q, %s = lowbit.quantize_activations %a {bits = 8 : i64, kind = #lowbit.codes<absmax>} : tensor<?x64xf32> -> tensor<?x64xi8>, tensor<?x1xf32>
  // CHECK: lowbit.quantize_activations %{{.*}} {bits = 3 : i64, group = 32 : i64, kind = #lowbit.codes<bipolar>} : tensor<?x64xf32> -> tensor<?x64xi8>, tensor<?x2xf32>
  %p, %u = lowbit.quantize_activations %a {bits = 3 : i64, group = 32 : i64, kind = #lowbit.codes<bipolar>} : tensor<?x64xf32> -> tensor<?x64xi8>, tensor<?x2xf32>
  // CHECK: lowbit.matmul %[[Q]], %{{.*}} scales(%[[S]] : tensor<?x1xf32>) : tensor<?x64xi8>, !lowbit.weight<{{.*}}> -> tensor<?x8xf32>
  %0 = lowbit.matmul %q, %w scales(%s : tensor<?x1xf32>) : tensor<?x64xi8>, !planes -> tensor<?x8xf32>
  // CHECK: lowbit.matmul %{{.*}}, %{{.*}} scales(%{{.*}} : tensor<?x2xf32>) {act_bits = 4 : i64, table = #lowbit.table_kind<i8>} : tensor<?x64xi8>
  %1 = lowbit.matmul %p, %w scales(%u : tensor<?x2xf32>) {act_bits = 4 : i64, table = #lowbit.table_kind<i8>} : tensor<?x64xi8>, !planes -> tensor<?x8xf32>
  // CHECK: lowbit.precompute %[[Q]] scales(%[[S]] : tensor<?x1xf32>) : tensor<?x64xi8> -> !lowbit.table<?x64, group = 32, element = i16, scale = row>
  %t = lowbit.precompute %q scales(%s : tensor<?x1xf32>) : tensor<?x64xi8> -> !per_row
  // CHECK: lowbit.assemble_table %{{.*}}, %[[S]], %{{.*}} : tensor<?x2x128xi16>, tensor<?x1xf32>, tensor<?x2xf32> -> !lowbit.table<
  %v = lowbit.assemble_table %e, %s, %z : tensor<?x2x128xi16>, tensor<?x1xf32>, tensor<?x2xf32> -> !per_row
  return
}
