// What the verifiers of table kinds and of integer activations refuse.
// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{element must be f32, f16, i16 or i8, but is 'i32'}}
func.func private @element(!lowbit.table<?x64, group = 32, element = i32>)

// -----

// expected-error @+1 {{tables of 'f16' have no scale to share, so scale must be left out, but is row; take i16 or i8 entries}}
func.func private @scale(!lowbit.table<?x64, group = 32, element = f16, scale = row>)

// -----

// expected-error @+1 {{expected scale to be group, table or row, but found column}}
func.func private @name(!lowbit.table<?x64, group = 32, element = i8, scale = column>)

// -----

// expected-error @+1 {{tables of 'f32' have no scale to share}}
#kind = #lowbit.table_kind<f32, scale = table>

// -----

!planes = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

func.func @matmul_c2_missing(%a: tensor<?x64xi8>, %w: !planes) {
  // expected-error @+1 {{activations in i8 are codes and need scales, but there are none (C2)}}
  %y = lowbit.matmul %a, %w : tensor<?x64xi8>, !planes -> tensor<?x8xf32>
}

// -----

!planes = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

func.func @matmul_c2_floats(%a: tensor<?x64xf32>, %s: tensor<?x1xf32>, %w: !planes) {
  // expected-error @+1 {{activations that are floats have no scales; leave them out (C2)}}
  %y = lowbit.matmul %a, %w scales(%s : tensor<?x1xf32>) : tensor<?x64xf32>, !planes -> tensor<?x8xf32>
}

// -----

!planes = !lowbit.weight<8x96, #lowbit.bipolar<planes = 4, group = 32>>

func.func @matmul_c2_shape(%a: tensor<?x96xi8>, %s: tensor<?x2xf32>, %w: !planes) {
  // expected-error @+1 {{scales must be one per row or one per group, M x 1 or M x 3, but are 'tensor<?x2xf32>' (C2)}}
  %y = lowbit.matmul %a, %w scales(%s : tensor<?x2xf32>) : tensor<?x96xi8>, !planes -> tensor<?x8xf32>
}

// -----

!planes = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

func.func @matmul_c3(%a: tensor<?x64xi8>, %s: tensor<?x1xf32>, %w: !planes) {
  // expected-error @+1 {{act_bits must be 2 to 8, but is 9 (C3)}}
  %y = lowbit.matmul %a, %w scales(%s : tensor<?x1xf32>) {act_bits = 9 : i64} : tensor<?x64xi8>, !planes -> tensor<?x8xf32>
}

// -----

!planes = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

func.func @matmul_c3_floats(%a: tensor<?x64xf32>, %w: !planes) {
  // expected-error @+1 {{act_bits is for activations in i8, but these are 'tensor<?x64xf32>' (C3)}}
  %y = lowbit.matmul %a, %w {act_bits = 8 : i64} : tensor<?x64xf32>, !planes -> tensor<?x8xf32>
}

// -----

!planes = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

func.func @matmul_c4(%a: tensor<?x64xf32>, %w: !planes) {
  // expected-error @+1 {{the result must be f32 or of the activations' type, but is 'tensor<?x8xf16>' (C4)}}
  %y = lowbit.matmul %a, %w : tensor<?x64xf32>, !planes -> tensor<?x8xf16>
}

// -----

!planes = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

func.func @matmul_c5_element(%a: tensor<?x64xi8>, %s: tensor<?x1xf32>, %w: !planes) {
  // expected-error @+1 {{tables of integer activations are exact integers, i16 or i8, but found 'f32' (C5)}}
  %y = lowbit.matmul %a, %w scales(%s : tensor<?x1xf32>) {table = #lowbit.table_kind<f32>} : tensor<?x64xi8>, !planes -> tensor<?x8xf32>
}

// -----

!planes = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

func.func @matmul_c5_range(%a: tensor<?x64xi8>, %s: tensor<?x1xf32>, %w: !planes) {
  // expected-error @+1 {{sums of four codes of 8 bits reach 512, which i8 entries do not hold; take i16 (C5)}}
  %y = lowbit.matmul %a, %w scales(%s : tensor<?x1xf32>) {table = #lowbit.table_kind<i8, scale = row>} : tensor<?x64xi8>, !planes -> tensor<?x8xf32>
}

// -----

!planes = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>

func.func @matmul_c5_scale(%a: tensor<?x64xi8>, %s: tensor<?x1xf32>, %w: !planes) {
  // expected-error @+1 {{with 1 scales per row of codes, the scale of their tables is row, but found group (C5)}}
  %y = lowbit.matmul %a, %w scales(%s : tensor<?x1xf32>) {table = #lowbit.table_kind<i16>} : tensor<?x64xi8>, !planes -> tensor<?x8xf32>
}

// -----

func.func @precompute_c2(%a: tensor<?x64xi8>, %s: tensor<?x2xf32>) {
  // expected-error @+1 {{with 2 scales per row of codes, the scale of their tables is group, but found row (C2)}}
  %t = lowbit.precompute %a scales(%s : tensor<?x2xf32>) : tensor<?x64xi8> -> !lowbit.table<?x64, group = 32, element = i16, scale = row>
}

// -----

func.func @precompute_c2_range(%a: tensor<?x64xi8>, %s: tensor<?x1xf32>) {
  // expected-error @+1 {{sums of four codes of 6 bits reach 128, which i8 entries do not hold; take i16 (C2)}}
  %t = lowbit.precompute %a scales(%s : tensor<?x1xf32>) {act_bits = 6 : i64} : tensor<?x64xi8> -> !lowbit.table<?x64, group = 32, element = i8, scale = row>
}

// -----

func.func @assemble_table_c1_scales(%e: tensor<?x2x128xi8>, %s: tensor<?x2xf32>) {
  // expected-error @+1 {{scales must be 'tensor<?x16xf32>', but are 'tensor<?x2xf32>' (C1)}}
  %t = lowbit.assemble_table %e, %s, %s : tensor<?x2x128xi8>, tensor<?x2xf32>, tensor<?x2xf32> -> !lowbit.table<?x64, group = 32, element = i8, scale = table>
}

// -----

func.func @quantize_c1(%a: tensor<?x64xf32>) {
  // expected-error @+1 {{scales must be M x groups, 2 per row, but are 'tensor<?x1xf32>' (C1)}}
  %q, %s = lowbit.quantize_activations %a {bits = 8 : i64, group = 32 : i64, kind = #lowbit.codes<absmax>} : tensor<?x64xf32> -> tensor<?x64xi8>, tensor<?x1xf32>
}

// -----

func.func @quantize_c1_codes(%a: tensor<3x64xf32>) {
  // expected-error @+1 {{codes must have the shape of the activations, a matrix, but these are 'tensor<3x64xf32>' and 'tensor<4x64xi8>' (C1)}}
  %q, %s = lowbit.quantize_activations %a {bits = 8 : i64, kind = #lowbit.codes<absmax>} : tensor<3x64xf32> -> tensor<4x64xi8>, tensor<3x1xf32>
}

// -----

func.func @quantize_c2(%a: tensor<?x64xf32>) {
  // expected-error @+1 {{bipolar codes have 1 to 7 bits, but bits is 8 (C2)}}
  %q, %s = lowbit.quantize_activations %a {bits = 8 : i64, kind = #lowbit.codes<bipolar>} : tensor<?x64xf32> -> tensor<?x64xi8>, tensor<?x1xf32>
}

// -----

func.func @quantize_c2_group(%a: tensor<?x64xf32>) {
  // expected-error @+1 {{K and group must be positive, but are 64 and 0 (C2)}}
  %q, %s = lowbit.quantize_activations %a {bits = 8 : i64, group = 0 : i64, kind = #lowbit.codes<absmax>} : tensor<?x64xf32> -> tensor<?x64xi8>, tensor<?x1xf32>
}
