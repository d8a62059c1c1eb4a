//===- Composite.cpp - the parts of weights that are made of weights ------===//
#include "dialects/lowbit/IR/Composite.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lutra::lowbit;

DictionaryAttr lutra::lowbit::getPartComponents(DictionaryAttr components, StringRef prefix) {
  NamedAttrList part;
  for (NamedAttribute component : components)
    if (StringRef name = component.getName().getValue(); name.consume_front(prefix))
      part.set(name, component.getValue());
  return part.getDictionary(components.getContext());
}

std::string lutra::lowbit::getMixedPrefix(size_t index) { return std::to_string(index) + "."; }

std::string lutra::lowbit::getNestedTableName(unsigned bits) { return "table" + std::to_string(bits); }

SmallVector<WeightOp> lutra::lowbit::createMixedParts(OpBuilder &builder, WeightOp mixed) {
  auto format = cast<MixedAttr>(mixed.getType().getFormat());
  SmallVector<WeightOp> parts;
  for (auto [part, rows] : llvm::enumerate(format.getRows())) {
    auto type = WeightType::get(builder.getContext(), rows, mixed.getType().getCols(), format.getFormat(part));
    parts.push_back(WeightOp::create(builder, mixed.getLoc(), type,
                                     getPartComponents(mixed.getComponents(), getMixedPrefix(part))));
  }
  return parts;
}

WeightOp lutra::lowbit::createOutlierBody(OpBuilder &builder, WeightOp outliers) {
  auto format = cast<OutliersAttr>(outliers.getType().getFormat());
  return WeightOp::create(builder, outliers.getLoc(), outliers.getType().withFormat(format.getBody()),
                          getPartComponents(outliers.getComponents(), kBodyPrefix));
}

WeightOp lutra::lowbit::createNestedBody(OpBuilder &builder, WeightOp nested) {
  auto format = cast<NestedAttr>(nested.getType().getFormat());
  DictionaryAttr components = nested.getComponents();
  if (isa<CodebookAttr>(format.getFormat())) {
    // The widest table is the body's.
    std::string widest = getNestedTableName(format.getCodeBits());
    NamedAttrList body;
    for (NamedAttribute component : components) {
      StringRef name = component.getName().getValue();
      if (name == widest)
        body.set("table", component.getValue());
      else if (!name.starts_with("table"))
        body.set(name, component.getValue());
    }
    components = body.getDictionary(builder.getContext());
  }
  return WeightOp::create(builder, nested.getLoc(), nested.getType().withFormat(format.getFormat()), components);
}
