//===- LowbitDialect.td - mpGEMM on low-bit weights -------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITDIALECT_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITDIALECT_TD

include "mlir/IR/DialectBase.td"

def Lowbit_Dialect : Dialect {
  let name = "lowbit";
  let cppNamespace = "::lutra::lowbit";
  let summary = "Mixed-precision matrix products with low-bit weights";
  let description = [{
    Weights are values (`!lowbit.weight`) whose format is an attribute; a product is either one op (`lowbit.matmul`) or a
    table precompute (`lowbit.precompute`) and a lookup (`lowbit.lookup_matmul`). Tensors hold activations. The
    arithmetic of every op is defined in docs/spec/numerics.md.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
    void registerTypes();
  }];
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITDIALECT_TD
