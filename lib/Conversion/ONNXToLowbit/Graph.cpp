//===- Graph.cpp - what a conversion knows about its values ---------------===//

#include "lib/Conversion/ONNXToLowbit/Graph.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace lutra {

Type getSignless(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return IntegerType::get(type.getContext(), integer.getWidth());
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor.clone(getSignless(tensor.getElementType()));
  return type;
}

Dims Graph::getDims(ImplicitLocOpBuilder &builder, Value value) {
  auto known = dims.find(value);
  if (known != dims.end())
    return known->second;
  auto type = cast<RankedTensorType>(value.getType());
  Dims result;
  // Asked for in a branch, the sizes of a value outside are computed outside, where all who ask later see them.
  OpBuilder::InsertionGuard guard(builder);
  if (value.getParentBlock() != builder.getInsertionBlock())
    builder.setInsertionPointAfterValue(value);
  for (auto [index, size] : llvm::enumerate(type.getShape())) {
    if (ShapedType::isDynamic(size))
      result.push_back(Value(tensor::DimOp::create(builder, value, index)));
    else
      result.push_back(builder.getIndexAttr(size));
  }
  dims[value] = result;
  return result;
}

void Graph::setDims(Value value, ArrayRef<OpFoldResult> sizes) {
  // A value keeps the sizes that it was first given: an op that folded to its operand must not rename them.
  dims.try_emplace(value, sizes);
}

bool Graph::hasElement(Value value, Type element) const {
  Type small = getSmallType(value);
  return getSignless(element) == (small ? small : cast<RankedTensorType>(value.getType()).getElementType());
}

StringRef Graph::getSymbolOf(OpFoldResult size) const {
  auto value = dyn_cast_if_present<Value>(size);
  return value ? symbolNames.lookup(value) : StringRef();
}

} // namespace lutra
