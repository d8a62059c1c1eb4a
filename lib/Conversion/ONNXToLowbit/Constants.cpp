//===- Constants.cpp - Constant, ConstantOfShape and Range ----------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lutra {
namespace {

LogicalResult lowerConstant(Node &node) {
  if (failed(
          node.check({}, {"output"}, {"value:t", "value_int:i", "value_float:f", "value_ints:is", "value_floats:fs"})))
    return failure();
  Type i64 = node.getI64Type(), f32 = node.getF32Type();
  ElementsAttr value;
  bool isUnsigned = false;
  if (auto tensor = dyn_cast_if_present<ElementsAttr>(node.getAttr("value"))) {
    isUnsigned = tensor.getElementType().isUnsignedInteger();
    value = getSignlessElements(tensor);
  } else if (node.getAttr("value_int")) {
    value = DenseElementsAttr::get(RankedTensorType::get({}, i64), node.getInt("value_int"));
  } else if (node.getAttr("value_float")) {
    value = DenseElementsAttr::get(RankedTensorType::get({}, f32), node.getFloat("value_float", 0));
  } else if (std::optional<SmallVector<int64_t>> ints = node.getInts("value_ints")) {
    value = DenseElementsAttr::get(RankedTensorType::get(ints->size(), i64), ArrayRef<int64_t>(*ints));
  } else if (auto floats = dyn_cast_if_present<DenseF32ArrayAttr>(node.getAttr("value_floats"))) {
    value = DenseElementsAttr::get(RankedTensorType::get(floats.size(), f32), floats.asArrayRef());
  }
  auto typed = dyn_cast_if_present<TypedAttr>(value);
  if (!typed)
    return node.error() << "expected one of the attributes value, value_int, value_float, value_ints and value_floats";
  return node.setOutput(0, arith::ConstantOp::create(node, typed), isUnsigned);
}

/// The sizes in an integer list: known scalars, or elements read at run time. The list must have a static length.
FailureOr<Dims> getShapeOperand(Node &node, unsigned index) {
  if (failed(node.requireElement(index, {node.getI64Type()})) || failed(node.requireRank(index, 1)))
    return failure();
  FailureOr<SmallVector<Value>> scalars = readScalars(node, index);
  if (failed(scalars))
    return failure();
  Dims dims;
  for (Value scalar : *scalars)
    dims.push_back(getSize(node, scalar));
  return dims;
}

LogicalResult lowerConstantOfShape(Node &node) {
  if (failed(node.check({"input"}, {"output"}, {"value:t"})))
    return failure();
  FailureOr<Dims> dims = getShapeOperand(node, 0);
  if (failed(dims))
    return failure();
  TypedAttr element = node.getF32FloatAttr(0.0f);
  bool isUnsigned = false;
  if (auto value = dyn_cast_if_present<DenseElementsAttr>(node.getAttr("value"))) {
    if (value.getNumElements() != 1)
      return node.error() << "attribute 'value' must have one element, but is " << value;
    isUnsigned = value.getElementType().isUnsignedInteger();
    auto signless = cast<DenseElementsAttr>(getSignlessElements(value));
    element = signless.getSplatValue<TypedAttr>();
  }
  // A short list of integers stays one of known elements: exporters compute shapes with it.
  std::optional<int64_t> length = dims->size() == 1 ? getConstantIntValue(dims->front()) : std::nullopt;
  if (length && *length <= 16 && (element.getType().isInteger(64) || element.getType().isInteger(32))) {
    SmallVector<Value> scalars(*length, arith::ConstantOp::create(node, element));
    return node.setOutput(0, createFromScalars(node, scalars, element.getType()), isUnsigned);
  }
  return node.setOutput(0, createFilled(node, *dims, element), isUnsigned);
}

/// start + i delta, as many as max(0, ceil((limit - start) / delta)).
LogicalResult lowerFloatRange(Node &node) {
  Value scalars[3];
  for (unsigned i : {0u, 1u, 2u}) {
    if (failed(node.requireF32(i)) || failed(node.requireRank(i, 0)))
      return failure();
    scalars[i] = tensor::ExtractOp::create(node, node.getInput(i));
  }
  Value span = arith::SubFOp::create(node, scalars[1], scalars[0]);
  Value steps = math::CeilOp::create(node, arith::DivFOp::create(node, span, scalars[2]));
  Value count = arith::MaximumFOp::create(node, steps, createScalar(node, node.getF32Type(), 0));
  Value size = arith::IndexCastOp::create(node, node.getIndexType(), arith::FPToSIOp::create(node, node.getI64Type(), count));
  Value output = buildGenerate(node, OpFoldResult(size), node.getF32Type(), [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value index = arith::SIToFPOp::create(b, b.getF32Type(), arith::IndexCastOp::create(b, b.getI64Type(), at[0]));
    return arith::AddFOp::create(b, scalars[0], arith::MulFOp::create(b, index, scalars[2]));
  });
  return node.setOutput(0, output);
}

/// start, start + delta, ... below (or above) limit, for integers.
LogicalResult lowerRange(Node &node) {
  Type i64 = node.getI64Type(), i32 = node.getI32Type();
  if (failed(node.check({"start", "limit", "delta"}, {"output"}, {})))
    return failure();
  if (node.getInputType(0).getElementType().isF32())
    return lowerFloatRange(node);
  SmallVector<Value> scalars;
  for (unsigned i : {0u, 1u, 2u}) {
    if (failed(node.requireElement(i, {i64, i32})) || failed(node.requireRank(i, 0)))
      return failure();
    FailureOr<SmallVector<Value>> own = readScalars(node, i);
    if (failed(own))
      return failure();
    scalars.push_back(own->front());
  }
  Type element = scalars[0].getType();
  // max(0, ceil((limit - start) / delta))
  OpFoldResult start = getSize(node, scalars[0]), limit = getSize(node, scalars[1]), delta = getSize(node, scalars[2]);
  if (getConstantIntValue(delta) == 0)
    return node.error() << "input 'delta' must not be 0";
  OpFoldResult span =
      isEqualConstantIntOrValue(start, node.getIndexAttr(0)) ? limit : combineSizes<arith::SubIOp>(node, limit, start);
  if (getConstantIntValue(delta) != 1)
    span = combineSizes<arith::CeilDivSIOp>(node, span, delta);
  // A size of an input is not negative.
  auto spanValue = dyn_cast<Value>(span);
  if (!spanValue || !spanValue.getDefiningOp<tensor::DimOp>())
    span = combineSizes<arith::MaxSIOp>(node, span, node.getIndexAttr(0));
  Value output = buildGenerate(node, span, element, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value step = arith::MulIOp::create(b, arith::IndexCastOp::create(b, element, at[0]), scalars[2]);
    return arith::AddIOp::create(b, scalars[0], step);
  });
  return node.setOutput(0, output);
}

} // namespace

void addConstants(Registry &registry) {
  registry.add("", "Constant", lowerConstant);
  registry.add("", "ConstantOfShape", lowerConstantOfShape);
  registry.add("", "Range", lowerRange, Halves::InF32);
}

} // namespace lutra
