// RUN: lutra-opt %s --lowbit-quantize-tables="element=i8 scale=row" | FileCheck %s
// RUN: lutra-opt %s --lowbit-quantize-tables | FileCheck %s --check-prefix=DEFAULT
// RUN: lutra-opt %s --lowbit-quantize-tables="element=i8 scale=row" --remark-policy=all --remarks-filter=lowbit-quantize-tables -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!planes = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

// Products without a kind get one; a kind that is there stays, and a dense product needs none.
// REMARK-DAG: [Passed] lowbit-quantize-tables {{.*}} Reason="tables of i8, a scale per row", f32-row-bytes=1032, row-bytes=260
// CHECK-LABEL: func @products
// DEFAULT-LABEL: func @products
func.func @products(%a: tensor<?x64xf32>, %w: !planes) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK-NEXT: lowbit.matmul %{{.*}}, %{{.*}} {table = #lowbit.table_kind<i8, scale = row>} :
  // CHECK-NEXT: lowbit.matmul %{{.*}}, %{{.*}} {table = #lowbit.table_kind<f32>} :
  // CHECK-NEXT: lowbit.matmul %{{.*}}, %{{.*}} {strategy = #lowbit.strategy<dense>} :
  // DEFAULT-NEXT: lowbit.matmul %{{.*}}, %{{.*}} {table = #lowbit.table_kind<i8>} :
  %x = lowbit.matmul %a, %w : tensor<?x64xf32>, !planes -> tensor<?x8xf32>
  %y = lowbit.matmul %a, %w {table = #lowbit.table_kind<f32>} : tensor<?x64xf32>, !planes -> tensor<?x8xf32>
  %z = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<?x64xf32>, !planes -> tensor<?x8xf32>
  return %x, %y, %z : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// The tables of codes stay exact, with the scales that the codes have: sums of four codes of 8 bits need i16, of 4 bits fit i8.
// REMARK-DAG: [Missed] lowbit-quantize-tables {{.*}} Reason="i8, a scale per row is not taken: sums of four codes of 8 bits reach 512 and stay exact in i16 with the codes' scale"
// CHECK-LABEL: func @codes
func.func @codes(%a: tensor<?x64xi8>, %s: tensor<?x2xf32>, %w: !planes) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK-NEXT: lowbit.matmul {{.*}} {table = #lowbit.table_kind<i16>} :
  // CHECK-NEXT: lowbit.matmul {{.*}} {act_bits = 4 : i64, table = #lowbit.table_kind<i8>} :
  %x = lowbit.matmul %a, %w scales(%s : tensor<?x2xf32>) : tensor<?x64xi8>, !planes -> tensor<?x8xf32>
  %y = lowbit.matmul %a, %w scales(%s : tensor<?x2xf32>) {act_bits = 4 : i64} : tensor<?x64xi8>, !planes -> tensor<?x8xf32>
  return %x, %y : tensor<?x8xf32>, tensor<?x8xf32>
}

// An exact precompute that only lookups read is made of the kind too; what was quantized before stays.
// CHECK-LABEL: func @precomputes
func.func @precomputes(%a: tensor<?x64xf32>, %w: !planes) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK-NEXT: lowbit.precompute {{.*}} -> !lowbit.table<?x64, group = 32, element = i8, scale = row, symmetric = true>
  // CHECK-NEXT: lowbit.lookup_matmul {{.*}} : !lowbit.table<?x64, group = 32, element = i8, scale = row, symmetric = true>
  // CHECK-NEXT: lowbit.precompute {{.*}} -> !lowbit.table<?x64, group = 32, element = i16>
  %t = lowbit.precompute %a : tensor<?x64xf32> -> !lowbit.table<?x64, group = 32, element = f32, symmetric = true>
  %x = lowbit.lookup_matmul %t, %w : !lowbit.table<?x64, group = 32, element = f32, symmetric = true>, !planes -> tensor<?x8xf32>
  %u = lowbit.precompute %a : tensor<?x64xf32> -> !lowbit.table<?x64, group = 32, element = i16>
  %y = lowbit.lookup_matmul %u, %w : !lowbit.table<?x64, group = 32, element = i16>, !planes -> tensor<?x8xf32>
  return %x, %y : tensor<?x8xf32>, tensor<?x8xf32>
}

// REMARK-DAG: [Missed] lowbit-quantize-tables {{.*}} Reason="func.return also reads the table"
// CHECK-LABEL: func @escapes
func.func @escapes(%a: tensor<?x64xf32>) -> !lowbit.table<?x64, group = 32, element = f32> {
  // CHECK-NEXT: lowbit.precompute {{.*}} -> !lowbit.table<?x64, group = 32, element = f32>
  %t = lowbit.precompute %a : tensor<?x64xf32> -> !lowbit.table<?x64, group = 32, element = f32>
  return %t : !lowbit.table<?x64, group = 32, element = f32>
}
