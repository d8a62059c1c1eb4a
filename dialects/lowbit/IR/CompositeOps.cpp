//===- CompositeOps.cpp - fewer bits of a weight, and its values ----------===//
//
// Each check names the constraint (C1..) of the op's description.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lutra::lowbit;

LogicalResult TruncateOp::verify() {
  WeightType source = getSource().getType(), result = getType();
  if (source.getRows() != result.getRows() || source.getCols() != result.getCols())
    return emitOpError() << "result must be a " << source.getRows() << "x" << source.getCols()
                         << " weight as the operand is, but is " << result.getRows() << "x" << result.getCols()
                         << " (C1)";
  auto nested = dyn_cast<NestedAttr>(source.getFormat());
  if (!nested)
    return emitOpError() << "the operand must be #lowbit.nested, but its format is " << source.getFormat() << " (C2)";
  unsigned bits = result.getBits();
  if (bits < nested.getMinBits() || bits > nested.getCodeBits())
    return emitOpError() << "the result has " << bits << " bits, but the operand runs at " << nested.getMinBits()
                         << " to " << nested.getCodeBits() << " (C2)";
  WeightFormatInterface expected = nested.getTruncated(bits), found = result.getFormat();
  if (found == expected)
    return success();
  // A zeta that no parameter of the format tells may still be the same everywhere.
  auto planes = dyn_cast<BipolarAttr>(found);
  if (planes && planes != nested.getFormat() && planes.getZeta() &&
      BipolarAttr::get(getContext(), planes.getPlanes(), planes.getGroup(), FloatAttr(), planes.getPer(),
                       planes.getScale()) == expected)
    return success();
  return emitOpError() << "the result's format must be " << expected << ", but is " << found << " (C3)";
}

LogicalResult DequantizeOp::verify() {
  WeightType weight = getWeight().getType();
  if (weight.getFormat().isComposite())
    return emitOpError() << "the weight is made of other weights, its format is " << weight.getFormat()
                         << "; run lowbit-decompose-weights (C2)";
  int64_t rows = weight.getRows(), cols = weight.getCols();
  if (getTransposed())
    std::swap(rows, cols);
  auto expected = RankedTensorType::get({rows, cols}, Float32Type::get(getContext()));
  if (getType() != expected)
    return emitOpError() << "result must be " << expected << ", but is " << getType() << " (C1)";
  return success();
}
