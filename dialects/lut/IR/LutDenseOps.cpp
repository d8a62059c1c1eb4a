//===- LutDenseOps.cpp - verification of products of floats ---------------===//
//
// Each check names the constraint (C1..) of the op's description.
//
//===----------------------------------------------------------------------===//
#include "dialects/lut/IR/Lut.h"
#include "dialects/lut/IR/StructuredOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lut;

lowbit::WeightType DenseMatmulOp::getWeightType() { return cast<lowbit::WeightType>(getWeight()); }

LogicalResult DenseMatmulOp::verify() {
  auto weight = dyn_cast<lowbit::WeightType>(getWeight());
  auto packed = weight ? dyn_cast<lowbit::PackedAttr>(weight.getFormat()) : lowbit::PackedAttr();
  if (!packed || !isa<lowbit::BipolarAttr>(packed.getFormat()))
    return emitOpError() << "weight must be packed bipolar planes, but is " << getWeight() << " (C1)";
  if (packed.getLayout().getLookupTriples())
    return emitOpError() << "reads codes, but the weight is packed for tables of three activations; pack it without lookup_triples (C1)";
  if (packed.getLayout().getQuads())
    return emitOpError() << "reads codes, but the weight is packed for lookups in four tables at once; pack it without quads (C1)";
  Builder b(getContext());
  auto activations = cast<ShapedType>(getActivations().getType());
  int64_t rows = activations.hasRank() && activations.getRank() == 2 ? activations.getDimSize(0) : ShapedType::kDynamic;
  int64_t bytes = packed.getTotalBytes(weight.getRows(), weight.getCols());
  if (failed(verifyOperand(*this, "weights", getWeights(), {bytes}, {b.getI8Type()}, "C1")) ||
      failed(verifyOperand(*this, "activations", getActivations(), {rows, weight.getCols()}, {b.getF32Type()}, "C2")) ||
      failed(verifyOperand(*this, "out", getOut(), {rows, weight.getRows()}, {b.getF32Type()}, "C3")))
    return failure();
  return verifyStorage(*this);
}

void DenseMatmulOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  getStructuredEffects(*this, effects);
}
