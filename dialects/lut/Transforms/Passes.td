//===- Passes.td - passes on structured lut ops -----------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LUT_TRANSFORMS_PASSES
#define LUTRA_DIALECTS_LUT_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def FuseNorms : Pass<"lut-fuse-norms"> {
  let summary = "Norms become part of the tables that read them";
  let description = [{
    A norm without a mean (RMS norm) whose rows nothing reads but tables of f32 activations: the `lut.precompute` becomes a `lut.norm_precompute` of the
    rows before it, so that normalized rows are never stored. No bit of a table changes but through the order of the f64 sum of squares (docs/spec/numerics.md, "Sums of
    floats"). For targets that make tables in kernels of their own.

    Left alone, with a remark: norms that something else reads as well. Norms with a mean, and those whose rows become codes, are left alone without one.

    Before:
    ```mlir
    func.func @norm(%x: tensor<2x8xf32>, %w: tensor<8xf32>, %e: tensor<2x1x32xi8>, %f: tensor<2x1xf32>, %g: tensor<2x1xf32>) -> (tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>) {
      %zero = arith.constant 0.0 : f64
      %one = arith.constant 1.0 : f64
      %n = arith.constant 8.0 : f64
      %eps = arith.constant 0.0009765625 : f64
      %i = tensor.empty() : tensor<2xf64>
      %z = linalg.fill ins(%zero : f64) outs(%i : tensor<2xf64>) -> tensor<2xf64>
      %s = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]}
          ins(%x : tensor<2x8xf32>) outs(%z : tensor<2xf64>) {
      ^bb0(%a: f32, %t: f64):
        %v = arith.extf %a : f32 to f64
        %q = arith.mulf %v, %v : f64
        %u = arith.addf %t, %q fastmath<reassoc> : f64
        linalg.yield %u : f64
      } -> tensor<2xf64>
      %o = tensor.empty() : tensor<2x8xf32>
      %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
          ins(%x, %s, %w : tensor<2x8xf32>, tensor<2xf64>, tensor<8xf32>) outs(%o : tensor<2x8xf32>) {
      ^bb0(%a: f32, %t: f64, %c: f32, %out: f32):
        %m = arith.divf %t, %n : f64
        %h = arith.addf %m, %eps : f64
        %k = math.sqrt %h : f64
        %d = arith.divf %one, %k : f64
        %r = arith.truncf %d : f64 to f32
        %p = arith.mulf %a, %r : f32
        %q = arith.mulf %p, %c : f32
        linalg.yield %q : f32
      } -> tensor<2x8xf32>
      %t:3 = lut.precompute ins(%y : tensor<2x8xf32>) outs(%e, %f, %g : tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>) {group = 8 : i64}
          -> tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>
      return %t#0, %t#1, %t#2 : tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>
    }
    ```
    After:
    ```mlir
    func.func @norm(%arg0: tensor<2x8xf32>, %arg1: tensor<8xf32>, %arg2: tensor<2x1x32xi8>, %arg3: tensor<2x1xf32>, %arg4: tensor<2x1xf32>) -> (tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>) {
      %0:3 = lut.norm_precompute ins(%arg0, %arg1 : tensor<2x8xf32>, tensor<8xf32>) outs(%arg2, %arg3, %arg4 : tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>) {epsilon = 9.765625E-4 : f32, group = 8 : i64} -> tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>
      return %0#0, %0#1, %0#2 : tensor<2x1x32xi8>, tensor<2x1xf32>, tensor<2x1xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::lutra::lut::LutDialect"];
}

def MultiplyCodes : Pass<"lut-multiply-codes"> {
  let summary = "Products of integer activations: multiplied instead of looked up";
  let description = [{
    The tables of integer codes are exact, and so is what is added up from them: a `lut.matmul` that reads the i16 tables of codes computes the
    integers that multiplying the codes with the weights gives. It becomes a `lut.integer_matmul`, which needs no tables, and the
    `lut.precompute` a `lut.prepare_codes`. No bit of a result changes, for any M: a target takes this pass where multiply-adds of bytes are
    faster than lookups, which are two for each i16 entry. Products of the same codes and number of planes share what is prepared.

    Left alone, each with a remark: i8 tables (a lookup is one there), weights whose planes have an alpha each, half tables, groups whose sums
    leave 32 bits, and tables that are not made from codes by an op in sight.

    Before:
    ```mlir
    !W = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
    func.func @product(%q: tensor<2x32xi8>, %s: tensor<2x1xf32>, %w: tensor<384xi8>, %e: tensor<2x1x128xi16>, %f: tensor<2x1xf32>,
                       %g: tensor<2x1xf32>, %o: tensor<2x8xf32>) -> tensor<2x8xf32> {
      %t:3 = lut.precompute ins(%q, %s : tensor<2x32xi8>, tensor<2x1xf32>)
          outs(%e, %f, %g : tensor<2x1x128xi16>, tensor<2x1xf32>, tensor<2x1xf32>) {group = 32 : i64}
          -> tensor<2x1x128xi16>, tensor<2x1xf32>, tensor<2x1xf32>
      %y = lut.matmul ins(%t#0, %t#1, %t#2, %w : tensor<2x1x128xi16>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<384xi8>)
          outs(%o : tensor<2x8xf32>) {weight = !W} -> tensor<2x8xf32>
      return %y : tensor<2x8xf32>
    }
    ```
    After:
    ```mlir
    func.func @product(%arg0: tensor<2x32xi8>, %arg1: tensor<2x1xf32>, %arg2: tensor<384xi8>, %arg3: tensor<2x1x128xi16>, %arg4: tensor<2x1xf32>, %arg5: tensor<2x1xf32>, %arg6: tensor<2x8xf32>) -> tensor<2x8xf32> {
      %0 = tensor.empty() : tensor<1x2x32xi8>
      %1 = tensor.empty() : tensor<1x2xi32>
      %2 = tensor.empty() : tensor<1x2xf32>
      %3 = tensor.empty() : tensor<1x2xf32>
      %4:4 = lut.prepare_codes ins(%arg0, %arg1 : tensor<2x32xi8>, tensor<2x1xf32>) outs(%0, %1, %2, %3 : tensor<1x2x32xi8>, tensor<1x2xi32>, tensor<1x2xf32>, tensor<1x2xf32>) {factor = 1 : i64, group = 32 : i64} -> tensor<1x2x32xi8>, tensor<1x2xi32>, tensor<1x2xf32>, tensor<1x2xf32>
      %5 = lut.integer_matmul ins(%4#0, %4#1, %4#2, %4#3, %arg2 : tensor<1x2x32xi8>, tensor<1x2xi32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<384xi8>) outs(%arg6 : tensor<2x8xf32>) {weight = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.000000e+00 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>} -> tensor<2x8xf32>
      return %5 : tensor<2x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::lutra::lut::LutDialect"];
}

#endif // LUTRA_DIALECTS_LUT_TRANSFORMS_PASSES
