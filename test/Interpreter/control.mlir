// Loops, branches, switches and affine arithmetic.

// RUN: lutra-opt %s --lowbit-interpret --verify-diagnostics --split-input-file

func.func @for() -> (tensor<3xi64>) {
  %init = arith.constant dense<0> : tensor<3xi64>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %zero = arith.constant 0 : i64
  %r:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%t = %init, %sum = %zero) -> (tensor<3xi64>, i64) {
    %x = arith.index_cast %i : index to i64
    %next = arith.addi %sum, %x : i64
    %u = tensor.insert %next into %t[%i] : tensor<3xi64>
    scf.yield %u, %next : tensor<3xi64>, i64
  }
  // expected-remark@below {{[0, 1, 3]}}
  return %r#0 : tensor<3xi64>
}

// An iteration sees the shared output as it was before the loop.
func.func @forall() -> tensor<2x4xf32> {
  %init = arith.constant dense<1.0> : tensor<2x4xf32>
  %two = arith.constant 2.0 : f32
  %r = scf.forall (%i, %j) = (0, 0) to (2, 4) step (1, 2) shared_outs(%o = %init) -> tensor<2x4xf32> {
    %s = tensor.extract_slice %o[0, 0] [1, 2] [1, 1] : tensor<2x4xf32> to tensor<1x2xf32>
    %f = linalg.fill ins(%two : f32) outs(%s : tensor<1x2xf32>) -> tensor<1x2xf32>
    %g = arith.addf %f, %s : tensor<1x2xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %g into %o[%i, %j] [1, 2] [1, 1] : tensor<1x2xf32> into tensor<2x4xf32>
    }
  }
  // expected-remark@below {{[[3, 3, 3, 3], [3, 3, 3, 3]]}}
  return %r : tensor<2x4xf32>
}

func.func @branches() -> (tensor<2xf32>, tensor<1xi64>, tensor<1xi64>) {
  %a = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %true = arith.constant true
  %c7 = arith.constant 7 : index
  %r = scf.if %true -> tensor<2xf32> {
    %n = arith.negf %a : tensor<2xf32>
    scf.yield %n : tensor<2xf32>
  } else {
    scf.yield %a : tensor<2xf32>
  }
  %one = arith.constant dense<1> : tensor<1xi64>
  %two = arith.constant dense<2> : tensor<1xi64>
  %s = scf.index_switch %c7 -> tensor<1xi64>
  case 7 {
    scf.yield %two : tensor<1xi64>
  }
  default {
    scf.yield %one : tensor<1xi64>
  }
  %d = scf.index_switch %c7 -> tensor<1xi64>
  case 3 {
    scf.yield %two : tensor<1xi64>
  }
  default {
    scf.yield %one : tensor<1xi64>
  }
  // expected-remark@below {{result 0: 'tensor<2xf32>' = [-1, -2]}}
  // expected-remark@below {{result 1: 'tensor<1xi64>' = [2]}}
  // expected-remark@below {{result 2: 'tensor<1xi64>' = [1]}}
  return %r, %s, %d : tensor<2xf32>, tensor<1xi64>, tensor<1xi64>
}

func.func @while() -> tensor<1xi64> {
  %one = arith.constant 1 : i64
  %hundred = arith.constant 100 : i64
  %r = scf.while (%x = %one) : (i64) -> i64 {
    %more = arith.cmpi slt, %x, %hundred : i64
    scf.condition(%more) %x : i64
  } do {
  ^bb0(%x: i64):
    %y = arith.addi %x, %x : i64
    scf.yield %y : i64
  }
  %t = tensor.from_elements %r : tensor<1xi64>
  // expected-remark@below {{[128]}}
  return %t : tensor<1xi64>
}

func.func @affine() -> tensor<4xi64> {
  %c7 = arith.constant 7 : index
  %c3 = arith.constant 3 : index
  %a = affine.apply affine_map<(d0)[s0] -> (d0 * 2 - s0 floordiv 2)>(%c7)[%c3]
  %b = affine.min affine_map<(d0)[s0] -> (d0 mod s0, 5)>(%c7)[%c3]
  %c = affine.max affine_map<(d0)[s0] -> (d0 ceildiv s0, -5)>(%c7)[%c3]
  %d = affine.apply affine_map<(d0) -> ((-d0) floordiv 2)>(%c7)
  %x = arith.index_cast %a : index to i64
  %y = arith.index_cast %b : index to i64
  %z = arith.index_cast %c : index to i64
  %w = arith.index_cast %d : index to i64
  %t = tensor.from_elements %x, %y, %z, %w : tensor<4xi64>
  // expected-remark@below {{[13, 1, 3, -4]}}
  return %t : tensor<4xi64>
}

// -----

func.func @step() {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  // expected-error@below {{the loop's step is 0, expected 1 or more}}
  scf.for %i = %c0 to %c3 step %c0 {
  }
  return
}

// -----

func.func @outside() -> tensor<2xf32> {
  %init = arith.constant dense<1.0> : tensor<2xf32>
  %r = scf.forall (%i) in (3) shared_outs(%o = %init) -> tensor<2xf32> {
    %s = arith.constant dense<2.0> : tensor<1xf32>
    scf.forall.in_parallel {
      // expected-error@below {{the slice leaves its shared output}}
      tensor.parallel_insert_slice %s into %o[%i] [1] [1] : tensor<1xf32> into tensor<2xf32>
    }
  }
  return %r : tensor<2xf32>
}

// -----

func.func @divides() -> tensor<1xi64> {
  %c0 = arith.constant 0 : index
  %c7 = arith.constant 7 : index
  // expected-error@below {{divides by a number that is not positive}}
  %a = affine.apply affine_map<(d0)[s0] -> (d0 floordiv s0)>(%c7)[%c0]
  %x = arith.index_cast %a : index to i64
  %t = tensor.from_elements %x : tensor<1xi64>
  return %t : tensor<1xi64>
}
