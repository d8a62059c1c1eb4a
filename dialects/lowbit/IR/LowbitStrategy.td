//===- LowbitStrategy.td - how a product is computed ------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITSTRATEGY_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITSTRATEGY_TD

include "dialects/lowbit/IR/LowbitDialect.td"
include "mlir/IR/EnumAttr.td"

def Lowbit_Strategy : I32EnumAttr<"Strategy", "how a product is computed", [
    I32EnumAttrCase<"Lut", 0, "lut">,
    I32EnumAttrCase<"Dense", 1, "dense">]> {
  let cppNamespace = "::lutra::lowbit";
  let genSpecializedAttr = 0;
}

def Lowbit_StrategyAttr : EnumAttr<Lowbit_Dialect, Lowbit_Strategy, "strategy"> {
  let summary = "How a product is computed: by lookup in tables, or with dequantized weights";
  let description = "`lut` or `dense`. Example: `#lowbit.strategy<dense>`";
  let assemblyFormat = "`<` $value `>`";
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITSTRATEGY_TD
