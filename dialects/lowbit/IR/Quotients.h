//===- Quotients.h - zetas stored as quotients of an alpha ------*- C++ -*-===//
//
// A file whose groups have a minimum m and a scale s (GGUF's Q4_1: w = s q + m, both f16) gives the zero point -m / s, which takes an f32; the zeta that
// belongs to it is (2^P - 1) + m / alpha, alpha being s / 2. Storing m takes half the bytes. docs/spec/numerics.md, "Packed layouts".
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_QUOTIENTS_H
#define LUTRA_DIALECTS_LOWBIT_IR_QUOTIENTS_H

#include "dialects/lowbit/IR/Weights.h"

namespace lutra::lowbit {

/// The zeta of `planes` planes that `quotient` stands for beside `alpha`: (2^planes - 1) + quotient / alpha in f32, or 2^planes - 1 where alpha is 0.
float getZetaOfQuotient(float quotient, float alpha, unsigned planes);

/// An f16 that stands for exactly `zeta` beside `alpha`, if there is one.
std::optional<float> findQuotient(float zeta, float alpha, unsigned planes);

/// `layout` with f16 quotients for the zetas of `reader`'s weight, where it has f32 for them and every one is such a quotient; else `layout`.
LayoutAttr withQuotients(LayoutAttr layout, const WeightReader &reader);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_QUOTIENTS_H
