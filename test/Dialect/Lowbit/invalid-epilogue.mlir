// RUN: lutra-opt %s --split-input-file --verify-diagnostics

!t = !lowbit.table<8x64, group = 32, element = i8>
!w = !lowbit.weight<4x64, #lowbit.bipolar<planes = 4, group = 32>>
func.func @operands_without_epilogue(%t: !t, %w: !w, %b: tensor<4xf32>) -> tensor<8x4xf32> {
  // expected-error @+1 {{'lowbit.lookup_matmul' op has epilogue operands but no epilogue that takes them (C3, C4)}}
  %y = "lowbit.lookup_matmul"(%t, %w, %b) ({}) : (!t, !w, tensor<4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

!t = !lowbit.table<8x64, group = 32, element = i8>
!w = !lowbit.weight<4x64, #lowbit.bipolar<planes = 4, group = 32>>
func.func @operand_shape(%t: !t, %w: !w, %b: tensor<8xf32>) -> tensor<8x4xf32> {
  // expected-error @+1 {{epilogue operand 0 must be 4 or 8x4 of f32, but is 'tensor<8xf32>' (C3, C4)}}
  %y = lowbit.lookup_matmul %t, %w epilogue(%b : tensor<8xf32>) {
  ^bb0(%p: f32, %q: f32):
    lowbit.yield %q : f32
  } : !t, !w -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

!t = !lowbit.table<8x64, group = 32, element = i8>
!w = !lowbit.weight<4x64, #lowbit.bipolar<planes = 4, group = 32>>
func.func @arguments(%t: !t, %w: !w, %b: tensor<4xf32>) -> tensor<8x4xf32> {
  // expected-error @+1 {{epilogue must take 2 f32: the output and an element of each operand (C3, C4)}}
  %y = lowbit.lookup_matmul %t, %w epilogue(%b : tensor<4xf32>) {
  ^bb0(%p: f32):
    lowbit.yield %p : f32
  } : !t, !w -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

!t = !lowbit.table<8x64, group = 32, element = i8>
!w = !lowbit.weight<4x64, #lowbit.bipolar<planes = 4, group = 32>>
func.func @yielded(%t: !t, %w: !w) -> tensor<8x4xf32> {
  // expected-error @+1 {{epilogue must end in lowbit.yield of an f32 (C3, C4)}}
  %y = lowbit.lookup_matmul %t, %w epilogue() {
  ^bb0(%p: f32):
    %q = arith.truncf %p : f32 to f16
    lowbit.yield %q : f16
  } : !t, !w -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

!t = !lowbit.table<8x64, group = 32, element = i8>
!w = !lowbit.weight<4x64, #lowbit.bipolar<planes = 4, group = 32>>
func.func private @f(f32) -> f32
func.func @not_elementwise(%t: !t, %w: !w) -> tensor<8x4xf32> {
  %y = lowbit.lookup_matmul %t, %w epilogue() {
  ^bb0(%p: f32):
    // expected-error @+1 {{'func.call' op cannot be in an epilogue: expected an element-wise op or a constant (C3, C4)}}
    %q = func.call @f(%p) : (f32) -> f32
    lowbit.yield %q : f32
  } : !t, !w -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

!t = !lowbit.table<8x64, group = 32, element = i8>
!w = !lowbit.weight<4x64, #lowbit.bipolar<planes = 4, group = 32>>
func.func @captured(%t: !t, %w: !w, %c: f32) -> tensor<8x4xf32> {
  %y = lowbit.lookup_matmul %t, %w epilogue() {
  ^bb0(%p: f32):
    // expected-error @+1 {{'arith.addf' op uses a value from outside of the epilogue that is no constant; make it an epilogue operand (C3, C4)}}
    %q = arith.addf %p, %c : f32
    lowbit.yield %q : f32
  } : !t, !w -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

func.func @lut(%e: tensor<2x1x128xi8>, %s: tensor<2x1xf32>, %z: tensor<2x1xf32>, %b: tensor<1152xi8>, %o: tensor<2x64xf32>) -> tensor<2x64xf32> {
  // expected-error @+1 {{'lut.matmul' op epilogue operand 0 must be 64 or 2x64 of f32, but is 'tensor<2x1xf32>' (C6)}}
  %y = lut.matmul ins(%e, %s, %z, %b : tensor<2x1x128xi8>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<1152xi8>) epilogue(%s : tensor<2x1xf32>) {
  ^bb0(%p: f32, %q: f32):
    lowbit.yield %p : f32
  } outs(%o : tensor<2x64xf32>) {weight = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>} -> tensor<2x64xf32>
  return %y : tensor<2x64xf32>
}
