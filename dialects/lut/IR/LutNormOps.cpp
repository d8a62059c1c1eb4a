//===- LutNormOps.cpp - tables of normalized rows -------------------------===//

#include "dialects/lut/IR/Lut.h"
#include "dialects/lut/IR/StructuredOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lut;

int64_t NormPrecomputeOp::getNumGroups() {
  int64_t cols = cast<ShapedType>(getActivations().getType()).getDimSize(1);
  return (cols + getGroup() - 1) / getGroup();
}

lowbit::TableScale NormPrecomputeOp::getScaleKind() {
  return *findScaleKind(getEntries(), getScales(), getNumGroups(), getTablesPerGroup());
}

LogicalResult NormPrecomputeOp::verify() {
  auto activations = cast<ShapedType>(getActivations().getType());
  Type f32 = Float32Type::get(getContext());
  if (!activations.hasRank() || activations.getRank() != 2 || activations.isDynamicDim(1) || activations.getElementType() != f32)
    return emitOpError() << "activations must be a matrix of f32 whose K is static, but are " << activations << " (C1)";
  if (failed(verifyOperand(*this, "weight", getWeight(), {activations.getDimSize(1)}, {f32}, "C1")))
    return failure();
  const int64_t group = getGroup();
  if (group <= 0 || group > INT32_MAX)
    return emitOpError() << "group must be positive and at most " << INT32_MAX << ", but is " << group << " (C3)";
  if (!getEpsilon().isFinite())
    return emitOpError("epsilon must be finite (C3)");
  if (failed(verifyTables(*this, getEntries(), getScales(), getSums(), activations.getDimSize(0), getNumGroups(),
                          getTablesPerGroup())))
    return failure();
  return verifyStorage(*this);
}

void NormPrecomputeOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  getStructuredEffects(*this, effects);
}
