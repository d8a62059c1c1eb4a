// RUN: lutra-opt %s --lowbit-canonicalize-weights --split-input-file --verify-diagnostics

func.func @no_data(%a: tensor<?x16xf32>) -> tensor<?x2xf32> {
  // expected-error @+1 {{component 'codes': the resource 'absent' has no data; give it in the file's dialect_resources section}}
  %w = lowbit.weight {codes = dense_resource<absent> : tensor<2x1x8xi8>, scales = dense<0.5> : tensor<2x1xf32>}
      : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
  %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
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
