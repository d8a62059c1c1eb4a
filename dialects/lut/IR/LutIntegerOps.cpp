//===- LutIntegerOps.cpp - verification of products of integer codes ------===//
//
// Each check names the constraint (C1..) of the op's description.
//
//===----------------------------------------------------------------------===//
#include "dialects/lut/IR/Lut.h"
#include "dialects/lut/IR/StructuredOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lut;

/// The size of dimension `dim`, dynamic where there is none.
static int64_t sizeOf(Value value, unsigned dim) {
  auto type = cast<ShapedType>(value.getType());
  return type.hasRank() && type.getRank() > dim ? type.getDimSize(dim) : ShapedType::kDynamic;
}

/// Padded codes, their biases, sums and scales.
static LogicalResult verifyPrepared(Operation *op, Value padded, Value bias, Value sums, Value scales, int64_t rows,
                                    int64_t groups, int64_t length) {
  Builder b(op->getContext());
  if (failed(verifyOperand(op, "padded", padded, {groups, rows, length}, {b.getI8Type()}, "C2")) ||
      failed(verifyOperand(op, "bias", bias, {groups, rows}, {b.getI32Type()}, "C2")) ||
      failed(verifyOperand(op, "sums", sums, {groups, rows}, {b.getF32Type()}, "C2")))
    return failure();
  return verifyOperand(op, "scales", scales, {groups, rows}, {b.getF32Type()}, "C2");
}

/// Whether a group's sum of products of codes of 8 bits and planes that stand for `factor` at most fits an i32.
static bool fitsInt32(int64_t factor, int64_t group) {
  return factor * 128 <= std::numeric_limits<int32_t>::max() / group;
}

//===----------------------------------------------------------------------===//
// lut.quantize
//===----------------------------------------------------------------------===//

LogicalResult QuantizeOp::verify() {
  auto activations = cast<ShapedType>(getActivations().getType());
  if (!activations.hasRank() || activations.getRank() != 2 || activations.isDynamicDim(1) || !activations.getElementType().isF32())
    return emitOpError() << "activations must be a matrix of f32 whose K is static, but are " << activations << " (C1)";
  int64_t bits = getBits(), group = getGroup(), rows = activations.getDimSize(0), cols = activations.getDimSize(1);
  if (group < 1)
    return emitOpError() << "group must be positive, but is " << group << " (C3)";
  if (bits < 2 || bits > 8)
    return emitOpError() << "bits must be 2 to 8, but is " << bits << " (C3)";
  Builder b(getContext());
  if (failed(verifyOperand(*this, "codes", getCodes(), {rows, cols}, {b.getI8Type()}, "C2")) ||
      failed(verifyOperand(*this, "scales", getScales(), {rows, cols / group + (cols % group != 0)}, {b.getF32Type()}, "C2")))
    return failure();
  return verifyStorage(*this);
}

void QuantizeOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  getStructuredEffects(*this, effects);
}

//===----------------------------------------------------------------------===//
// lut.prepare_codes
//===----------------------------------------------------------------------===//

int64_t PrepareCodesOp::getNumGroups() {
  int64_t cols = cast<ShapedType>(getCodes().getType()).getDimSize(1);
  return (cols + getGroup() - 1) / getGroup();
}

LogicalResult PrepareCodesOp::verify() {
  auto codes = cast<ShapedType>(getCodes().getType());
  if (!codes.hasRank() || codes.getRank() != 2 || codes.isDynamicDim(1) || !codes.getElementType().isInteger(8))
    return emitOpError() << "codes must be a matrix of i8 whose K is static, but are " << codes << " (C1)";
  if (getGroup() < 1 || getGroup() > INT32_MAX)
    return emitOpError() << "group must be positive and at most " << INT32_MAX << ", but is " << getGroup() << " (C3)";
  if (getFactor() < 1 || getFactor() > 255)
    return emitOpError() << "factor must be 1 to 255, but is " << getFactor() << " (C3)";
  if (!fitsInt32(getFactor(), getGroup()))
    return emitOpError() << "128 times factor " << getFactor() << " times group " << getGroup()
                         << " must fit an i32; split the groups (C3)";
  int64_t rows = sizeOf(getCodes(), 0), perRow = sizeOf(getActScales(), 1) == 1 ? 1 : getNumGroups();
  if (failed(verifyOperand(*this, "act_scales", getActScales(), {rows, perRow}, {Float32Type::get(getContext())}, "C1")) ||
      failed(verifyPrepared(*this, getPadded(), getBias(), getSums(), getScales(), rows, getNumGroups(), getPaddedGroup())))
    return failure();
  return verifyStorage(*this);
}

void PrepareCodesOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  getStructuredEffects(*this, effects);
}

//===----------------------------------------------------------------------===//
// lut.integer_matmul
//===----------------------------------------------------------------------===//

lowbit::WeightType IntegerMatmulOp::getWeightType() { return cast<lowbit::WeightType>(getWeight()); }

LogicalResult IntegerMatmulOp::verify() {
  auto weight = dyn_cast<lowbit::WeightType>(getWeight());
  auto packed = weight ? dyn_cast<lowbit::PackedAttr>(weight.getFormat()) : lowbit::PackedAttr();
  if (!packed || !isa<lowbit::BipolarAttr>(packed.getFormat()))
    return emitOpError() << "weight must be packed bipolar planes, but is " << getWeight() << " (C1)";
  if (packed.getLayout().getLookupTriples())
    return emitOpError() << "reads codes, but the weight is packed for tables of three activations; pack it without lookup_triples (C1)";
  Builder b(getContext());
  int64_t bytes = packed.getTotalBytes(weight.getRows(), weight.getCols());
  int64_t rows = sizeOf(getPadded(), 1), groups = weight.getNumGroups();
  if (failed(verifyOperand(*this, "weights", getWeights(), {bytes}, {b.getI8Type()}, "C1")) ||
      failed(verifyPrepared(*this, getPadded(), getBias(), getSums(), getScales(), rows, groups,
                            4 * lowbit::getTablesPerGroup(weight.getGroup()))) ||
      failed(verifyOperand(*this, "out", getOut(), {rows, weight.getRows()}, {b.getF32Type()}, "C3")))
    return failure();
  if (!fitsInt32((int64_t(1) << weight.getBits()) - 1, weight.getGroup()))
    return emitOpError() << "a group of " << weight.getGroup() << " elements of " << weight.getBits()
                         << " bits times codes of 8 bits leaves i32; split the groups (C5)";
  if (failed(lowbit::verifyEpilogue(*this, getEpilogue(), getEpilogueOperands(), rows, weight.getRows(), "C6")))
    return failure();
  return verifyStorage(*this);
}

void IntegerMatmulOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  getStructuredEffects(*this, effects);
}
