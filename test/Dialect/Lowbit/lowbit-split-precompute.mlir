// RUN: lutra-opt %s --lowbit-split-precompute | FileCheck %s
// RUN: lutra-opt %s --lowbit-split-precompute=table=f32 | FileCheck %s --check-prefix=F32
// RUN: lutra-opt %s --lowbit-split-precompute="table=i16 scale=row" | FileCheck %s --check-prefix=ROW
// RUN: lutra-opt %s --lowbit-split-precompute --remark-policy=all --remarks-filter=lowbit-split-precompute -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!w32 = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
!w16 = !lowbit.weight<8x64, #lowbit.bcq<planes = 3, group = 16>>

// A product is a table, which stands where the activations are defined, and a lookup.
// REMARK-DAG: [Passed] lowbit-split-precompute {{.*}} Reason="looked up in tables of i8", cols=64, group=32
// REMARK-DAG: [Passed] lowbit-split-precompute {{.*}} Reason="looked up in tables of i8", cols=64, group=16
// CHECK-LABEL: func @products
// CHECK-SAME: (%[[B:.*]]: tensor<3x64xf32>, %[[Q:.*]]: !lowbit.weight<{{.*}}>, %[[V:.*]]: !lowbit.weight
// F32-LABEL: func @products
// ROW-LABEL: func @products
func.func @products(%b: tensor<3x64xf32>, %q: !w32, %v: !w16) -> (tensor<3x8xf32>, tensor<3x8xf32>) {
  // CHECK: %[[A:.*]] = arith.negf
  // CHECK-DAG: %[[T:.*]] = lowbit.precompute %[[A]] : tensor<3x64xf32> -> !lowbit.table<3x64, group = 32, element = i8>
  // CHECK-DAG: %[[U:.*]] = lowbit.precompute %[[A]] : tensor<3x64xf32> -> !lowbit.table<3x64, group = 16, element = i8>
  // CHECK: math.absf
  // CHECK: lowbit.lookup_matmul %[[T]], %[[Q]] : !lowbit.table<3x64, group = 32, element = i8>, !lowbit.weight<{{.*}}> -> tensor<3x8xf32>
  // CHECK: lowbit.lookup_matmul %[[U]], %[[V]]
  // F32-COUNT-2: lowbit.precompute {{.*}}element = f32>
  // F32-NOT: element = i8
  // ROW-COUNT-2: lowbit.precompute {{.*}}element = i16, scale = row>
  %a = arith.negf %b : tensor<3x64xf32>
  %c = math.absf %b : tensor<3x64xf32>
  %x = lowbit.matmul %a, %q : tensor<3x64xf32>, !w32 -> tensor<3x8xf32>
  %z = lowbit.matmul %a, %v : tensor<3x64xf32>, !w16 -> tensor<3x8xf32>
  return %x, %z : tensor<3x8xf32>, tensor<3x8xf32>
}

// A product that names its tables gets them, whatever the options say; its strategy may be named too.
// CHECK-LABEL: func @named
// F32-LABEL: func @named
func.func @named(%a: tensor<?x64xf32>, %q: !w32) -> tensor<?x8xf32> {
  // CHECK: lowbit.precompute {{.*}}element = i16, scale = table>
  // F32: lowbit.precompute {{.*}}element = i16, scale = table>
  %x = lowbit.matmul %a, %q {strategy = #lowbit.strategy<lut>, table = #lowbit.table_kind<i16, scale = table>}
      : tensor<?x64xf32>, !w32 -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// Halves are widened once for all their readers, and results rounded.
// CHECK-LABEL: func @halves
// CHECK-SAME: (%[[A:.*]]: tensor<?x64xf16>
func.func @halves(%a: tensor<?x64xf16>, %q: !w32, %v: !w16) -> (tensor<?x8xf16>, tensor<?x8xf32>) {
  // CHECK: %[[WIDE:.*]] = linalg.generic {{.*}} ins(%[[A]] : tensor<?x64xf16>) outs(%{{.*}} : tensor<?x64xf32>)
  // CHECK: arith.extf
  // CHECK-NOT: arith.extf
  // CHECK-COUNT-2: lowbit.precompute %[[WIDE]] : tensor<?x64xf32>
  // CHECK: %[[Y:.*]] = lowbit.lookup_matmul {{.*}} -> tensor<?x8xf32>
  // CHECK: linalg.generic {{.*}} ins(%[[Y]] : tensor<?x8xf32>) outs(%{{.*}} : tensor<?x8xf16>)
  // CHECK: arith.truncf
  %x = lowbit.matmul %a, %q : tensor<?x64xf16>, !w32 -> tensor<?x8xf16>
  %y = lowbit.matmul %a, %v : tensor<?x64xf16>, !w16 -> tensor<?x8xf32>
  return %x, %y : tensor<?x8xf16>, tensor<?x8xf32>
}

// Tables of codes are exact, with the codes' scales: the precompute stands after both.
// CHECK-LABEL: func @codes
// F32-LABEL: func @codes
func.func @codes(%a: tensor<?x64xf32>, %q: !w32) -> tensor<?x8xf32> {
  // CHECK: %[[C:.*]], %[[S:.*]] = lowbit.quantize_activations
  // CHECK-NEXT: lowbit.precompute %[[C]] scales(%[[S]] : tensor<?x1xf32>) {act_bits = 8 : i64} : tensor<?x64xi8> -> !lowbit.table<?x64, group = 32, element = i16, scale = row>
  // F32: lowbit.precompute {{.*}}element = i16, scale = row>
  %c, %s = lowbit.quantize_activations %a {bits = 8 : i64, kind = #lowbit.codes<absmax>} : tensor<?x64xf32> -> tensor<?x64xi8>, tensor<?x1xf32>
  %x = lowbit.matmul %c, %q scales(%s : tensor<?x1xf32>) {act_bits = 8 : i64} : tensor<?x64xi8>, !w32 -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// A product whose weight is not in planes stays, and a remark says what to do; a dense one stays as well.
// REMARK-DAG: [Missed] lowbit-split-precompute {{.*}} Reason="the weight is not in bit planes", Suggestion="run lowbit-canonicalize-weights first"
// CHECK-LABEL: func @not_split
func.func @not_split(%a: tensor<?x64xf32>, %w: !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>>, %q: !w32)
    -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK-NEXT: lowbit.matmul
  // CHECK-NEXT: lowbit.matmul
  %x = lowbit.matmul %a, %w : tensor<?x64xf32>, !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>> -> tensor<?x8xf32>
  %y = lowbit.matmul %a, %q {strategy = #lowbit.strategy<dense>} : tensor<?x64xf32>, !w32 -> tensor<?x8xf32>
  return %x, %y : tensor<?x8xf32>, tensor<?x8xf32>
}
