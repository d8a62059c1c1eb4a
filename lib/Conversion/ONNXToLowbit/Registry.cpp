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
  addAttention(*this);
  addConstants(*this);
  addDomainGather(*this);
  addDomainMatmul(*this);
  addElementwise(*this);
  addGather(*this);
  addMatmul(*this);
  addMovement(*this);
  addNorms(*this);
  addReduce(*this);
  addRotary(*this);
  addShape(*this);
}

const Registry &Registry::get() {
  static const Registry registry;
  return registry;
}

void Registry::add(StringRef domain, StringRef opType, Lowering lowering) {
  lowerings[getKey(domain, opType)] = lowering;
}

void Registry::add(ArrayRef<StringRef> opTypes, Lowering lowering) {
  for (StringRef opType : opTypes)
    add("", opType, lowering);
}

Lowering Registry::lookup(StringRef domain, StringRef opType) const { return lowerings.lookup(getKey(domain, opType)); }

bool isSupportedONNXNode(StringRef domain, StringRef opType) {
  return Registry::get().lookup(domain, opType) != nullptr;
}

} // namespace lutra
