// RUN: lutra-opt %s --lowbit-canonicalize-weights --canonicalize --split-input-file | FileCheck %s
// RUN: lutra-opt %s --lowbit-canonicalize-weights=narrow=false --canonicalize --split-input-file | FileCheck %s --check-prefix=WIDE
// RUN: lutra-opt %s --lowbit-canonicalize-weights --remark-policy=all --remarks-filter=lowbit-canonicalize-weights --split-input-file -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The midpoint is zeta = -1, and codes that use all bits stay. Two products share one conversion.
// CHECK-LABEL: func @midpoint
// CHECK: %[[W:.*]] = lowbit.weight {codes = dense<[{{\[}}[15, -16]]]>
// CHECK-NEXT: %[[P:.*]] = lowbit.reinterpret %[[W]] : !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4>> to !lowbit.weight<1x4, #lowbit.bipolar<planes = 4, group = 4, zeta = -1.000000e+00 : f32>>
// CHECK-NEXT: lowbit.matmul %{{.*}}, %[[P]]
// CHECK-NEXT: lowbit.matmul %{{.*}}, %[[P]]
func.func @midpoint(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  %w = lowbit.weight {codes = dense<[[[15, 240]]]> : tensor<1x1x2xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4>>
  %x = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4>> -> tensor<?x1xf32>
  %y = lowbit.matmul %b, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4>> -> tensor<?x1xf32>
  return %x, %y : tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// 8-bit codes 120 .. 135 around the midpoint 128 are the 4-bit codes 0 .. 15 around 8: bytes 0x70 and 0xf8.
// REMARK: remark: [Passed] lowbit-canonicalize-weights {{.*}} Reason="the codes use 4 of 8 bits"
// CHECK-LABEL: func @narrow_midpoint
// CHECK: lowbit.weight {codes = dense_resource<[[CODES:.*]]> : tensor<1x1x2xi8>, scales = dense<5.000000e-01> : tensor<1x1xf32>} : !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4>>
// CHECK: zeta = -1.000000e+00 : f32
// CHECK: [[CODES]]: "0x4000000070F8"
// WIDE-LABEL: func @narrow_midpoint
// WIDE: to !lowbit.weight<1x4, #lowbit.bipolar<planes = 8, group = 4, zeta = -1.000000e+00 : f32>>
func.func @narrow_midpoint(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<[[[120, 127, 128, 135]]]> : tensor<1x1x4xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 8, group = 4>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 8, group = 4>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Codes on one side of the midpoint need a plane less with an integer zero point: 8 .. 11 become 0 .. 3, z = 0, zeta = 3.
// CHECK-LABEL: func @narrow_one_side
// CHECK: zeros = dense<0> : tensor<1x1xi8>} : !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 4, zero = integer>>
// CHECK: to !lowbit.weight<1x4, #lowbit.bipolar<planes = 2, group = 4, zeta = 3.000000e+00 : f32>>
// CHECK: "0x40000000E4"
func.func @narrow_one_side(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // Codes 8, 9, 10, 11.
  %w = lowbit.weight {codes = dense<[[[152, 186]]]> : tensor<1x1x2xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Ternary codes 1, 2, 3 with the zero point 2: two planes suffice.
// CHECK-LABEL: func @ternary
// CHECK: lowbit.reinterpret %{{.*}} : !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 4>> to !lowbit.weight<1x4, #lowbit.bipolar<planes = 2, group = 4, zeta = -1.000000e+00 : f32>>
func.func @ternary(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<[[[7, 8, 9, 9]]]> : tensor<1x1x4xi8>, scales = dense<0.5> : tensor<1x1xf32>, zeros = dense<8> : tensor<1x1xi8>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 8, group = 4, zero = integer>>
  %v = lowbit.weight {codes = dense<57> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 4>>
  %y = lowbit.matmul %a, %v : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 4>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Integer zero points move with the codes, as far as the least of them goes (2 here): codes 3 .. 9 become 1 .. 7.
// CHECK-LABEL: func @narrow_integer
// CHECK: lowbit.weight {codes = dense_resource<[[CODES:.*]]> : tensor<1x2x1xi8>, {{.*}}zeros = dense_resource<[[ZEROS:.*]]> : tensor<1x2xi8>} : !lowbit.weight<1x4, #lowbit.uniform<bits = 3, group = 2, zero = integer>>
// CHECK: to !lowbit.weight<1x4, #lowbit.bipolar<planes = 3, group = 2>>
// CHECK-DAG: [[CODES]]: "0x400000003919"
// CHECK-DAG: [[ZEROS]]: "0x400000000006"
func.func @narrow_integer(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // Codes 3, 9 and 3, 5.
  %w = lowbit.weight {codes = dense<[[[147], [83]]]> : tensor<1x2x1xi8>, scales = dense<0.5> : tensor<1x2xf32>, zeros = dense<[[2, 8]]> : tensor<1x2xi8>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 2, zero = integer>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 2, zero = integer>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Equal integer zero points are a constant zeta: 3 - 2 * 1 = 1.
// CHECK-LABEL: func @constant_integer
// CHECK: to !lowbit.weight<1x4, #lowbit.bipolar<planes = 2, group = 2, zeta = 1.000000e+00 : f32>>
func.func @constant_integer(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<[[[12], [3]]]> : tensor<1x2x1xi8>, scales = dense<0.5> : tensor<1x2xf32>, zeros = dense<[[1, 1]]> : tensor<1x2xi8>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 2, zero = integer>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 2, group = 2, zero = integer>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Float zero points: high bits that no code uses go, the codes do not move. Codes 4, 5, 6, 7 keep three bits.
// CHECK-LABEL: func @narrow_float
// CHECK: zeros = dense<{{\[}}[2.500000e-01, 7.500000e-01]]> : tensor<1x2xf32>} : !lowbit.weight<1x4, #lowbit.uniform<bits = 3, group = 2, zero = float>>
// CHECK: to !lowbit.weight<1x4, #lowbit.bipolar<planes = 3, group = 2>>
func.func @narrow_float(%a: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = lowbit.weight {codes = dense<[[[84], [118]]]> : tensor<1x2x1xi8>, scales = dense<0.5> : tensor<1x2xf32>, zeros = dense<[[0.25, 0.75]]> : tensor<1x2xf32>}
      : !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 2, zero = float>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 2, zero = float>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// What lies in the padding of the last group does not keep bits alive: the third element is code 15 in a weight of 2 columns.
// CHECK-LABEL: func @padding
// CHECK: #lowbit.uniform<bits = 1, group = 4
func.func @padding(%a: tensor<?x2xf32>) -> tensor<?x1xf32> {
  // Codes 7, 8 | 15, 0.
  %w = lowbit.weight {codes = dense<[[[135, 15]]]> : tensor<1x1x2xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 4>>
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 4>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// A weight that is no constant is reinterpreted; only the midpoint has a zeta that is known.
// CHECK-LABEL: func @arguments
// CHECK: to !lowbit.weight<1x4, #lowbit.bipolar<planes = 4, group = 4, zeta = -1.000000e+00 : f32>>
// CHECK: to !lowbit.weight<1x4, #lowbit.bipolar<planes = 4, group = 4>>
func.func @arguments(%a: tensor<?x4xf32>, %w: !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4>>,
                     %v: !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4, zero = integer>>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  %x = lowbit.matmul %a, %v : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4, zero = integer>> -> tensor<?x1xf32>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4>> -> tensor<?x1xf32>
  return %x, %y : tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// Planes stay what they are.
// CHECK-LABEL: func @planes
// CHECK-NOT: lowbit.reinterpret
func.func @planes(%a: tensor<?x4xf32>, %w: !lowbit.weight<1x4, #lowbit.bipolar<planes = 4, group = 4>>) -> tensor<?x1xf32> {
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<1x4, #lowbit.bipolar<planes = 4, group = 4>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
