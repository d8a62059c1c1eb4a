//===- LowbitStrategy.td - how a product is computed ------------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBITSTRATEGY_TD
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBITSTRATEGY_TD

include "dialects/lowbit/IR/LowbitDialect.td"
include "mlir/IR/EnumAttr.td"

def Lowbit_Strategy : I32EnumAttr<"Strategy", "how a product is computed", [
    I32EnumAttrCase<"Lut", 0, "lut">,
    I32EnumAttrCase<"Dense", 1, "dense">,
    I32EnumAttrCase<"Int8", 2, "int8">]> {
  let cppNamespace = "::lutra::lowbit";
  let genSpecializedAttr = 0;
}

def Lowbit_StrategyAttr : EnumAttr<Lowbit_Dialect, Lowbit_Strategy, "strategy"> {
  let summary = "How a product is computed: by lookup in tables, with dequantized weights, or on integer activations";
  let description = [{
    `lut`: by lookup in tables of the activations. `dense`: with dequantized weights. `int8`: on activations of 8 bits: floats are quantized
    with a scale per group of the weight (`lowbit.quantize_activations`), and what follows is exact in integers, by whatever instructions.

    Example: `#lowbit.strategy<dense>`
  }];
  let assemblyFormat = "`<` $value `>`";
}

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBITSTRATEGY_TD
