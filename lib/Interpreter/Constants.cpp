//===- Constants.cpp - attributes as scalars and arrays -------------------===//
//
// Dense attributes and resources are copied: an array may be written to.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include <cstring>

using namespace mlir;
using namespace lutra;

std::optional<Scalar> lutra::scalarFromAttr(Attribute attr) {
  if (auto number = dyn_cast<FloatAttr>(attr)) {
    llvm::APFloat value = number.getValue();
    bool losesInfo;
    value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return Scalar{0, value.convertToDouble()};
  }
  if (auto number = dyn_cast<IntegerAttr>(attr); number && number.getValue().getBitWidth() <= 64)
    return Scalar{wrapInteger(number.getValue().getSExtValue(), number.getType()), 0};
  return std::nullopt;
}

Array lutra::arrayFromAttr(Operation *op, ElementsAttr attr) {
  std::optional<DType> dtype = dtypeOfType(attr.getElementType());
  if (!dtype)
    return op->emitError("the interpreter has no arrays of ") << attr.getElementType(), nullptr;
  if (!attr.getShapedType().hasStaticShape())
    return op->emitError("a constant needs a static shape"), nullptr;
  auto array = std::make_shared<NpyArray>(NpyArray::zeros(*dtype, attr.getShapedType().getShape()));
  int64_t count = array->numElements(), size = dtypeSize(*dtype);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || static_cast<int64_t>(blob->getData().size()) < count * size)
      return op->emitError("the resource '") << resource.getRawHandle().getKey() << "' has no data, or too little",
             nullptr;
    std::memcpy(array->bytes.data(), blob->getData().data(), count * size);
    return array;
  }
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (!dense)
    return op->emitError("the interpreter cannot read this kind of constant"), nullptr;
  if (*dtype == DType::Bool) {
    for (auto [i, bit] : llvm::enumerate(dense.getValues<bool>()))
      array->bytes[i] = bit;
    return array;
  }
  ArrayRef<char> raw = dense.getRawData();
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(array->bytes.data() + i * size, raw.data() + (dense.isSplat() ? 0 : i * size), size);
  return array;
}
