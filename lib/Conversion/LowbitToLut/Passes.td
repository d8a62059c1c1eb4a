//===- Passes.td - tables and packed weights to tensors ---------*- tablegen -*-===//

#ifndef LUTRA_CONVERSION_LOWBITTOLUT_PASSES
#define LUTRA_CONVERSION_LOWBITTOLUT_PASSES

include "mlir/Pass/PassBase.td"

def ConvertLowbitToLut : Pass<"convert-lowbit-to-lut"> {
  let summary = "Tables become three tensors, packed weights bytes, lookup products lut.matmul";
  let description = [{
    `lowbit.precompute` becomes `lut.precompute`, `lowbit.lookup_matmul` becomes `lut.matmul` on the bytes of its packed weight
    (`lowbit.packed_data`), and `lowbit.assemble_table` folds away. `lowbit.quantize_activations` becomes `lut.quantize`, or
    (bipolar codes) a reduction and element-wise ops of `linalg`. A `lowbit.matmul` of strategy dense with a packed weight becomes `lut.dense_matmul`. Everything stays on tensors, destination-style.

    Refused: a weight that is not packed (run lowbit-pack-weights), a product that was not split (run lowbit-split-precompute), and a
    table that another operation uses or passes on.

    Before:
    ```mlir
    !W = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>
    func.func @product(%a: tensor<?x32xf32>, %w: !W) -> tensor<?x8xf32> {
      %t = lowbit.precompute %a : tensor<?x32xf32> -> !lowbit.table<?x32, group = 32, element = i8>
      %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x32, group = 32, element = i8>, !W -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
    After:
    ```mlir
    func.func @product(%arg0: tensor<?x32xf32>, %arg1: !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.000000e+00 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>) -> tensor<?x8xf32> {
      %c0 = arith.constant 0 : index
      %dim = tensor.dim %arg0, %c0 : tensor<?x32xf32>
      %0 = tensor.empty(%dim) : tensor<?x1x128xi8>
      %c0_0 = arith.constant 0 : index
      %dim_1 = tensor.dim %arg0, %c0_0 : tensor<?x32xf32>
      %1 = tensor.empty(%dim_1) : tensor<?x1xf32>
      %c0_2 = arith.constant 0 : index
      %dim_3 = tensor.dim %arg0, %c0_2 : tensor<?x32xf32>
      %2 = tensor.empty(%dim_3) : tensor<?x1xf32>
      %3:3 = lut.precompute ins(%arg0 : tensor<?x32xf32>) outs(%0, %1, %2 : tensor<?x1x128xi8>, tensor<?x1xf32>, tensor<?x1xf32>) {group = 32 : i64} -> tensor<?x1x128xi8>, tensor<?x1xf32>, tensor<?x1xf32>
      %4 = lowbit.packed_data %arg1 : !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.000000e+00 : f32>, #lowbit.layout<rows = 64, alpha = f16>>> -> tensor<384xi8>
      %c0_4 = arith.constant 0 : index
      %dim_5 = tensor.dim %3#0, %c0_4 : tensor<?x1x128xi8>
      %5 = tensor.empty(%dim_5) : tensor<?x8xf32>
      %6 = lut.matmul ins(%3#0, %3#1, %3#2, %4 : tensor<?x1x128xi8>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<384xi8>) outs(%5 : tensor<?x8xf32>) {weight = !lowbit.weight<8x32, #lowbit.packed<#lowbit.bipolar<planes = 1, group = 32, zeta = 0.000000e+00 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>} -> tensor<?x8xf32>
      return %6 : tensor<?x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect", "::lutra::lowbit::LowbitDialect", "::lutra::lut::LutDialect"];
}

#endif // LUTRA_CONVERSION_LOWBITTOLUT_PASSES
