//===- CompositePasses.td - composite weights, and products in floats --*- tablegen -*-===//
//
// Included by Passes.td.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COMPOSITEPASSES_TD
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COMPOSITEPASSES_TD

include "mlir/Pass/PassBase.td"

def DecomposeWeights : Pass<"lowbit-decompose-weights"> {
  let summary = "Take products with nested, mixed and outlier weights apart";
  let description = [{
    A `lowbit.matmul` whose weight is made of weights becomes products with simple weights and tensor operations. The weight must be a
    constant; its parts share its elements, so nothing is copied but the outliers themselves.

    - `#lowbit.nested` without `precision`: the product with the body at all of its bits. With `precision`: an `scf.index_switch` over
      the widths, each with the weight truncated to it, behind a `cf.assert` that the precision is one of them.
    - `#lowbit.mixed`: a product for each part, and a gather of their columns by the permutation, unless that is the identity.
    - `#lowbit.outliers`: y = body + o, with o = +0 and o = fma(a[k], v, o) for the outliers of a row by ascending k. Values and indices are
      laid out with the rows of the weight innermost, in f32.

    Before:
    ```mlir
    %w = lowbit.weight {"0.codes" = dense<1> : tensor<1x1x1xi8>, "0.scales" = dense<0.5> : tensor<1x1xf32>,
                        "1.codes" = dense<2> : tensor<1x1x2xi8>, "1.scales" = dense<0.5> : tensor<1x1xf32>, permutation = dense<[1, 0]> : tensor<2xi32>}
        : !lowbit.weight<2x2, #lowbit.mixed<rows = [1, 1], formats = [#lowbit.uniform<bits = 4, group = 2>, #lowbit.uniform<bits = 8, group = 2>]>>
    %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !lowbit.weight<2x2, #lowbit.mixed<rows = [1, 1],
        formats = [#lowbit.uniform<bits = 4, group = 2>, #lowbit.uniform<bits = 8, group = 2>]>> -> tensor<?x2xf32>
    ```
    After:
    ```mlir
    %y0 = lowbit.matmul %a, %w0 : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2>> -> tensor<?x1xf32>
    %y1 = lowbit.matmul %a, %w1 : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 8, group = 2>> -> tensor<?x1xf32>
    %i0 = tensor.insert_slice %y0 into %empty[0, 0] [%m, 1] [1, 1] : tensor<?x1xf32> into tensor<?x2xf32>
    %i1 = tensor.insert_slice %y1 into %i0[0, 1] [%m, 1] [1, 1] : tensor<?x1xf32> into tensor<?x2xf32>
    %y = linalg.generic {... %i1[m, %place[n]] ...}
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::lutra::lowbit::LowbitDialect"];
}

def LowerToDense : Pass<"lowbit-lower-to-dense"> {
  let summary = "Multiply by dequantized weights";
  let description = [{
    A `lowbit.matmul` whose `strategy` is `dense` (every one, with `all`) becomes a product in f32 with the values of its weight:
    y = +0, then y = fma(a[m, k], w[n, k], y) for each k, ascending, in that order on every machine (docs/spec/numerics.md, "Dense products").
    The weight is dequantized to K x N, so that the innermost loop runs along N, where the order does not matter.

    Before:
    ```mlir
    %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<?x64xf32>, !lowbit.weight<8x64, #nf4> -> tensor<?x8xf32>
    ```
    After:
    ```mlir
    %v = lowbit.dequantize %w transposed : !lowbit.weight<8x64, #nf4> -> tensor<64x8xf32>
    %y = linalg.generic {... ["parallel", "parallel", "reduction"]} ins(%a, %v : tensor<?x64xf32>, tensor<64x8xf32>) outs(%zero : tensor<?x8xf32>) {
      ... math.fma ...
    }
    ```
  }];
  let options = [
    Option<"all", "all", "bool", /*default=*/"false", "Every product, whatever its strategy: the baseline that lookups are measured against">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect", "::lutra::lowbit::LowbitDialect"];
}

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COMPOSITEPASSES_TD
