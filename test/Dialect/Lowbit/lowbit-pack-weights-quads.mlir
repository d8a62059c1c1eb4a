// RUN: lutra-opt %s --lowbit-pack-weights=quads | FileCheck %s
// RUN: lutra-opt %s --lowbit-pack-weights | FileCheck %s --check-prefix=PLAIN
// RUN: not lutra-opt %s --lowbit-pack-weights='symmetric quads' 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: lutra-opt %s --lowbit-pack-weights=quads --remark-policy=all --remarks-filter=lowbit-pack-weights -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// REFUSED: quads are full indices, symmetric is for half tables; leave one out
// PLAIN-NOT: quads

!one = !lowbit.weight<2x32, #lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>>
!two = !lowbit.weight<2x16, #lowbit.bipolar<planes = 2, group = 16>>
!four = !lowbit.weight<2x32, #lowbit.bipolar<planes = 4, group = 32, zeta = 0.0 : f32>>
!short = !lowbit.weight<2x16, #lowbit.bipolar<planes = 1, group = 16, zeta = 0.0 : f32>>
!long = !lowbit.weight<2x1537, #lowbit.bipolar<planes = 1, group = 1537, zeta = 0.0 : f32>>
!floats = !lowbit.table<?x32, group = 32, element = i8>
!row = !lowbit.table<?x16, group = 16, element = i8, scale = row>
!group16 = !lowbit.table<?x16, group = 16, element = i8>
!group1537 = !lowbit.table<?x1537, group = 1537, element = i8>
!tables = !lowbit.table<?x32, group = 32, element = i8, scale = table>
!codes = !lowbit.table<?x32, group = 32, element = i16>

// A whole quad of one plane, and one of two.
// CHECK-LABEL: func @whole
// CHECK: lowbit.pack {{.*}} #lowbit.layout<rows = 64, alpha = f16, quads = true>
// CHECK: lowbit.pack {{.*}} #lowbit.layout<rows = 64, alpha = f16, zeta = f16, quads = true>
func.func @whole(%t: !floats, %u: !row) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = lowbit.weight {codes = dense<3> : tensor<2x1x4xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !one
  %b = lowbit.weight {codes = dense<3> : tensor<2x1x4xi8>, alphas = dense<0.5> : tensor<2x1xf32>, zetas = dense<[[1.0], [0.5]]> : tensor<2x1xf32>} : !two
  %y = lowbit.lookup_matmul %t, %a : !floats, !one -> tensor<?x2xf32>
  %z = lowbit.lookup_matmul %u, %b : !row, !two -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// 193 pairs of tables are padded to 196: 196 bytes and an f16 for each of 64 rows.
// CHECK-LABEL: func @padded
// CHECK: quads = true
// REMARK: bytes=12672
func.func @padded(%t: !group1537) -> tensor<?x2xf32> {
  %a = lowbit.weight {codes = dense<3> : tensor<2x1x193xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !long
  %y = lowbit.lookup_matmul %t, %a : !group1537, !long -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// Products that multiply codes read a lane of 32 bits as it is, alone or beside lookups.
// CHECK-LABEL: func @multiplied
// CHECK-COUNT-2: lowbit.pack {{.*}} quads = true>
func.func @multiplied(%q: tensor<?x32xi8>, %s: tensor<?x1xf32>, %t: !floats) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = lowbit.weight {codes = dense<5> : tensor<2x1x4xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !one
  %b = lowbit.weight {codes = dense<6> : tensor<2x1x4xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !one
  %p = lowbit.precompute %q scales(%s : tensor<?x1xf32>) : tensor<?x32xi8> -> !codes
  %y0 = lowbit.lookup_matmul %p, %a : !codes, !one -> tensor<?x2xf32>
  %y1 = lowbit.lookup_matmul %t, %b : !floats, !one -> tensor<?x2xf32>
  %y2 = lowbit.lookup_matmul %p, %b : !codes, !one -> tensor<?x2xf32>
  return %y0, %y1, %y2 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// Four planes are neighbours as they are; half a quad; a scale for each table; and codes that make numbers of 16 bits of floats.
// CHECK-LABEL: func @others
// CHECK-COUNT-4: lowbit.pack
// CHECK-NOT: quads
func.func @others(%f: tensor<?x32xf32>, %t: !floats, %u: !group16, %v: !tables)
    -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = lowbit.weight {codes = dense<3> : tensor<2x1x16xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !four
  %b = lowbit.weight {codes = dense<3> : tensor<2x1x2xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !short
  %c = lowbit.weight {codes = dense<5> : tensor<2x1x4xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !one
  %d = lowbit.weight {codes = dense<6> : tensor<2x1x4xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !one
  %p = lowbit.precompute %f : tensor<?x32xf32> -> !codes
  %y0 = lowbit.lookup_matmul %t, %a : !floats, !four -> tensor<?x2xf32>
  %y1 = lowbit.lookup_matmul %u, %b : !group16, !short -> tensor<?x2xf32>
  %y2 = lowbit.lookup_matmul %v, %c : !tables, !one -> tensor<?x2xf32>
  %y3 = lowbit.lookup_matmul %t, %d : !floats, !one -> tensor<?x2xf32>
  %y4 = lowbit.lookup_matmul %p, %d : !codes, !one -> tensor<?x2xf32>
  return %y0, %y1, %y2, %y3, %y4 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
