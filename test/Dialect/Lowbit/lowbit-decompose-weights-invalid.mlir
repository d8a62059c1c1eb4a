// What lowbit-decompose-weights cannot take apart.
// RUN: lutra-opt %s --lowbit-decompose-weights --split-input-file --verify-diagnostics

!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 6>>
func.func @no_constant(%a: tensor<?x16xf32>, %w: !nested) -> tensor<?x2xf32> {
  // expected-error @+1 {{expected a constant weight (lowbit.weight), since one of format #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 6> is taken apart at compile time}}
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !nested -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @precision_of_simple(%a: tensor<?x16xf32>, %w: !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>, %b: i32) -> tensor<?x2xf32> {
  // expected-error @+1 {{only a #lowbit.nested weight runs at a precision, but the format is #lowbit.uniform<bits = 4, group = 16>}}
  %y = lowbit.matmul %a, %w precision(%b) : tensor<?x16xf32>, !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

!nested = !lowbit.weight<2x16, #lowbit.nested<#lowbit.uniform<bits = 8, group = 16>, min_bits = 6>>
func.func @constant_precision(%a: tensor<?x16xf32>) -> tensor<?x2xf32> {
  %w = lowbit.weight {codes = dense<17> : tensor<2x1x16xi8>, scales = dense<0.5> : tensor<2x1xf32>} : !nested
  %five = arith.constant 5 : i32
  // expected-error @+1 {{the precision is 5 bits, but the weight runs at 6 to 8}}
  %y = lowbit.matmul %a, %w precision(%five) : tensor<?x16xf32>, !nested -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

!mixed = !lowbit.weight<2x2, #lowbit.mixed<rows = [2], formats = [#lowbit.uniform<bits = 4, group = 2>]>>
func.func @channel_twice(%a: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // expected-error @+1 {{rows 0 and 1 are both said to be output channel 1; the permutation must have each once}}
  %w = lowbit.weight {"0.codes" = dense<1> : tensor<2x1x1xi8>, "0.scales" = dense<0.5> : tensor<2x1xf32>, permutation = dense<1> : tensor<2xi32>} : !mixed
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !mixed -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

!mixed = !lowbit.weight<2x2, #lowbit.mixed<rows = [2], formats = [#lowbit.uniform<bits = 4, group = 2>]>>
func.func @channel_beyond(%a: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // expected-error @+1 {{row 1 is said to be output channel 2, but the channels are 0 to 1}}
  %w = lowbit.weight {"0.codes" = dense<1> : tensor<2x1x1xi8>, "0.scales" = dense<0.5> : tensor<2x1xf32>, permutation = dense<[0, 2]> : tensor<2xi32>} : !mixed
  %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !mixed -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

!columns = !lowbit.weight<1x16, #lowbit.outliers<#lowbit.uniform<bits = 4, group = 16>, columns = 2, value = f16>>
func.func @columns_descend(%a: tensor<?x16xf32>) -> tensor<?x1xf32> {
  // expected-error @+1 {{outliers must stand in ascending columns 0 to 15, but 2 comes after 3}}
  %w = lowbit.weight {body.codes = dense<17> : tensor<1x1x8xi8>, body.scales = dense<0.5> : tensor<1x1xf32>, columns = dense<[3, 2]> : tensor<2xi32>,
                      values = dense<1.0> : tensor<1x2xf16>} : !columns
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !columns -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

!entries = !lowbit.weight<2x16, #lowbit.outliers<#lowbit.uniform<bits = 4, group = 16>, entries = 2, value = f16>>
func.func @none_before_one(%a: tensor<?x16xf32>) -> tensor<?x2xf32> {
  // expected-error @+1 {{outliers must stand in ascending columns 0 to 15, -1 only at the end, but in row 1 5 comes after -1}}
  %w = lowbit.weight {body.codes = dense<17> : tensor<2x1x8xi8>, body.scales = dense<0.5> : tensor<2x1xf32>,
                      indices = dense<[[3, -1], [-1, 5]]> : tensor<2x2xi32>, values = dense<1.0> : tensor<2x2xf16>} : !entries
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !entries -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

!entries = !lowbit.weight<1x16, #lowbit.outliers<#lowbit.uniform<bits = 4, group = 16>, entries = 2, value = f16>>
func.func @beyond_the_row(%a: tensor<?x16xf32>) -> tensor<?x1xf32> {
  // expected-error @+1 {{outliers must stand in ascending columns 0 to 15, -1 only at the end, but in row 0 16 comes after 3}}
  %w = lowbit.weight {body.codes = dense<17> : tensor<1x1x8xi8>, body.scales = dense<0.5> : tensor<1x1xf32>,
                      indices = dense<[[3, 16]]> : tensor<1x2xi32>, values = dense<1.0> : tensor<1x2xf16>} : !entries
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !entries -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
