//===- QuantizedElement.cpp - single numbers of a quantized constant ------===//

#include "lib/Conversion/ONNXToLowbit/QuantizedElement.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;

namespace lutra {

Value createFloatTable(Node &node, FloatType type) {
  unsigned bits = type.getWidth();
  SmallVector<float> numbers;
  for (unsigned code = 0; code < 1u << bits; ++code) {
    APFloat number(type.getFloatSemantics(), APInt(bits, code));
    numbers.push_back(number.isNaN() ? std::numeric_limits<float>::quiet_NaN() : number.convertToFloat());
  }
  auto table = RankedTensorType::get({1 << bits}, node.getF32Type());
  return arith::ConstantOp::create(node, DenseElementsAttr::get(table, ArrayRef<float>(numbers)));
}

std::optional<QuantizedElement::Numbers> QuantizedElement::read(Node &node, ElementsAttr elements, bool isUnsigned) {
  Type element = elements.getElementType();
  unsigned bits = element.getIntOrFloatBitWidth();
  auto small = dyn_cast<FloatType>(element);
  if (bits != 2 && bits != 4 && bits != 8)
    return std::nullopt;
  std::optional<PackedCodes> codes = PackedCodes::create(node, elements, /*isSigned=*/!isUnsigned && !small);
  if (!codes)
    return std::nullopt;
  return Numbers{std::move(*codes), small ? createFloatTable(node, small) : Value()};
}

std::optional<QuantizedElement> QuantizedElement::create(Node &node, const QuantizedConstant &constant) {
  QuantizedElement result(constant);
  result.codes = read(node, constant.codes, constant.isUnsigned);
  if (constant.zeros)
    result.zeros = read(node, constant.zeros, constant.isUnsigned);
  if (constant.scales.getElementType().getIntOrFloatBitWidth() >= 16)
    result.scales = arith::ConstantOp::create(node, cast<TypedAttr>(constant.scales));
  else
    result.smallScales = read(node, constant.scales, /*isUnsigned=*/true);
  if (constant.globalScale)
    result.globalScale = arith::ConstantOp::create(node, cast<TypedAttr>(constant.globalScale));
  if (!result.codes || (constant.zeros && !result.zeros) || !(result.scales || result.smallScales))
    return std::nullopt;
  return result;
}

Value QuantizedElement::Numbers::extract(ImplicitLocOpBuilder &b, ValueRange at) const {
  Value code = codes.extract(b, at);
  if (!table)
    return code;
  return tensor::ExtractOp::create(b, table, Value(arith::IndexCastUIOp::create(b, b.getIndexType(), code)));
}

Value QuantizedElement::extract(ImplicitLocOpBuilder &b, ValueRange at) const {
  SmallVector<Value> place(at), shared;
  if (constant.isTransposed)
    std::swap(place[0], place[1]);
  int64_t rank = cast<RankedTensorType>(constant.scales.getType()).getRank();
  if (constant.block > 0) {
    shared = place;
    shared[constant.axis] =
        arith::DivUIOp::create(b, place[constant.axis], arith::ConstantIndexOp::create(b, constant.block));
  } else if (constant.axis >= 0) {
    shared = {place[constant.axis]};
  } else {
    // One for the tensor, whatever the rank of its shape.
    shared.assign(rank, arith::ConstantIndexOp::create(b, 0));
  }
  Type f32 = b.getF32Type();
  Value scale = scales ? Value(tensor::ExtractOp::create(b, scales, shared)) : smallScales->extract(b, shared);
  if (scale.getType() != f32)
    scale = arith::ExtFOp::create(b, f32, scale);
  if (globalScale) {
    SmallVector<Value> first(cast<RankedTensorType>(globalScale.getType()).getRank(),
                             arith::ConstantIndexOp::create(b, 0));
    scale = arith::MulFOp::create(b, scale, tensor::ExtractOp::create(b, globalScale, first));
  }
  Value number = codes->extract(b, place);
  if (zeros)
    number = arith::SubIOp::create(b, number, zeros->extract(b, shared));
  if (number.getType().isInteger())
    number = arith::SIToFPOp::create(b, f32, number);
  return arith::MulFOp::create(b, number, scale);
}

} // namespace lutra
