// docs/spec/numerics.md, "The lookup product": one function a rule, values by hand. The same values after each step of the way:
// planes, tables, packed bytes, tensors of lut.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-canonicalize-weights --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-canonicalize-weights --lowbit-split-precompute --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-canonicalize-weights --lowbit-split-precompute --lowbit-symmetrize-tables --lowbit-pack-weights=symmetric \
// RUN:   --lowbit-interpret --verify-diagnostics
// RUN: lutra-opt %s --lowbit-canonicalize-weights --lowbit-split-precompute --lowbit-pack-weights --convert-lowbit-to-lut \
// RUN:   --lowbit-interpret --verify-diagnostics

#f32 = #lowbit.table_kind<f32>
#f16 = #lowbit.table_kind<f16>
#i16 = #lowbit.table_kind<i16>
#i8 = #lowbit.table_kind<i8>
#i8t = #lowbit.table_kind<i8, scale = table>
#i8r = #lowbit.table_kind<i8, scale = row>
#i16t = #lowbit.table_kind<i16, scale = table>

!W = !lowbit.weight<1x4, #lowbit.bipolar<planes = 2, group = 4, zeta = 3.0 : f32>>

// Codes 0, 1, 2, 3: 0.5 (sum_p 2^p s_p + 3) is 0, 1, 2, 3.
func.func @bipolar() -> (tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[10.0, 20.0, 30.0, 40.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>, alphas = dense<0.5> : tensor<1x1xf32>} : !W
  %0 = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !W -> tensor<1x1xf32>
  %1 = lowbit.matmul %a, %w {table = #f16} : tensor<1x4xf32>, !W -> tensor<1x1xf32>
  %2 = lowbit.matmul %a, %w {table = #i16} : tensor<1x4xf32>, !W -> tensor<1x1xf32>
  %3 = lowbit.matmul %a, %w {table = #i8} : tensor<1x4xf32>, !W -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[200]]}}
  // expected-remark@below {{result 1: 'tensor<1x1xf32>' = [[200]]}}
  // expected-remark@below {{result 2: 'tensor<1x1xf32>' = [[200]]}}
  // expected-remark@below {{result 3: 'tensor<1x1xf32>' = [[200]]}}
  return %0, %1, %2, %3 : tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>
}

!B = !lowbit.weight<1x4, #lowbit.bcq<planes = 2, group = 4>>

// 0.5 * 20 + 3 * 40 - 100, with the entries' rounding for i8 (25 and 51 of 127) and i16.
func.func @bcq() -> (tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[10.0, 20.0, 30.0, 40.0]]> : tensor<1x4xf32>
  %w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>, alphas = dense<[[[0.5, 3.0]]]> : tensor<1x1x2xf32>,
                      betas = dense<-1.0> : tensor<1x1xf32>} : !B
  %0 = lowbit.matmul %a, %w {table = #f32} : tensor<1x4xf32>, !B -> tensor<1x1xf32>
  %1 = lowbit.matmul %a, %w {table = #i8} : tensor<1x4xf32>, !B -> tensor<1x1xf32>
  %2 = lowbit.matmul %a, %w {table = #i16} : tensor<1x4xf32>, !B -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[30]]}}
  // expected-remark@below {{result 1: 'tensor<1x1xf32>' = [[30.314957]]}}
  // expected-remark@below {{result 2: 'tensor<1x1xf32>' = [[30.00122]]}}
  return %0, %1, %2 : tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>
}

!W8 = !lowbit.weight<1x8, #lowbit.bipolar<planes = 2, group = 8, zeta = -0.5 : f32>>

// Runs of tables with one scale: u starts from zeta asum and takes them in, one fma each, table after table.
func.func @scales_of_tables() -> (tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 100.0, 200.0, 300.0, 400.0]]> : tensor<1x8xf32>
  %w = lowbit.weight {codes = dense<"0x93C6"> : tensor<1x1x2xi8>, alphas = dense<0.25> : tensor<1x1xf32>} : !W8
  %0 = lowbit.matmul %a, %w {table = #f32} : tensor<1x8xf32>, !W8 -> tensor<1x1xf32>
  %1 = lowbit.matmul %a, %w {table = #i8t} : tensor<1x8xf32>, !W8 -> tensor<1x1xf32>
  %2 = lowbit.matmul %a, %w {table = #i8} : tensor<1x8xf32>, !W8 -> tensor<1x1xf32>
  %3 = lowbit.matmul %a, %w {table = #i8r} : tensor<1x8xf32>, !W8 -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[-76.75]]}}
  // expected-remark@below {{result 1: 'tensor<1x1xf32>' = [[-77.529526]]}}
  // expected-remark@below {{result 2: 'tensor<1x1xf32>' = [[-77.0374]]}}
  // expected-remark@below {{result 3: 'tensor<1x1xf32>' = [[-77.0374]]}}
  return %0, %1, %2, %3 : tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>
}

!U = !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4>>
!UI = !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4, zero = integer>>
!UF = !lowbit.weight<1x4, #lowbit.uniform<bits = 4, group = 4, zero = float>>

// Codes 1, 2, 3, 15 times 10, 20, 30, 40, the zero point taken away: 2 (740 - 8 * 100), 2 (740 - 3 * 100), 2 (740 - 0.25 * 100).
func.func @zero_points() -> (tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[10.0, 20.0, 30.0, 40.0]]> : tensor<1x4xf32>
  %m = lowbit.weight {codes = dense<"0x21F3"> : tensor<1x1x2xi8>, scales = dense<2.0> : tensor<1x1xf32>} : !U
  %i = lowbit.weight {codes = dense<"0x21F3"> : tensor<1x1x2xi8>, scales = dense<2.0> : tensor<1x1xf32>, zeros = dense<3> : tensor<1x1xi8>} : !UI
  %f = lowbit.weight {codes = dense<"0x21F3"> : tensor<1x1x2xi8>, scales = dense<2.0> : tensor<1x1xf32>, zeros = dense<0.25> : tensor<1x1xf32>} : !UF
  %0 = lowbit.matmul %a, %m {table = #f32} : tensor<1x4xf32>, !U -> tensor<1x1xf32>
  %1 = lowbit.matmul %a, %i {table = #f32} : tensor<1x4xf32>, !UI -> tensor<1x1xf32>
  %2 = lowbit.matmul %a, %f {table = #f32} : tensor<1x4xf32>, !UF -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[-120]]}}
  // expected-remark@below {{result 1: 'tensor<1x1xf32>' = [[880]]}}
  // expected-remark@below {{result 2: 'tensor<1x1xf32>' = [[1430]]}}
  return %0, %1, %2 : tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>
}

// Integers times what one is worth: exact sums. 0.5 (127 * 0 - 128 * 1 + 100 * 2 + 7 * 3) * 0.5.
func.func @integer_activations() -> (tensor<1x1xf32>) {
  %a = arith.constant dense<[[127, -128, 100, 7]]> : tensor<1x4xi8>
  %s = arith.constant dense<0.5> : tensor<1x1xf32>
  %w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>, alphas = dense<0.5> : tensor<1x1xf32>} : !W
  %0 = lowbit.matmul %a, %w scales(%s : tensor<1x1xf32>) : tensor<1x4xi8>, !W -> tensor<1x1xf32>
  // expected-remark@below {{[[46.5]]}}
  return %0 : tensor<1x1xf32>
}

// Narrow activations mean their exact f32 values.
func.func @narrow_activations() -> (tensor<1x1xf32>, tensor<1x1xf32>) {
  %h = arith.constant dense<[[10.0, 20.0, 30.0, 40.0]]> : tensor<1x4xf16>
  %b = arith.constant dense<[[10.0, 20.0, 30.0, 40.0]]> : tensor<1x4xbf16>
  %w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>, alphas = dense<0.5> : tensor<1x1xf32>} : !W
  %0 = lowbit.matmul %h, %w {table = #f32} : tensor<1x4xf16>, !W -> tensor<1x1xf32>
  %1 = lowbit.matmul %b, %w {table = #f32} : tensor<1x4xbf16>, !W -> tensor<1x1xf32>
  // expected-remark@below {{result 0: 'tensor<1x1xf32>' = [[200]]}}
  // expected-remark@below {{result 1: 'tensor<1x1xf32>' = [[200]]}}
  return %0, %1 : tensor<1x1xf32>, tensor<1x1xf32>
}

!N = !lowbit.weight<2x8, #lowbit.bipolar<planes = 2, group = 4, zeta = 3.0 : f32>>

// An infinity makes its row's outputs infinite or NaN, and no other row's.
func.func @not_finite() -> tensor<2xi1> {
  %a = arith.constant dense<[[1.0, 1.0, 1.0, 0x7F800000, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]]> : tensor<2x8xf32>
  %w = lowbit.weight {codes = dense<1> : tensor<2x2x1xi8>, alphas = dense<0.5> : tensor<2x2xf32>} : !N
  %0 = lowbit.matmul %a, %w {table = #i8} : tensor<2x8xf32>, !N -> tensor<2x2xf32>
  %x = arith.subf %0, %0 : tensor<2x2xf32>
  %y = tensor.extract_slice %x[0, 1] [2, 1] [1, 1] : tensor<2x2xf32> to tensor<2xf32>
  %z = arith.constant dense<0.0> : tensor<2xf32>
  %f = arith.cmpf oeq, %y, %z : tensor<2xf32>
  // expected-remark@below {{[false, true]}}
  return %f : tensor<2xi1>
}

// One output after another, groups ascending, each an fma onto y: 2^24 + 1 + 1 stays 2^24.
func.func @order_of_groups() -> tensor<1x1xf32> {
  %a = arith.constant dense<[[16777216.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]]> : tensor<1x12xf32>
  %w = lowbit.weight {codes = dense<"0x0F0F0F"> : tensor<1x3x1xi8>, alphas = dense<1.0> : tensor<1x3xf32>}
      : !lowbit.weight<1x12, #lowbit.bipolar<planes = 1, group = 4, zeta = 0.0 : f32>>
  %0 = lowbit.matmul %a, %w {table = #f32} : tensor<1x12xf32>, !lowbit.weight<1x12, #lowbit.bipolar<planes = 1, group = 4, zeta = 0.0 : f32>> -> tensor<1x1xf32>
  // expected-remark@below {{[[16777216]]}}
  return %0 : tensor<1x1xf32>
}
