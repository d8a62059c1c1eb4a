// RUN: lutra-opt %s --lowbit-canonicalize-weights --split-input-file --verify-diagnostics

func.func @no_data(%a: tensor<?x16xf32>) -> tensor<?x2xf32> {
  // expected-error @+1 {{component 'codes': the resource 'absent' has no data; give it in the file's dialect_resources section}}
  %w = lowbit.weight {codes = dense_resource<absent> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>}
      : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Codes 0, 1, 2, 2 | 0, 0, 3, 0.
func.func @two_bit(%a: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // expected-error @+1 {{'lowbit.weight' op row 1, column 2 has the ternary code 3, but a 2-bit code is 0, 1 or 2}}
  %w = lowbit.weight {codes = dense<[[[164]], [[48]]]> : tensor<2x1x1xi8>, scales = dense<0.5> : tensor<2x1xf32>}
      : !lowbit.weight<2x4, #lowbit.ternary<group = 4>>
  %y = lowbit.matmul %a, %w : tensor<?x4xf32>, !lowbit.weight<2x4, #lowbit.ternary<group = 4>> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @five_in_eight(%a: tensor<?x14xf32>) -> tensor<?x1xf32> {
  // expected-error @+1 {{row 0, column 12 has the ternary code 243, but a byte of five digits is at most 242}}
  %w = lowbit.weight {codes = dense<[[[242, 0, 0], [243, 255, 255]]]> : tensor<1x2x3xi8>, scales = dense<0.5> : tensor<1x2xf32>}
      : !lowbit.weight<1x14, #lowbit.ternary<group = 12, storage = five_in_eight>>
  %y = lowbit.matmul %a, %w : tensor<?x14xf32>, !lowbit.weight<1x14, #lowbit.ternary<group = 12, storage = five_in_eight>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

func.func @three_in_five(%a: tensor<?x6xf32>) -> tensor<?x1xf32> {
  // expected-error @+1 {{row 0, column 3 has the ternary code 14, but a nibble of three digits is at most 13}}
  %w = lowbit.weight {codes = dense<[[[237, 3]]]> : tensor<1x1x2xi8>, scales = dense<0.5> : tensor<1x1xf32>}
      : !lowbit.weight<1x6, #lowbit.ternary<group = 6, storage = three_in_five>>
  %y = lowbit.matmul %a, %w : tensor<?x6xf32>, !lowbit.weight<1x6, #lowbit.ternary<group = 6, storage = three_in_five>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

func.func @short_data(%a: tensor<?x16xf32>) -> tensor<?x2xf32> {
  // expected-error @+1 {{component 'codes' needs 16 bytes, but its data has 3}}
  %w = lowbit.weight {codes = dense_resource<short> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>}
      : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      short: "0x01000000010203"
    }
  }
#-}
