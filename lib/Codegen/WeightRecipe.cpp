//===- WeightRecipe.cpp - how the bytes of a weight are made --------------===//
#include "lib/Codegen/WeightRecipe.h"

using namespace mlir;
using namespace lutra;

FailureOr<DictionaryAttr> lutra::makeWeightRecipe(Operation *op) {
  Builder builder(op->getContext());
  NamedAttrList recipe;
  recipe.set("type", TypeAttr::get(op->getResult(0).getType()));
  if (auto constant = dyn_cast<lowbit::WeightOp>(op)) {
    recipe.set("components", constant.getComponentsAttr());
    return recipe.getDictionary(op->getContext());
  }
  SmallVector<Attribute> of;
  for (Value weight : op->getOperands()) {
    Operation *source = weight.getDefiningOp();
    if (!isa_and_present<lowbit::WeightValueOpInterface>(source)) {
      InFlightDiagnostic diag =
          op->emitError("expected a constant weight: lowbit.weight, and ops from weight to weight behind it");
      if (source)
        diag << ", but it comes from '" << source->getName() << "'";
      return diag;
    }
    FailureOr<DictionaryAttr> child = makeWeightRecipe(source);
    if (failed(child))
      return failure();
    of.push_back(*child);
  }
  recipe.set("op", builder.getStringAttr(op->getName().getStringRef()));
  recipe.set("of", builder.getArrayAttr(of));
  if (DictionaryAttr attributes = op->getAttrDictionary(); !attributes.empty())
    recipe.set("attributes", attributes);
  return recipe.getDictionary(op->getContext());
}

Operation *lutra::followWeightRecipe(OpBuilder &builder, Location loc, DictionaryAttr recipe) {
  auto type = recipe.getAs<TypeAttr>("type");
  if (!type)
    return nullptr;
  if (auto components = recipe.getAs<DictionaryAttr>("components"))
    return lowbit::WeightOp::create(builder, loc, type.getValue(), components);
  auto name = recipe.getAs<StringAttr>("op");
  auto of = recipe.getAs<ArrayAttr>("of");
  if (!name || !of)
    return nullptr;
  OperationState state(loc, name.getValue());
  for (Attribute attr : of) {
    auto child = dyn_cast<DictionaryAttr>(attr);
    Operation *source = child ? followWeightRecipe(builder, loc, child) : nullptr;
    if (!source)
      return nullptr;
    state.addOperands(source->getResults());
  }
  state.addTypes(type.getValue());
  if (auto attributes = recipe.getAs<DictionaryAttr>("attributes"))
    state.addAttributes(attributes.getValue());
  return builder.create(state);
}

void lutra::visitRecipeComponents(DictionaryAttr recipe, llvm::function_ref<void(Attribute)> visit) {
  if (auto components = recipe.getAs<DictionaryAttr>("components"))
    for (NamedAttribute component : components)
      visit(component.getValue());
  if (auto of = recipe.getAs<ArrayAttr>("of"))
    for (Attribute child : of)
      if (auto inner = dyn_cast<DictionaryAttr>(child))
        visitRecipeComponents(inner, visit);
}
