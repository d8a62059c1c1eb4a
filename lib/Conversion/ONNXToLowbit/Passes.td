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
    argument that is a result carries `lutra.output`; one whose ONNX type is unsigned carries `onnx.unsigned`; one of bytes that hold a code of a
    smaller type each (`u4`, `e4m3`) carries that type's name as `onnx.element`.

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
    #map = affine_map<(d0, d1) -> (d0, d1)>
    module {
      func.func @main(%arg0: tensor<?x64xf32> {onnx.dims = ["n", "64"], onnx.name = "x"}, %arg1: memref<?x64xf32, strided<[?, 1], offset: ?>> {lutra.output, onnx.dims = ["n", "64"], onnx.name = "y"}) {
        %c0 = arith.constant 0 : index
        %dim = tensor.dim %arg0, %c0 : tensor<?x64xf32>
        %0 = tensor.empty(%dim) : tensor<?x64xf32>
        %1 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%arg0 : tensor<?x64xf32>) outs(%0 : tensor<?x64xf32>) {
        ^bb0(%in: f32, %out: f32):
          %cst = arith.constant 0.000000e+00 : f32
          %2 = arith.maximumf %in, %cst : f32
          linalg.yield %2 : f32
        } -> tensor<?x64xf32>
        bufferization.materialize_in_destination %1 in restrict writable %arg1 : (tensor<?x64xf32>, memref<?x64xf32, strided<[?, 1], offset: ?>>) -> ()
        return
      }
    }
    ```
  }];
  let dependentDialects = ["::lutra::lowbit::LowbitDialect", "::mlir::arith::ArithDialect",
                           "::mlir::bufferization::BufferizationDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_PASSES
