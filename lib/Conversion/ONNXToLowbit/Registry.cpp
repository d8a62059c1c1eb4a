//===- Registry.cpp - which lowering converts which operator --------------===//

#include "lib/Conversion/ONNXToLowbit/Registry.h"

#include "lib/Conversion/ONNXToLowbit/ONNXToLowbit.h"

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
  addMatmul(*this);
  addMovement(*this);
  addNorms(*this);
  addMatrixProduct(*this);
  addQuantize(*this);
  addQuantizedProduct(*this);
  addReduce(*this);
  addRotary(*this);
  addScatter(*this);
  addShape(*this);
  addStandardAttention(*this);
}

const Registry &Registry::get() {
  static const Registry registry;
  return registry;
}

void Registry::add(StringRef domain, StringRef opType, Lowering lowering, Halves halves) {
  lowerings[getKey(domain, opType)] = {lowering, halves};
}

void Registry::add(ArrayRef<StringRef> opTypes, Lowering lowering, Halves halves) {
  for (StringRef opType : opTypes)
    add("", opType, lowering, halves);
}

Entry Registry::lookup(StringRef domain, StringRef opType) const { return lowerings.lookup(getKey(domain, opType)); }

bool isSupportedONNXNode(StringRef domain, StringRef opType) {
  // The pass converts an If itself: its branches are made of nodes.
  if (opType == "If" && (domain.empty() || domain == "ai.onnx"))
    return true;
  return Registry::get().lookup(domain, opType).lowering != nullptr;
}

} // namespace lutra
