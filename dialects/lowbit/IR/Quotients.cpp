//===- Quotients.cpp - zetas stored as quotients of an alpha --------------===//
#include "dialects/lowbit/IR/Quotients.h"

#include "llvm/ADT/bit.h"
#include <cmath>

using namespace mlir;
using namespace lutra::lowbit;

/// The nearest number that an f16 holds, ties to even; what is too large for one is left too large.
static float roundToF16(float value) {
  if (std::fabs(value) < 0x1p-14f)
    return std::rint(value * 0x1p24f) * 0x1p-24f;
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  bits += 0xfff + (bits >> 13 & 1);
  return llvm::bit_cast<float>(bits & ~uint32_t(0x1fff));
}

float lutra::lowbit::getZetaOfQuotient(float quotient, float alpha, unsigned planes) {
  const float middle = static_cast<float>((1 << planes) - 1);
  return alpha == 0.0f ? middle : middle + quotient / alpha;
}

std::optional<float> lutra::lowbit::findQuotient(float zeta, float alpha, unsigned planes) {
  // What the roundings took off is far less than half a unit of the f16, unless the minimum is tiny beside the scale: then there is no telling.
  float quotient = roundToF16(static_cast<float>((double(zeta) - ((1 << planes) - 1)) * alpha));
  if (!isExactF16(quotient) || llvm::bit_cast<uint32_t>(getZetaOfQuotient(quotient, alpha, planes)) != llvm::bit_cast<uint32_t>(zeta))
    return std::nullopt;
  return quotient;
}

LayoutAttr lutra::lowbit::withQuotients(LayoutAttr layout, const WeightReader &reader) {
  if (reader.isBCQ() || !layout.getZeta() || !layout.getZeta().isF32())
    return layout;
  for (int64_t n = 0; n < reader.getRows(); ++n)
    for (int64_t g = 0; g < reader.getNumGroups(); ++g)
      if (!findQuotient(reader.zeta(n, g), reader.alpha(n, g, 0), reader.getBits()))
        return layout;
  MLIRContext *context = layout.getContext();
  return LayoutAttr::get(context, layout.getRows(), layout.getAlpha(), Float16Type::get(context), layout.getSymmetric(), layout.getCodebook(),
                         layout.getTriples(), /*quotients=*/true, layout.getLookupTriples(), layout.getQuads());
}
