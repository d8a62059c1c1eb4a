//===- Registry.cpp - which lowering converts which operator --------------===//

#include "lib/Conversion/ONNXToLowbit/Registry.h"

#include "lib/Conversion/ONNXToLowbit/ONNXToLowbit.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lutra {

/// The table's key: "domain.Op", with one spelling for the standard domain.
static std::string getKey(StringRef domain, StringRef opType) {
  return ((domain == "ai.onnx" ? "" : domain) + "." + opType).str();
}

Registry::Registry() {
  addActivations(*this);
  addAttention(*this);
  addCast(*this);
  addConstants(*this);
  addDomainGather(*this);
  addDomainMatmul(*this);
  addElementwise(*this);
  addGather(*this);
  addGatherBlockQuantized(*this);
  addMatmul(*this);
  addMatmulBnb4(*this);
  addMovement(*this);
  addMultiHeadAttention(*this);
  addNorms(*this);
  addMatrixProduct(*this);
  addQuantize(*this);
  addQuantizedProduct(*this);
  addReduce(*this);
  addRotary(*this);
  addScatter(*this);
  addShape(*this);
  addStandardAttention(*this);
  takeSmalls({"Cast", "DequantizeLinear", "Identity", "QuantizeLinear", "Shape"}, Smalls::AsTheyAre);
  takeSmalls({"Concat", "Expand", "Flatten", "Gather", "Reshape", "Slice", "Split", "Squeeze", "TensorScatter", "Tile",
              "Transpose", "Unsqueeze"},
             Smalls::Moved);
}

const Registry &Registry::get() {
  static const Registry registry;
  return registry;
}

void Registry::add(StringRef domain, StringRef opType, Lowering lowering, Halves halves) {
  lowerings[getKey(domain, opType)] = {lowering, halves, Smalls::Refused};
}

void Registry::add(ArrayRef<StringRef> opTypes, Lowering lowering, Halves halves) {
  for (StringRef opType : opTypes)
    add("", opType, lowering, halves);
}

void Registry::takeSmalls(ArrayRef<StringRef> opTypes, Smalls smalls) {
  for (StringRef opType : opTypes)
    lowerings[getKey("", opType)].smalls = smalls;
}

Entry Registry::lookup(StringRef domain, StringRef opType) const { return lowerings.lookup(getKey(domain, opType)); }

void Registry::forEach(llvm::function_ref<void(StringRef, StringRef, const Entry &)> function) const {
  for (const auto &item : lowerings) {
    auto [domain, opType] = item.getKey().rsplit('.');
    function(domain, opType, item.getValue());
  }
}

std::vector<ONNXOperator> describeONNXOperators(MLIRContext &context, int64_t opset) {
  context.loadDialect<onnx::ONNXDialect, func::FuncDialect>();
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  std::vector<ONNXOperator> result;
  // The pass converts an If itself.
  result.push_back({"", "If", {"cond"}, {"outputs*"}, {}});
  Registry::get().forEach([&](StringRef domain, StringRef opType, const Entry &entry) {
    int64_t version = domain.empty() ? opset : 1;
    auto op = onnx::NodeOp::create(builder, loc, TypeRange(), opType, "", domain, version,
                                   builder.getDictionaryAttr({}), ValueRange());
    Graph graph;
    Node node(op, graph);
    ONNXOperator &description = result.emplace_back(ONNXOperator{domain.str(), opType.str(), {}, {}, {}});
    node.describeInto(description);
    // The first thing that a lowering does is to check the node.
    [[maybe_unused]] LogicalResult checked = entry.lowering(node);
    assert(failed(checked) && "a lowering goes on after its node failed the check");
  });
  llvm::sort(result, [](const ONNXOperator &a, const ONNXOperator &b) {
    return std::tie(a.domain, a.opType) < std::tie(b.domain, b.opType);
  });
  return result;
}

bool isSupportedONNXNode(StringRef domain, StringRef opType) {
  // The pass converts an If itself: its branches are made of nodes.
  if (opType == "If" && (domain.empty() || domain == "ai.onnx"))
    return true;
  return Registry::get().lookup(domain, opType).lowering != nullptr;
}

} // namespace lutra
