// arith and math: each operation rounded once, in its own type.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics --split-input-file

// f16: 2049 is no half-precision number; 2048 + 1 ties to even, 2048 + 3 is 2052 (ties to even again).
func.func @half() -> (tensor<2xf16>, tensor<1xbf16>, tensor<2xf16>) {
  %a = arith.constant dense<2048.0> : tensor<2xf16>
  %b = arith.constant dense<[1.0, 3.0]> : tensor<2xf16>
  %s = arith.addf %a, %b : tensor<2xf16>
  %c = arith.constant dense<256.0> : tensor<1xbf16>
  %d = arith.constant dense<1.0> : tensor<1xbf16>
  %t = arith.addf %c, %d : tensor<1xbf16>
  %w = arith.constant dense<[0.1, 65519.0]> : tensor<2xf32>
  %n = arith.truncf %w : tensor<2xf32> to tensor<2xf16>
  // expected-remark@below {{result 0: 'tensor<2xf16>' = [2048, 2052]}}
  // expected-remark@below {{result 1: 'tensor<1xbf16>' = [256]}}
  // expected-remark@below {{result 2: 'tensor<2xf16>' = [0.1, 65504]}}
  return %s, %t, %n : tensor<2xf16>, tensor<1xbf16>, tensor<2xf16>
}

// Fused: one rounding; not fused: two.
func.func @fused() -> (tensor<1xf32>, tensor<1xf32>) {
  %a = arith.constant dense<1.00000012> : tensor<1xf32>
  %b = arith.constant dense<-1.00000024> : tensor<1xf32>
  %f = math.fma %a, %a, %b : tensor<1xf32>
  %p = arith.mulf %a, %a : tensor<1xf32>
  %s = arith.addf %p, %b : tensor<1xf32>
  // expected-remark@below {{result 0: 'tensor<1xf32>' = [1.4210855e-14]}}
  // expected-remark@below {{result 1: 'tensor<1xf32>' = [0]}}
  return %f, %s : tensor<1xf32>, tensor<1xf32>
}

// Subnormal numbers are kept.
func.func @subnormal() -> tensor<1xf32> {
  %a = arith.constant dense<1.0e-38> : tensor<1xf32>
  %h = arith.constant dense<0.25> : tensor<1xf32>
  %p = arith.mulf %a, %h : tensor<1xf32>
  // expected-remark@below {{[2.5e-39]}}
  return %p : tensor<1xf32>
}

func.func @integers() -> (tensor<3xi8>, tensor<3xi8>, tensor<2xi32>, tensor<3xi16>) {
  %a = arith.constant dense<[127, -128, -7]> : tensor<3xi8>
  %b = arith.constant dense<[1, -1, 2]> : tensor<3xi8>
  %s = arith.addi %a, %b : tensor<3xi8>
  %d = arith.floordivsi %a, %b : tensor<3xi8>
  %f = arith.constant dense<[2.5, 3.5]> : tensor<2xf32>
  %r = math.roundeven %f : tensor<2xf32>
  %i = arith.fptosi %r : tensor<2xf32> to tensor<2xi32>
  %e = arith.extui %a : tensor<3xi8> to tensor<3xi16>
  // expected-remark@below {{result 0: 'tensor<3xi8>' = [-128, 127, -5]}}
  // expected-remark@below {{result 1: 'tensor<3xi8>' = [127, -128, -4]}}
  // expected-remark@below {{result 2: 'tensor<2xi32>' = [2, 4]}}
  // expected-remark@below {{result 3: 'tensor<3xi16>' = [127, 128, 249]}}
  return %s, %d, %i, %e : tensor<3xi8>, tensor<3xi8>, tensor<2xi32>, tensor<3xi16>
}

// NaN: maximumf hands it on, maxnumf drops it; -0 is below +0.
func.func @extremes() -> (tensor<2xf32>, tensor<1xf32>, tensor<3xi1>) {
  %a = arith.constant dense<[0x7FC00000, -0.0]> : tensor<2xf32>
  %b = arith.constant dense<[1.0, 0.0]> : tensor<2xf32>
  %m = arith.maximumf %a, %b : tensor<2xf32>
  %n = arith.constant dense<0x7FC00000> : tensor<1xf32>
  %one = arith.constant dense<1.0> : tensor<1xf32>
  %x = arith.maxnumf %n, %one : tensor<1xf32>
  %c = arith.constant dense<[0x7FC00000, 0.0, 1.0]> : tensor<3xf32>
  %d = arith.constant dense<[0x7FC00000, -0.0, 2.0]> : tensor<3xf32>
  %e = arith.cmpf ueq, %c, %d : tensor<3xf32>
  // expected-remark@below {{result 0: 'tensor<2xf32>' = [nan, 0]}}
  // expected-remark@below {{result 1: 'tensor<1xf32>' = [1]}}
  // expected-remark@below {{result 2: 'tensor<3xi1>' = [true, true, false]}}
  return %m, %x, %e : tensor<2xf32>, tensor<1xf32>, tensor<3xi1>
}
