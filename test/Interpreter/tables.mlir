// docs/spec/numerics.md, "Tables" and "Activations as integers": one function a rule, values by hand.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics

// Entry i: bit j of i is the sign of activation j. T[~i] = -T[i].
func.func @signs_of_entries() -> tensor<1x1x32xf32> {
  %a = arith.constant dense<[[1.0, 2.0, 4.0, 8.0]]> : tensor<1x4xf32>
  %e = tensor.empty() : tensor<1x1x32xf32>
  %s = tensor.empty() : tensor<1x1xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x4xf32>) outs(%e, %s, %s : tensor<1x1x32xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {group = 4 : i64}
      -> tensor<1x1x32xf32>, tensor<1x1xf32>, tensor<1x1xf32>
  // An even number of tables: the second is padding.
  // expected-remark@below {{[[[-15, -13, -11, -9, -7, -5, -3, -1, 1, 3, 5, 7, 9, 11, 13, 15, -0, -0, -0, -0, -0, -0, -0, -0, 0, 0, 0, 0, 0, 0, 0, 0]]]}}
  return %t#0 : tensor<1x1x32xf32>
}

// ((a0 + a1) + a2) + a3: 2^24 + 1 is lost before 2^24 is taken away. Another order would give 1.5.
func.func @order_of_additions() -> (tensor<1xf32>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[1.0, 16777216.0, -16777216.0, 0.5]]> : tensor<1x4xf32>
  %e = tensor.empty() : tensor<1x1x32xf32>
  %s = tensor.empty() : tensor<1x1xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x4xf32>) outs(%e, %s, %s : tensor<1x1x32xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {group = 4 : i64}
      -> tensor<1x1x32xf32>, tensor<1x1xf32>, tensor<1x1xf32>
  %x = tensor.extract_slice %t#0[0, 0, 15] [1, 1, 1] [1, 1, 1] : tensor<1x1x32xf32> to tensor<1xf32>
  // expected-remark@below {{result 0: 'tensor<1xf32>' = [0.5]}}
  // expected-remark@below {{result 1: 'tensor<1x1xf32>' = [[0.5]]}}
  return %x, %t#2 : tensor<1xf32>, tensor<1x1xf32>
}

// The lower half is negated, not added up again: where a sum cancels to +0, its complement is -0.
func.func @sign_of_zero() -> tensor<1x1x16xf32> {
  %a = arith.constant dense<[[1.0, -1.0, 0.0, 0.0]]> : tensor<1x4xf32>
  %e = tensor.empty() : tensor<1x1x32xf32>
  %s = tensor.empty() : tensor<1x1xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x4xf32>) outs(%e, %s, %s : tensor<1x1x32xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {group = 4 : i64}
      -> tensor<1x1x32xf32>, tensor<1x1xf32>, tensor<1x1xf32>
  %x = tensor.extract_slice %t#0[0, 0, 0] [1, 1, 16] [1, 1, 1] : tensor<1x1x32xf32> to tensor<1x1x16xf32>
  // expected-remark@below {{[[[-0, 2, -2, -0, -0, 2, -2, -0, 0, 2, -2, 0, 0, 2, -2, 0]]]}}
  return %x : tensor<1x1x16xf32>
}

// Groups of 6 in 10 columns: padding ends each group, and the last is short. Sums are added table by table.
func.func @padding_and_sums() -> (tensor<2x4xf32>, tensor<1x2xf32>, tensor<1x2xf32>) {
  %a = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]]> : tensor<1x10xf32>
  %e = tensor.empty() : tensor<1x2x32xf32>
  %s = tensor.empty() : tensor<1x2xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x10xf32>) outs(%e, %s, %s : tensor<1x2x32xf32>, tensor<1x2xf32>, tensor<1x2xf32>) {group = 6 : i64}
      -> tensor<1x2x32xf32>, tensor<1x2xf32>, tensor<1x2xf32>
  // Entries 19 (1 1 0 0 of the second table) and 31.
  %x = tensor.extract_slice %t#0[0, 0, 19] [1, 2, 4] [1, 1, 4] : tensor<1x2x32xf32> to tensor<2x4xf32>
  // expected-remark@below {{result 0: 'tensor<2x4xf32>' = [[11, 11, 11, 11], [-0, -0, 0, 0]]}}
  // expected-remark@below {{result 1: 'tensor<1x2xf32>' = [[1, 1]]}}
  // expected-remark@below {{result 2: 'tensor<1x2xf32>' = [[21, 34]]}}
  return %x, %t#1, %t#2 : tensor<2x4xf32>, tensor<1x2xf32>, tensor<1x2xf32>
}

// ts = amax / 127 (by the constant), entries rounded to nearest even of T * (127 / amax).
func.func @i8_entries() -> (tensor<1x1x16xi8>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[1.0, 2.0, 4.0, 8.0]]> : tensor<1x4xf32>
  %e = tensor.empty() : tensor<1x1x32xi8>
  %s = tensor.empty() : tensor<1x1xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x4xf32>) outs(%e, %s, %s : tensor<1x1x32xi8>, tensor<1x1xf32>, tensor<1x1xf32>) {group = 4 : i64}
      -> tensor<1x1x32xi8>, tensor<1x1xf32>, tensor<1x1xf32>
  %x = tensor.extract_slice %t#0[0, 0, 0] [1, 1, 16] [1, 1, 1] : tensor<1x1x32xi8> to tensor<1x1x16xi8>
  // expected-remark@below {{result 0: 'tensor<1x1x16xi8>' = [[[-127, -110, -93, -76, -59, -42, -25, -8, 8, 25, 42, 59, 76, 93, 110, 127]]]}}
  // expected-remark@below {{result 1: 'tensor<1x1xf32>' = [[0.11811024]]}}
  // expected-remark@below {{result 2: 'tensor<1x1xf32>' = [[15]]}}
  return %x, %t#1, %t#2 : tensor<1x1x16xi8>, tensor<1x1xf32>, tensor<1x1xf32>
}

func.func @i16_entries() -> (tensor<1x1x16xi16>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[1.0, 2.0, 4.0, 8.0]]> : tensor<1x4xf32>
  %e = tensor.empty() : tensor<1x1x32xi16>
  %s = tensor.empty() : tensor<1x1xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x4xf32>) outs(%e, %s, %s : tensor<1x1x32xi16>, tensor<1x1xf32>, tensor<1x1xf32>) {group = 4 : i64}
      -> tensor<1x1x32xi16>, tensor<1x1xf32>, tensor<1x1xf32>
  %x = tensor.extract_slice %t#0[0, 0, 0] [1, 1, 16] [1, 1, 1] : tensor<1x1x32xi16> to tensor<1x1x16xi16>
  // expected-remark@below {{[[[-32767, -28398, -24029, -19660, -15291, -10922, -6553, -2184, 2184, 6553, 10922, 15291, 19660, 24029, 28398, 32767]]]}}
  // expected-remark@below {{[[0.00045777764]]}}
  return %x, %t#1 : tensor<1x1x16xi16>, tensor<1x1xf32>
}

// f16 entries are the exact ones rounded.
func.func @f16_entries() -> (tensor<1x1x16xf16>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[0.1, 0.2, 0.3, 0.4]]> : tensor<1x4xf32>
  %e = tensor.empty() : tensor<1x1x32xf16>
  %s = tensor.empty() : tensor<1x1xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x4xf32>) outs(%e, %s, %s : tensor<1x1x32xf16>, tensor<1x1xf32>, tensor<1x1xf32>) {group = 4 : i64}
      -> tensor<1x1x32xf16>, tensor<1x1xf32>, tensor<1x1xf32>
  %x = tensor.extract_slice %t#0[0, 0, 0] [1, 1, 16] [1, 1, 1] : tensor<1x1x32xf16> to tensor<1x1x16xf16>
  // expected-remark@below {{[[[-1, -0.8, -0.6, -0.4, -0.4, -0.2, -0, 0.2, -0.2, 0, 0.2, 0.4, 0.4, 0.6, 0.8, 1]]]}}
  // expected-remark@below {{[[1]]}}
  return %x, %t#1 : tensor<1x1x16xf16>, tensor<1x1xf32>
}

// A scale for each table, each group, or the row: small neighbours of large tables keep their digits only with their own.
func.func @shared_scales() -> (tensor<1x2xf32>, tensor<1x1xf32>, tensor<2x4xi8>, tensor<2x4xi8>) {
  %a = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 100.0, 200.0, 300.0, 400.0]]> : tensor<1x8xf32>
  %e = tensor.empty() : tensor<1x1x32xi8>
  %s2 = tensor.empty() : tensor<1x2xf32>
  %s1 = tensor.empty() : tensor<1x1xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x8xf32>) outs(%e, %s2, %s1 : tensor<1x1x32xi8>, tensor<1x2xf32>, tensor<1x1xf32>) {group = 8 : i64}
      -> tensor<1x1x32xi8>, tensor<1x2xf32>, tensor<1x1xf32>
  %g:3 = lut.precompute ins(%a : tensor<1x8xf32>) outs(%e, %s1, %s1 : tensor<1x1x32xi8>, tensor<1x1xf32>, tensor<1x1xf32>) {group = 8 : i64}
      -> tensor<1x1x32xi8>, tensor<1x1xf32>, tensor<1x1xf32>
  %tr = tensor.collapse_shape %t#0 [[0, 1, 2]] : tensor<1x1x32xi8> into tensor<32xi8>
  %gr = tensor.collapse_shape %g#0 [[0, 1, 2]] : tensor<1x1x32xi8> into tensor<32xi8>
  %t2 = tensor.expand_shape %tr [[0, 1]] output_shape [2, 16] : tensor<32xi8> into tensor<2x16xi8>
  %g2 = tensor.expand_shape %gr [[0, 1]] output_shape [2, 16] : tensor<32xi8> into tensor<2x16xi8>
  %x = tensor.extract_slice %t2[0, 12] [2, 4] [1, 1] : tensor<2x16xi8> to tensor<2x4xi8>
  %y = tensor.extract_slice %g2[0, 12] [2, 4] [1, 1] : tensor<2x16xi8> to tensor<2x4xi8>
  // expected-remark@below {{result 0: 'tensor<1x2xf32>' = [[0.07874016, 7.874016]]}}
  // expected-remark@below {{result 1: 'tensor<1x1xf32>' = [[7.874016]]}}
  // expected-remark@below {{result 2: 'tensor<2x4xi8>' = [[51, 76, 102, 127], [51, 76, 102, 127]]}}
  // expected-remark@below {{result 3: 'tensor<2x4xi8>' = [[1, 1, 1, 1], [51, 76, 102, 127]]}}
  return %t#1, %g#1, %x, %y : tensor<1x2xf32>, tensor<1x1xf32>, tensor<2x4xi8>, tensor<2x4xi8>
}

// Two groups that share one scale: the greater one's.
func.func @scale_of_the_row() -> (tensor<1x1xf32>, tensor<1x2xi8>) {
  %a = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 100.0, 200.0, 300.0, 400.0]]> : tensor<1x8xf32>
  %e = tensor.empty() : tensor<1x2x32xi8>
  %s1 = tensor.empty() : tensor<1x1xf32>
  %s2 = tensor.empty() : tensor<1x2xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x8xf32>) outs(%e, %s1, %s2 : tensor<1x2x32xi8>, tensor<1x1xf32>, tensor<1x2xf32>) {group = 4 : i64}
      -> tensor<1x2x32xi8>, tensor<1x1xf32>, tensor<1x2xf32>
  %x = tensor.extract_slice %t#0[0, 0, 15] [1, 2, 1] [1, 1, 1] : tensor<1x2x32xi8> to tensor<1x2xi8>
  // expected-remark@below {{[[7.874016]]}}
  // expected-remark@below {{[[1, 127]]}}
  return %t#1, %x : tensor<1x1xf32>, tensor<1x2xi8>
}

// amax below 2^-100: nothing but zeros, ts = 0. The sum stays.
func.func @tiny_groups() -> (tensor<1xi8>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[1.0e-31, 1.0e-31, 1.0e-31, 1.0e-31]]> : tensor<1x4xf32>
  %e = tensor.empty() : tensor<1x1x32xi8>
  %s = tensor.empty() : tensor<1x1xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x4xf32>) outs(%e, %s, %s : tensor<1x1x32xi8>, tensor<1x1xf32>, tensor<1x1xf32>) {group = 4 : i64}
      -> tensor<1x1x32xi8>, tensor<1x1xf32>, tensor<1x1xf32>
  %x = tensor.extract_slice %t#0[0, 0, 15] [1, 1, 1] [1, 1, 1] : tensor<1x1x32xi8> to tensor<1xi8>
  // expected-remark@below {{result 0: 'tensor<1xi8>' = [0]}}
  // expected-remark@below {{result 1: 'tensor<1x1xf32>' = [[0]]}}
  // expected-remark@below {{result 2: 'tensor<1x1xf32>' = [[4e-31]]}}
  return %x, %t#1, %t#2 : tensor<1xi8>, tensor<1x1xf32>, tensor<1x1xf32>
}

// An infinite or NaN entry: ts = NaN, all entries 0. Other groups are as they were.
func.func @not_finite() -> (tensor<1x2xf32>, tensor<1x2xi8>) {
  %a = arith.constant dense<[[1.0, 2.0, 0x7F800000, 4.0, 100.0, 200.0, 300.0, 400.0]]> : tensor<1x8xf32>
  %e = tensor.empty() : tensor<1x2x32xi8>
  %s2 = tensor.empty() : tensor<1x2xf32>
  %t:3 = lut.precompute ins(%a : tensor<1x8xf32>) outs(%e, %s2, %s2 : tensor<1x2x32xi8>, tensor<1x2xf32>, tensor<1x2xf32>) {group = 4 : i64}
      -> tensor<1x2x32xi8>, tensor<1x2xf32>, tensor<1x2xf32>
  %x = tensor.extract_slice %t#0[0, 0, 15] [1, 2, 1] [1, 1, 1] : tensor<1x2x32xi8> to tensor<1x2xi8>
  // expected-remark@below {{[[nan, 7.874016]]}}
  // expected-remark@below {{[[0, 127]]}}
  return %t#1, %x : tensor<1x2xf32>, tensor<1x2xi8>
}

// Activations that are integers: exact entries, their scales handed on, sums of scale times integer.
func.func @integer_activations() -> (tensor<1x1x16xi16>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[127, -128, 100, 7]]> : tensor<1x4xi8>
  %as = arith.constant dense<0.5> : tensor<1x1xf32>
  %e = tensor.empty() : tensor<1x1x32xi16>
  %s = tensor.empty() : tensor<1x1xf32>
  %t:3 = lut.precompute ins(%a, %as : tensor<1x4xi8>, tensor<1x1xf32>) outs(%e, %s, %s : tensor<1x1x32xi16>, tensor<1x1xf32>, tensor<1x1xf32>) {group = 4 : i64}
      -> tensor<1x1x32xi16>, tensor<1x1xf32>, tensor<1x1xf32>
  %x = tensor.extract_slice %t#0[0, 0, 0] [1, 1, 16] [1, 1, 1] : tensor<1x1x32xi16> to tensor<1x1x16xi16>
  // expected-remark@below {{[[[-106, 148, -362, -108, 94, 348, -162, 92, -92, 162, -348, -94, 108, 362, -148, 106]]]}}
  // expected-remark@below {{[[0.5]]}}
  // expected-remark@below {{[[53]]}}
  return %x, %t#1, %t#2 : tensor<1x1x16xi16>, tensor<1x1xf32>, tensor<1x1xf32>
}

// Codes of 8 bits: round(x 127 / max |x|), ties to even; what one is worth is the inverse of that factor.
func.func @quantize_absmax() -> (tensor<1x4xi8>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[0.3, -1.0, 0.5, 0.004]]> : tensor<1x4xf32>
  %q, %s = lowbit.quantize_activations %a {bits = 8 : i64, kind = #lowbit.codes<absmax>} : tensor<1x4xf32> -> tensor<1x4xi8>, tensor<1x1xf32>
  // expected-remark@below {{[[38, -127, 64, 1]]}}
  // expected-remark@below {{[[0.007874016]]}}
  return %q, %s : tensor<1x4xi8>, tensor<1x1xf32>
}

// Codes of 2 planes: the nearest of -3, -1, 1, 3 times max |x| / 3.
func.func @quantize_bipolar() -> (tensor<1x6xi8>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[3.0, -3.0, 0.5, -0.5, 1.9, -2.1]]> : tensor<1x6xf32>
  %q, %s = lowbit.quantize_activations %a {bits = 2 : i64, kind = #lowbit.codes<bipolar>} : tensor<1x6xf32> -> tensor<1x6xi8>, tensor<1x1xf32>
  // expected-remark@below {{[[3, -3, 1, -1, 1, -3]]}}
  // expected-remark@below {{[[1]]}}
  return %q, %s : tensor<1x6xi8>, tensor<1x1xf32>
}
