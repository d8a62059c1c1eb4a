//===- NestedFormat.cpp - weights that run at several widths --------------===//
//
// Verification of `#lowbit.nested` and its components, and the format that is left at fewer bits.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Composite.h"

#include "mlir/IR/Builders.h"

#include <cmath>

using namespace mlir;
using namespace lutra::lowbit;

LogicalResult NestedAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, WeightFormatInterface format,
                                 unsigned minBits) {
  auto codebook = dyn_cast<CodebookAttr>(format);
  if (!isa<UniformAttr, BipolarAttr, BCQAttr>(format) && !(codebook && codebook.getTable() == CodebookTable::Channel))
    return emitError() << "the body of a nested weight must be #lowbit.uniform, #lowbit.bipolar, #lowbit.bcq or a "
                          "#lowbit.codebook with table = channel, but is "
                       << format;
  unsigned bits = format.getCodeBits();
  if (minBits < 1 || minBits > bits)
    return emitError() << "min_bits must be 1 to the " << bits << " bits of the body, but is " << minBits;
  return success();
}

unsigned NestedAttr::getCodeBits() const { return getFormat().getCodeBits(); }
int64_t NestedAttr::getGroupSize() const { return getFormat().getGroupSize(); }

bool NestedAttr::isComposite() const { return true; }
Granularity NestedAttr::getGranularity() const { return getFormat().getGranularity(); }
Type NestedAttr::getScaleType() const { return getFormat().getScaleType(); }

SmallVector<ExpectedComponent> NestedAttr::getExpectedComponents(int64_t rows, int64_t cols) const {
  SmallVector<ExpectedComponent> specs = getFormat().getExpectedComponents(rows, cols);
  if (!isa<CodebookAttr>(getFormat()))
    return specs;
  // A table for each width instead of the body's one.
  llvm::erase_if(specs, [](const ExpectedComponent &spec) { return spec.name == "table"; });
  for (unsigned bits = getMinBits(); bits <= getCodeBits(); ++bits)
    specs.push_back({getNestedTableName(bits),
                     RankedTensorType::get({rows, int64_t(1) << bits}, Float32Type::get(getContext()))});
  return specs;
}

WeightFormatInterface NestedAttr::getTruncated(unsigned bits) const {
  WeightFormatInterface body = getFormat();
  unsigned dropped = body.getCodeBits() - bits;
  if (dropped == 0)
    return body;
  MLIRContext *context = getContext();
  if (isa<BCQAttr>(body))
    return BCQAttr::get(context, bits, body.getGroupSize());
  if (auto codebook = dyn_cast<CodebookAttr>(body))
    return CodebookAttr::get(context, bits, codebook.getGroup(), codebook.getTable(), codebook.getPer(),
                             codebook.getScale(), codebook.getGlobalScale());
  // A zeta that is constant stays one: those of the body are exact, and halving keeps them so but for the tiniest.
  FloatAttr zeta;
  auto uniform = dyn_cast<UniformAttr>(body);
  if (uniform && uniform.getZero() == ZeroKind::Midpoint)
    zeta = FloatAttr::get(Float32Type::get(context), std::ldexp(-1.0, -int(dropped)));
  if (auto bipolar = dyn_cast<BipolarAttr>(body); bipolar && bipolar.getZeta())
    zeta = FloatAttr::get(Float32Type::get(context),
                          std::ldexp(bipolar.getZeta().getValue().convertToFloat(), -int(dropped)));
  return BipolarAttr::get(context, bits, body.getGroupSize(), zeta);
}
