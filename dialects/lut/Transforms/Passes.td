//===- Passes.td - passes on structured lut ops -----------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LUT_TRANSFORMS_PASSES
#define LUTRA_DIALECTS_LUT_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

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
