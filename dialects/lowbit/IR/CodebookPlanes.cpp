//===- CodebookPlanes.cpp - codebooks that are bit planes -----------------===//
//
// A table is affine in the bits of its index when T[q] = sum_p A_p (2 bit_p(q) - 1) + B for all q. Then the codes are
// the planes of a BCQ weight with alpha_p = s A_p and beta = s B. This is said of a weight only where all of it is
// exact, which is found in integers: on the grid of one power of two.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Codebooks.h"

#include <cmath>

using namespace mlir;
using namespace lutra::lowbit;

std::optional<NumberGrid> lutra::lowbit::findGrid(ArrayRef<float> numbers) {
  // The lowest bit that any number needs, and the highest.
  int low = 0, high = 0;
  bool isAny = false;
  for (float number : numbers) {
    if (!std::isfinite(number))
      return std::nullopt;
    if (number == 0)
      continue;
    int exponent;
    auto mantissa = static_cast<int64_t>(std::ldexp(std::frexp(double(number), &exponent), 24));
    int lowest = exponent - 24;
    for (; mantissa % 2 == 0; mantissa /= 2)
      ++lowest;
    low = isAny ? std::min(low, lowest) : lowest;
    high = isAny ? std::max(high, exponent) : exponent;
    isAny = true;
  }
  if (high - low > 40)
    return std::nullopt;
  NumberGrid grid{low, {}};
  for (float number : numbers)
    grid.entries.push_back(static_cast<int64_t>(std::ldexp(double(number), -low)));
  return grid;
}

/// A_0 .. A_(b-1), B of an affine table, in f32 exactly; nothing when it is not affine, or a number is not exact.
static std::optional<SmallVector<float>> findAffine(ArrayRef<float> table, unsigned bits) {
  std::optional<NumberGrid> grid = findGrid(table);
  if (!grid)
    return std::nullopt;
  // In halves of the grid's unit. With T[0] = B - sum A_p and T[2^p] = T[0] + 2 A_p:
  ArrayRef<int64_t> entries = grid->entries;
  SmallVector<int64_t> numbers;
  int64_t offset = 2 * entries[0];
  for (unsigned p = 0; p < bits; ++p) {
    numbers.push_back(entries[size_t(1) << p] - entries[0]);
    offset += numbers.back();
  }
  for (size_t q = 0; q < entries.size(); ++q) {
    int64_t sum = offset;
    for (unsigned p = 0; p < bits; ++p)
      sum += (q >> p & 1) ? numbers[p] : -numbers[p];
    if (sum != 2 * entries[q])
      return std::nullopt;
  }
  numbers.push_back(offset);
  SmallVector<float> result;
  for (int64_t number : numbers) {
    double exact = std::ldexp(double(number), grid->exponent - 1);
    result.push_back(static_cast<float>(exact));
    if (result.back() != exact)
      return std::nullopt;
  }
  return result;
}

/// Whether the product of two f32 numbers is one.
static bool isExactProduct(float a, float b) {
  double product = double(a) * double(b);
  return double(static_cast<float>(product)) == product;
}

std::vector<float> CodebookSource::findAffineTables() const {
  std::vector<float> result;
  for (int64_t n = 0; n < (perRow ? rows : 1); ++n) {
    SmallVector<float> entries;
    for (unsigned q = 0; q < 1u << bits; ++q)
      entries.push_back(entry(n, q));
    std::optional<SmallVector<float>> affine = findAffine(entries, bits);
    if (!affine)
      return {};
    result.insert(result.end(), affine->begin(), affine->end());
  }
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t g = 0; g < groups; ++g)
      for (unsigned i = 0; i <= bits; ++i)
        if (!isExactProduct(scale(n, g), result[(perRow ? n * (bits + 1) : 0) + i]))
          return {};
  return result;
}

WeightFormatInterface CodebookSource::findPlanesFormat() const {
  if (findAffineTables().empty())
    return {};
  auto codebook = cast<CodebookAttr>(format);
  Granularity per = perRow ? std::min(codebook.getPer(), Granularity::Channel) : codebook.getPer();
  return BCQAttr::get(format.getContext(), bits, group, per);
}

namespace {
/// A codebook with affine tables as BCQ.
class CodebookPlanes final : public WeightSource {
public:
  CodebookPlanes(std::shared_ptr<const CodebookSource> inner, std::vector<float> tables, WeightFormatInterface to)
      : WeightSource(*inner, to), inner(std::move(inner)), tables(std::move(tables)) {}

  uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const override { return inner->octetCodes(n, g, octet); }
  bool hasPlanes() const override { return true; }
  float alpha(int64_t n, int64_t g, unsigned p) const override { return inner->scale(n, g) * number(n, p); }
  float beta(int64_t n, int64_t g) const override { return inner->scale(n, g) * number(n, bits); }
  double value(int64_t n, int64_t k) const override { return inner->value(n, k); }

private:
  float number(int64_t n, unsigned i) const { return tables[(inner->hasTablePerRow() ? n * (bits + 1) : 0) + i]; }

  std::shared_ptr<const CodebookSource> inner;
  std::vector<float> tables;
};
} // namespace

WeightSourcePtr CodebookSource::reinterpret(WeightSourcePtr self, WeightFormatInterface to,
                                            EmitErrorFn emitError) const {
  if (to == format)
    return self;
  std::vector<float> tables = findAffineTables();
  if (tables.empty() || !isa<BCQAttr>(to)) {
    emitError() << "the evaluator cannot read a weight in " << format << " as " << to
                << (tables.empty() ? ": its tables are not affine in the bits of the code, or not exactly" : "");
    return nullptr;
  }
  return std::make_shared<CodebookPlanes>(std::static_pointer_cast<const CodebookSource>(self), std::move(tables), to);
}
