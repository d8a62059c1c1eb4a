//===- Passes.td - tables and packed weights to tensors ---------*- tablegen -*-===//

#ifndef LUTRA_CONVERSION_LOWBITTOLUT_PASSES
#define LUTRA_CONVERSION_LOWBITTOLUT_PASSES

include "mlir/Pass/PassBase.td"

def ConvertLowbitToLut : Pass<"convert-lowbit-to-lut"> {
  let summary = "Tables become three tensors, packed weights bytes, lookup products lut.matmul";
  let description = [{
    `lowbit.precompute` becomes `lut.precompute`, `lowbit.lookup_matmul` becomes `lut.matmul` on the bytes of its packed weight
    (`lowbit.packed_data`), and `lowbit.assemble_table` folds away. Everything stays on tensors, destination-style.

    Refused: a weight that is not packed (run lowbit-pack-weights), a product that was not split (run lowbit-split-precompute), and a
    table that another operation uses or passes on.

    Before:
    ```mlir
    %t = lowbit.precompute %a : tensor<?x264xf32> -> !lowbit.table<?x264, group = 32, element = i8>
    %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x264, group = 32, element = i8>, !W -> tensor<?x131xf32>
    ```
    After:
    ```mlir
    %t:3 = lut.precompute ins(%a : ...) outs(...) {group = 32 : i64} -> tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>
    %b = lowbit.packed_data %w : !W -> tensor<31104xi8>
    %y = lut.matmul ins(%t#0, %t#1, %t#2, %b : ...) outs(...) {weight = !W} -> tensor<?x131xf32>
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::lutra::lowbit::LowbitDialect", "::lutra::lut::LutDialect"];
}

#endif // LUTRA_CONVERSION_LOWBITTOLUT_PASSES
