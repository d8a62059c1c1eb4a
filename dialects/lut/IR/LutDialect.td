//===- LutDialect.td - lookup-table products, tile by tile ------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LUT_IR_LUTDIALECT_TD
#define LUTRA_DIALECTS_LUT_IR_LUTDIALECT_TD

include "mlir/IR/DialectBase.td"

def Lut_Dialect : Dialect {
  let name = "lut";
  let cppNamespace = "::lutra::lut";
  let summary = "Lookup-table products on tensors, buffers and vectors";
  let description = [{
    The level below `lowbit`. The structured ops (`lut.precompute`, `lut.matmul`) are destination-style, on tensors and then
    on buffers; `convert-lut-to-loops` expands them to `scf` and `vector` with the two ops on vectors that upstream lacks: a
    byte lookup (`lut.lookup`) and a weighted sum of neighbouring lanes into a wider accumulator (`lut.accumulate`). No op
    names a machine; `convert-lut-to-llvm` knows them. The arithmetic is that of docs/spec/numerics.md.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::lutra::lowbit::LowbitDialect"];
  let hasConstantMaterializer = 1;
}

#endif // LUTRA_DIALECTS_LUT_IR_LUTDIALECT_TD
