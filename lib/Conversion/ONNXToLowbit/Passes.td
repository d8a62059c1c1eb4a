//===- Passes.td - ONNX nodes to lowbit, linalg and tensor ------*- tablegen -*-===//

#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_PASSES
#define LUTRA_CONVERSION_ONNXTOLOWBIT_PASSES

include "mlir/Pass/PassBase.td"

def ConvertONNXToLowbit : Pass<"convert-onnx-to-lowbit", "::mlir::ModuleOp"> {
  let summary = "An imported ONNX graph becomes lowbit, linalg, tensor and arith ops on tensors";
  let description = [{
    Converts the nodes of `@main` in graph order; each sees operands that are already ranked, signless tensors. Types
    are inferred here, so a model need not state them; where it does and they contradict, that is an error.

    `@main` comes to take its input tensors and then one writable buffer per result: the results are stored there. An
    argument that is a result carries `lutra.output`; one whose ONNX type is unsigned carries `onnx.unsigned`.

    Two dynamic sizes of the same name (`onnx.dims`) are the same SSA value. Sizes that must agree and are not the same
    value are compared by `cf.assert`, whose message names the node; those checks come first in `@main`. The indices of
    a Gather are checked before it, and clamped. An attribute, optional input or type that has no lowering is refused, by
    name.

    Before:
    ```mlir
    func.func @main(%x: tensor<?x64xf32> {onnx.name = "x", onnx.dims = ["n", "64"]})
        -> (tensor<?x64xf32> {onnx.name = "y", onnx.dims = ["n", "64"]}) {
      %y = onnx.node "Relu" "/act" (%x) {domain = "", node_attrs = {}, version = 21 : i64}
          : (tensor<?x64xf32>) -> tensor<?x64xf32>
      return %y : tensor<?x64xf32>
    }
    ```
    After:
    ```mlir
    func.func @main(%x: tensor<?x64xf32> {onnx.dims = ["n", "64"], onnx.name = "x"},
                    %out: memref<?x64xf32, strided<[?, 1], offset: ?>>
                        {lutra.output, onnx.dims = ["n", "64"], onnx.name = "y"}) {
      %e = tensor.empty(%n) : tensor<?x64xf32>
      %y = linalg.generic ... ins(%x) outs(%e) { arith.maximumf }
      bufferization.materialize_in_destination %y in restrict writable %out
      return
    }
    ```
    Options: none.
  }];
  let dependentDialects = ["::lutra::lowbit::LowbitDialect", "::mlir::arith::ArithDialect",
                           "::mlir::bufferization::BufferizationDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_PASSES
