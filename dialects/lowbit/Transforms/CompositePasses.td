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
    !w = !lowbit.weight<2x2, #lowbit.mixed<rows = [1, 1], formats = [#lowbit.uniform<bits = 4, group = 2>, #lowbit.uniform<bits = 8, group = 2>]>>
    func.func @mixed(%a: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %w = lowbit.weight {"0.codes" = dense<1> : tensor<1x1x1xi8>, "0.scales" = dense<0.5> : tensor<1x1xf32>,
                          "1.codes" = dense<2> : tensor<1x1x2xi8>, "1.scales" = dense<0.5> : tensor<1x1xf32>,
                          permutation = dense<[1, 0]> : tensor<2xi32>} : !w
      %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !w -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    ```
    After:
    ```mlir
    #map = affine_map<(d0, d1) -> (d1)>
    #map1 = affine_map<(d0, d1) -> (d0, d1)>
    module {
      func.func @mixed(%arg0: tensor<?x2xf32>) -> tensor<?x2xf32> {
        %0 = lowbit.weight {codes = dense<1> : tensor<1x1x1xi8>, scales = dense<5.000000e-01> : tensor<1x1xf32>} : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2>>
        %1 = lowbit.weight {codes = dense<2> : tensor<1x1x2xi8>, scales = dense<5.000000e-01> : tensor<1x1xf32>} : !lowbit.weight<1x2, #lowbit.uniform<bits = 8, group = 2>>
        %c0 = arith.constant 0 : index
        %dim = tensor.dim %arg0, %c0 : tensor<?x2xf32>
        %2 = tensor.empty(%dim) : tensor<?x2xf32>
        %3 = lowbit.matmul %arg0, %0 : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2>> -> tensor<?x1xf32>
        %inserted_slice = tensor.insert_slice %3 into %2[0, 0] [%dim, 1] [1, 1] : tensor<?x1xf32> into tensor<?x2xf32>
        %4 = lowbit.matmul %arg0, %1 : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 8, group = 2>> -> tensor<?x1xf32>
        %inserted_slice_0 = tensor.insert_slice %4 into %inserted_slice[0, 1] [%dim, 1] [1, 1] : tensor<?x1xf32> into tensor<?x2xf32>
        %cst = arith.constant dense<[1, 0]> : tensor<2xi32>
        %c0_1 = arith.constant 0 : index
        %dim_2 = tensor.dim %arg0, %c0_1 : tensor<?x2xf32>
        %5 = tensor.empty(%dim_2) : tensor<?x2xf32>
        %6 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel"]} ins(%cst : tensor<2xi32>) outs(%5 : tensor<?x2xf32>) {
        ^bb0(%in: i32, %out: f32):
          %7 = linalg.index 0 : index
          %8 = arith.index_cast %in : i32 to index
          %extracted = tensor.extract %inserted_slice_0[%7, %8] : tensor<?x2xf32>
          linalg.yield %extracted : f32
        } -> tensor<?x2xf32>
        return %6 : tensor<?x2xf32>
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::lutra::lowbit::LowbitDialect"];
}

def LowerToDense : Pass<"lowbit-lower-to-dense"> {
  let summary = "Multiply by dequantized weights";
  let description = [{
    A `lowbit.matmul` whose `strategy` is `dense` (every one, with `all`) becomes a product in f32 with the values of its weight:
    y = +0, then y = fma(a[m, k], w[n, k], y) for each k, ascending, in that order on every machine (docs/spec/numerics.md, "Dense products").
    The weight is dequantized to K x N, so that the innermost loop runs along N, where the order does not matter. Products whose weight is packed
    (`lowbit-pack-weights{dense}`) stay: `convert-lowbit-to-lut` makes `lut.dense_matmul` of them, which computes the same.

    Before:
    ```mlir
    !w = !lowbit.weight<2x2, #lowbit.codebook<bits = 4, group = 2, table = nf4>>
    func.func @dense(%a: tensor<?x2xf32>, %w: !w) -> tensor<?x2xf32> {
      %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<?x2xf32>, !w -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    ```
    After:
    ```mlir
    #map = affine_map<(d0, d1, d2) -> (d0, d2)>
    #map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
    #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
    module {
      func.func @dense(%arg0: tensor<?x2xf32>, %arg1: !lowbit.weight<2x2, #lowbit.codebook<bits = 4, group = 2, table = nf4>>) -> tensor<?x2xf32> {
        %0 = lowbit.dequantize %arg1 transposed : !lowbit.weight<2x2, #lowbit.codebook<bits = 4, group = 2, table = nf4>> -> tensor<2x2xf32>
        %c0 = arith.constant 0 : index
        %dim = tensor.dim %arg0, %c0 : tensor<?x2xf32>
        %1 = tensor.empty(%dim) : tensor<?x2xf32>
        %cst = arith.constant 0.000000e+00 : f32
        %2 = linalg.fill ins(%cst : f32) outs(%1 : tensor<?x2xf32>) -> tensor<?x2xf32>
        %3 = linalg.generic {indexing_maps = [#map, #map1, #map2], iterator_types = ["parallel", "parallel", "reduction"]} ins(%arg0, %0 : tensor<?x2xf32>, tensor<2x2xf32>) outs(%2 : tensor<?x2xf32>) {
        ^bb0(%in: f32, %in_0: f32, %out: f32):
          %4 = math.fma %in, %in_0, %out : f32
          linalg.yield %4 : f32
        } -> tensor<?x2xf32>
        return %3 : tensor<?x2xf32>
      }
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
