//===- RandomFormat.cpp - random weights in every simple format -----------===//
#include "RandomFormat.h"

#include <cmath>

using namespace mlir;
using namespace lutra::lowbit;

static int64_t pick(std::mt19937 &random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

WeightFormatInterface lutra::lowbit::makeRandomFormat(MLIRContext &context, std::mt19937 &random, int family) {
  Type scales[] = {Float32Type::get(&context), Float16Type::get(&context), BFloat16Type::get(&context),
                   Float8E8M0FNUType::get(&context), Float8E4M3FNType::get(&context)};
  Type scale = scales[pick(random, 0, 4)];
  unsigned bits = static_cast<unsigned>(pick(random, 1, 8));
  int64_t group = pick(random, 0, 1) ? int64_t(16) << pick(random, 0, 3) : pick(random, 1, 45);
  auto per = static_cast<Granularity>(pick(random, 0, 2));
  switch (family < 0 ? pick(random, 0, 3) : family) {
  case 0:
    return UniformAttr::get(&context, bits, group, static_cast<ZeroKind>(pick(random, 0, 3)), pick(random, 0, 1), per,
                            scale);
  case 1: return TernaryAttr::get(&context, group, static_cast<TernaryStorage>(pick(random, 0, 2)), per, scale);
  case 2: {
    FloatAttr zeta;
    if (pick(random, 0, 1))
      zeta = Builder(&context).getF32FloatAttr(static_cast<float>(pick(random, -3, 3)));
    return BipolarAttr::get(&context, bits, group, zeta, per, scale);
  }
  default: {
    // Least squares over 256 levels is slow in a test; the formats' code does not depend on the width.
    unsigned planes = 1 + bits % 5, terms = static_cast<unsigned>(pick(random, 0, 3));
    return BCQAttr::get(&context, planes, group, per, terms ? scales[0] : scale, terms);
  }
  }
}

std::vector<float> lutra::lowbit::makeRandomValues(int64_t rows, int64_t cols, std::mt19937 &random) {
  std::normal_distribution<float> normal(0.0f, 0.05f);
  std::vector<float> values(rows * cols);
  for (int64_t n = 0; n < rows; ++n) {
    int64_t kind = pick(random, 0, 9);
    float same = normal(random);
    for (int64_t k = 0; k < cols; ++k) {
      float value = normal(random);
      if (kind == 0)
        value = same;
      else if (kind == 1)
        value = 0;
      else if (kind == 2)
        value = std::fabs(value);
      else if (kind == 3)
        value = -std::fabs(value);
      values[n * cols + k] = value;
    }
  }
  return values;
}

uint8_t Oracle::byte(StringRef name, int64_t index) const {
  auto elements = cast<DenseElementsAttr>(components.get(name));
  return static_cast<uint8_t>((*(elements.value_begin<APInt>() + index)).getZExtValue());
}

double Oracle::number(StringRef name, int64_t n, int64_t k, int64_t inner, int64_t count) const {
  Granularity per = type.getFormat().getGranularity();
  int64_t index = per == Granularity::Tensor    ? 0
                  : per == Granularity::Channel ? n
                                                : n * type.getNumGroups() + k / type.getGroup();
  index = index * count + inner;
  auto elements = cast<DenseElementsAttr>(components.get(name));
  if (elements.getElementType().isInteger(8))
    return byte(name, index);
  APFloat value = *(elements.value_begin<APFloat>() + index);
  bool lost;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return value.convertToDouble();
}

int Oracle::code(int64_t n, int64_t k) const {
  WeightFormatInterface format = type.getFormat();
  int64_t group = type.getGroup(), inGroup = k % group;
  int64_t groupBytes = cast<ShapedType>(cast<ElementsAttr>(components.get("codes")).getType()).getDimSize(2);
  int64_t first = (n * type.getNumGroups() + k / group) * groupBytes;
  auto ternary = dyn_cast<TernaryAttr>(format);
  if (ternary && ternary.getStorage() == TernaryStorage::FiveInEight) {
    int rest = byte("codes", first + inGroup / 5);
    for (int64_t i = 0; i < inGroup % 5; ++i)
      rest /= 3;
    return rest % 3 - 1;
  }
  if (ternary && ternary.getStorage() == TernaryStorage::ThreeInFive) {
    int64_t three = inGroup / 3, threes = (group + 2) / 3;
    int v = byte("codes", first + three / 2) >> (three % 2 * 4) & 15;
    if (byte("codes", first + (threes + 1) / 2 + three / 8) >> (three % 8) & 1)
      v = -v;
    // Balanced ternary: each digit is what is left modulo 3, -1 to 1.
    for (int64_t i = 0;; ++i) {
      int digit = ((v % 3) + 4) % 3 - 1;
      if (i == inGroup % 3)
        return digit;
      v = (v - digit) / 3;
    }
  }
  int code = 0;
  for (unsigned bit = 0; bit < type.getBits(); ++bit) {
    int64_t at = inGroup * type.getBits() + bit;
    code |= (byte("codes", first + at / 8) >> (at % 8) & 1) << bit;
  }
  if (ternary)
    return code - 1;
  auto uniform = dyn_cast<UniformAttr>(format);
  if (uniform && uniform.getIsSigned() && code >= 1 << (uniform.getBits() - 1))
    code -= 1 << uniform.getBits();
  return code;
}

double Oracle::alpha(int64_t n, int64_t k, unsigned p) const {
  auto bcq = cast<BCQAttr>(type.getFormat());
  if (bcq.getShiftTerms() == 0)
    return number("alphas", n, k, p, bcq.getPlanes());
  double sum = 0;
  for (unsigned t = 0; t < bcq.getShiftTerms(); ++t) {
    int term = static_cast<int>(
        number("alphas", n, k, p * bcq.getShiftTerms() + t, int64_t(bcq.getPlanes()) * bcq.getShiftTerms()));
    if (term != 0)
      sum += std::pow(2.0, (term & 127) - 64) * (term & 128 ? -1 : 1);
  }
  return static_cast<float>(sum);
}

double Oracle::value(int64_t n, int64_t k) const {
  WeightFormatInterface format = type.getFormat();
  int q = code(n, k);
  if (isa<TernaryAttr>(format))
    return number("scales", n, k) * q;
  if (auto uniform = dyn_cast<UniformAttr>(format)) {
    double zero = 0;
    if (uniform.getZero() == ZeroKind::Midpoint && !uniform.getIsSigned())
      zero = std::pow(2.0, uniform.getBits() - 1);
    if (uniform.getZero() == ZeroKind::Integer || uniform.getZero() == ZeroKind::Float)
      zero = number("zeros", n, k);
    if (uniform.getZero() == ZeroKind::Integer && uniform.getIsSigned() && zero > 127)
      zero -= 256;
    return number("scales", n, k) * (q - zero);
  }
  double sum = 0;
  if (auto bipolar = dyn_cast<BipolarAttr>(format)) {
    for (unsigned p = 0; p < bipolar.getPlanes(); ++p)
      sum += std::pow(2.0, p) * (q >> p & 1 ? 1 : -1);
    double zeta = bipolar.getZeta() ? bipolar.getZeta().getValueAsDouble() : number("zetas", n, k);
    return number("alphas", n, k) * (sum + zeta);
  }
  for (unsigned p = 0; p < cast<BCQAttr>(format).getPlanes(); ++p)
    sum += alpha(n, k, p) * (q >> p & 1 ? 1 : -1);
  return sum + number("betas", n, k);
}
