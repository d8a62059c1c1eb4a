//===- Gather.cpp - Gather ------------------------------------------------===//
//
// An index outside the table is reported by one check over all indices, before the gather; the gather itself reads at
// clamped indices, so it stays in bounds whatever the check found.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Positions.h"
#include "lib/Conversion/ONNXToLowbit/QuantizedElement.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lutra {

Value createInRange(ImplicitLocOpBuilder &b, Value x, Value count) {
  Value lowest = arith::SubIOp::create(b, createScalar(b, x.getType(), 0), count);
  Value low = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, x, lowest);
  Value high = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, count);
  return arith::AndIOp::create(b, low, high);
}

Value createPosition(ImplicitLocOpBuilder &b, Value x, Value count) {
  Type type = x.getType();
  Value zero = createScalar(b, type, 0);
  Value negative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, zero);
  Value wrapped = arith::SelectOp::create(b, negative, arith::AddIOp::create(b, x, count), x);
  Value last = arith::SubIOp::create(b, count, createScalar(b, type, 1));
  return arith::MaxSIOp::create(b, zero, arith::MinSIOp::create(b, last, wrapped));
}

namespace {

/// `count` as a scalar of `type`.
Value createCount(Node &node, OpFoldResult count, Type type) { return createScalarFromSize(node, count, type); }

/// Gather from a list of known scalars by constant indices (what a graph does with the result of Shape), or null.
Value gatherScalars(Node &node) {
  std::optional<SmallVector<Value>> scalars = getScalars(node, node.getInput(0));
  std::optional<SmallVector<int64_t>> indices = getConstantInts(node.getInput(1));
  if (!scalars || !indices || node.getInputType(0).getRank() != 1)
    return {};
  int64_t count = scalars->size();
  SmallVector<Value> picked;
  for (int64_t index : *indices) {
    if (index < -count || index >= count)
      return {};
    picked.push_back((*scalars)[index < 0 ? index + count : index]);
  }
  return createFromScalars(node, picked, node.getInputType(0).getElementType(), node.getInputType(1).getRank() == 0);
}

LogicalResult lowerGather(Node &node) {
  if (failed(node.check({"data", "indices"}, {"output"}, {"axis:i"})) ||
      failed(node.requireElement(1, {node.getI64Type(), node.getI32Type()})))
    return failure();
  Value data = node.getInput(0), indices = node.getInput(1);
  Dims sizes = node.getDims(data), indexDims = node.getDims(indices);
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 0), sizes.size());
  if (failed(axis))
    return failure();
  if (Value picked = gatherScalars(node))
    return node.setOutput(0, picked);
  if (getConstantIntValue(sizes[*axis]) == 0)
    return node.error() << "input 'data' has no element along axis " << *axis << ": " << node.getInputType(0);

  FailureOr<Value> positions = buildPositions(node, indices, sizes[*axis], Twine(*axis) + " of 'data'");
  if (failed(positions))
    return failure();

  Dims result(ArrayRef(sizes).take_front(*axis));
  llvm::append_range(result, indexDims);
  llvm::append_range(result, ArrayRef(sizes).drop_front(*axis + 1));
  // Of what DequantizeLinear makes of a constant (an embedding, say), only what is gathered is computed.
  const QuantizedConstant *constant = node.getQuantized(data);
  std::optional<QuantizedElement> quantized = constant ? QuantizedElement::create(node, *constant) : std::nullopt;
  Type element = node.getInputType(0).getElementType();
  Value output = buildGenerate(node, result, element, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value position = tensor::ExtractOp::create(b, *positions, at.slice(*axis, indexDims.size()));
    SmallVector<Value> from(at.take_front(*axis));
    from.push_back(arith::IndexCastOp::create(b, b.getIndexType(), position));
    llvm::append_range(from, at.drop_front(*axis + indexDims.size()));
    if (!quantized)
      return tensor::ExtractOp::create(b, data, from);
    Value number = quantized->extract(b, from);
    return element.isF32() ? number : Value(arith::TruncFOp::create(b, element, number));
  });
  return node.setOutput(0, output);
}

} // namespace

FailureOr<Value> buildPositions(Node &node, Value indices, OpFoldResult count, const Twine &axis) {
  auto type = cast<RankedTensorType>(indices.getType());
  Value countValue = createCount(node, count, type.getElementType());
  SmallVector<int64_t> allAxes = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  Value inRange =
      buildReduce(node, indices, allAxes, node.getBoolAttr(true), [&](ImplicitLocOpBuilder &b, ValueRange x) {
        return b.createOrFold<arith::AndIOp>(x[1], createInRange(b, x[0], countValue));
      });
  node.assertThat(tensor::ExtractOp::create(node, inRange), "an index is out of range for axis " + axis);
  return buildElementwise(node, indices, type.getElementType(),
                          [&](ImplicitLocOpBuilder &b, ValueRange x) { return createPosition(b, x[0], countValue); });
}

void addGather(Registry &registry) { registry.add("", "Gather", lowerGather); }

} // namespace lutra
