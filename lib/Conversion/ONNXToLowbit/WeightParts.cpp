//===- WeightParts.cpp - constants that weights are made of ---------------===//

#include "lib/Conversion/ONNXToLowbit/WeightParts.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lutra {

ElementsAttr reshapeElements(ElementsAttr elements, RankedTensorType type) {
  if (elements.getType() == type)
    return elements;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  return cast<DenseElementsAttr>(elements).reshape(type);
}

ElementsAttr createElements(RankedTensorType type, ArrayRef<char> bytes, StringRef name) {
  if (bytes.size() <= 64)
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  return DenseResourceElementsAttr::get(
      type, name, HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64, /*dataIsMutable=*/true));
}

FailureOr<ElementsAttr> getWeightPart(Node &node, unsigned index, RankedTensorType type) {
  int64_t flat = type.getNumElements();
  RankedTensorType found = node.getInputType(index);
  if (found.getShape() != type.getShape() && found.getShape() != ArrayRef(flat))
    return failure(failed(node.requireShape(index, type.getShape())));
  ElementsAttr elements = getConstant(node.getInput(index));
  if (!isa_and_present<DenseElementsAttr, DenseResourceElementsAttr>(elements))
    return node.error() << "input '" << node.getInputName(index)
                        << "' must be a constant (an initializer): weights are packed when the model is compiled";
  return reshapeElements(elements, type);
}

FailureOr<ArrayRef<char>> getPartBytes(Node &node, unsigned index, ElementsAttr elements, SmallVector<char> &storage) {
  std::optional<ArrayRef<char>> bytes = getConstantBytes(elements, storage);
  if (!bytes)
    return node.error() << "input '" << node.getInputName(index) << "' has no data";
  return *bytes;
}

ElementsAttr widenElements(ElementsAttr elements) {
  auto type = cast<RankedTensorType>(elements.getType());
  auto element = dyn_cast<FloatType>(type.getElementType());
  if (!element || element.getWidth() < 8 || element.getWidth() > 32)
    return {};
  if (element.isF32())
    return elements;
  SmallVector<char> storage;
  std::optional<ArrayRef<char>> bytes = getConstantBytes(elements, storage);
  if (!bytes)
    return {};
  size_t size = element.getWidth() / 8;
  SmallVector<float> numbers;
  for (size_t at = 0; at + size <= bytes->size(); at += size) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes->data() + at, size);
    numbers.push_back(APFloat(element.getFloatSemantics(), APInt(element.getWidth(), bits)).convertToFloat());
  }
  auto wide = RankedTensorType::get(type.getShape(), Float32Type::get(type.getContext()));
  return createElements(wide, ArrayRef(reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(float)),
                        "numbers");
}

} // namespace lutra
