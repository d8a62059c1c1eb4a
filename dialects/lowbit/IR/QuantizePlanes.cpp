//===- QuantizePlanes.cpp - rounding dense weights to bit planes ----------===//
//
// Bipolar planes cover the range of a region; BCQ alternates between the nearest codes and the best alphas (least
// squares), from a greedy start (LUT-GEMM, section 2). See Quantize.h.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Quantize.h"

#include "mlir/IR/Builders.h"

#include <cmath>

using namespace mlir;
using namespace lutra::lowbit;

/// The values of a region, row by row.
static std::vector<double> collect(const DenseWeights &weights, const QuantizedRegion &region) {
  std::vector<double> values;
  for (int64_t n = region.firstRow; n < region.endRow; ++n)
    for (int64_t k = region.firstCol; k < region.endCol; ++k)
      values.push_back(weights.at(n, k));
  return values;
}

/// Puts the codes of a region, row by row, where they belong.
static void scatter(ArrayRef<uint8_t> from, const QuantizedRegion &region, int64_t cols, std::vector<uint8_t> &codes) {
  for (int64_t n = region.firstRow; n < region.endRow; ++n)
    for (int64_t k = region.firstCol; k < region.endCol; ++k, from = from.drop_front())
      codes[n * cols + k] = from.front();
}

//===----------------------------------------------------------------------===//
// Bipolar
//===----------------------------------------------------------------------===//

namespace {
/// Bipolar numbers of a region, with the nearest code of each value and the squared error.
struct BipolarFit {
  double alpha, zeta, error = 0;
  std::vector<uint8_t> codes;

  BipolarFit(ArrayRef<double> values, double alpha, double zeta, unsigned planes) : alpha(alpha), zeta(zeta) {
    double most = static_cast<double>((1u << planes) - 1);
    for (double value : values) {
      double q = std::clamp(std::rint((value / alpha - zeta + most) / 2), 0.0, most);
      double difference = value - alpha * (2 * q - most + zeta);
      error += difference * difference;
      codes.push_back(static_cast<uint8_t>(q));
    }
  }
};
} // namespace

DictionaryAttr BipolarAttr::quantize(ArrayRef<float> values, int64_t rows, int64_t cols) const {
  DenseWeights weights{values, rows, cols};
  double most = static_cast<double>((1u << getPlanes()) - 1);
  std::vector<float> alphas, zetas;
  std::vector<uint8_t> codes(rows * cols);
  auto round = [&](double alpha) {
    double rounded = roundToType(getScale(), alpha == 0 ? 1.0 : alpha);
    return rounded == 0 ? 1.0 : rounded;
  };
  for (const QuantizedRegion &region : getRegions(*this, rows, cols)) {
    std::vector<double> elements = collect(weights, region);
    auto [least, greatest] = std::minmax_element(elements.begin(), elements.end());
    std::optional<BipolarFit> best;
    auto consider = [&](double alpha, double zeta) {
      BipolarFit fit(elements, alpha, zeta, getPlanes());
      if (!best || fit.error < best->error)
        best = std::move(fit);
    };
    if (getZeta()) {
      // Each extreme at either end of the levels: alpha may be negative.
      double zeta = getZeta().getValue().convertToFloat();
      for (double extreme : {*least, *greatest})
        for (double level : {zeta - most, zeta + most})
          consider(round(level == 0 ? extreme : extreme / level), zeta);
    } else {
      double alpha = round((*greatest - *least) / (2 * most));
      consider(alpha, static_cast<float>((*greatest + *least) / 2 / alpha));
      // One value everywhere is a level of its own.
      if (*greatest == *least)
        consider(alpha, static_cast<float>(*least / alpha - most));
    }
    alphas.push_back(static_cast<float>(best->alpha));
    zetas.push_back(static_cast<float>(best->zeta));
    scatter(best->codes, region, cols, codes);
  }
  ComponentTypes types(*this, rows, cols);
  NamedAttrList components;
  components.set("codes", makeCodes(*this, rows, cols, codes));
  components.set("alphas", makeNumbers(types.shared(getScale()), alphas));
  if (!getZeta())
    components.set("zetas", makeNumbers(types.shared(Float32Type::get(getContext())), zetas));
  return components.getDictionary(getContext());
}

//===----------------------------------------------------------------------===//
// BCQ
//===----------------------------------------------------------------------===//

/// The bytes of `alpha` as a sum of signed powers of two: each term is the one nearest to what is left. Returns the
/// sum.
static double splitIntoShifts(double alpha, MutableArrayRef<uint8_t> terms) {
  double sum = 0;
  for (uint8_t &term : terms) {
    double left = alpha - sum;
    term = 0;
    if (std::fabs(left) < 0x1p-64)
      continue;
    int exponent;
    double m = std::frexp(std::fabs(left), &exponent);
    exponent = std::clamp(exponent - 1 + (m > 0.75 ? 1 : 0), -63, 63);
    term = static_cast<uint8_t>((left < 0 ? 0x80 : 0) | (exponent + 64));
    sum += std::copysign(std::ldexp(1.0, exponent), left);
  }
  return sum;
}

/// Solves the symmetric system `a` x = `b` of `n` unknowns by elimination; where a pivot vanishes the unknown is 0.
static std::vector<double> solve(std::vector<double> a, std::vector<double> b) {
  size_t n = b.size();
  std::vector<double> x(n);
  std::vector<bool> isFree(n);
  for (size_t i = 0; i < n; ++i) {
    if (std::fabs(a[i * n + i]) < 1e-9) {
      isFree[i] = true;
      continue;
    }
    for (size_t r = i + 1; r < n; ++r) {
      double factor = a[r * n + i] / a[i * n + i];
      for (size_t c = i; c < n; ++c)
        a[r * n + c] -= factor * a[i * n + c];
      b[r] -= factor * b[i];
    }
  }
  for (size_t i = n; i-- > 0;) {
    if (isFree[i])
      continue;
    double sum = b[i];
    for (size_t c = i + 1; c < n; ++c)
      sum -= a[i * n + c] * x[c];
    x[i] = sum / a[i * n + i];
  }
  return x;
}

namespace {
/// The alphas of a region's planes, its beta, and a code for each element.
struct BCQFit {
  std::vector<double> alphas;
  double beta = 0;
  std::vector<uint8_t> codes;

  /// Plane after plane, the uppermost first: signs of what is left, and their mean magnitude.
  BCQFit(ArrayRef<double> values, unsigned planes) : alphas(planes), codes(values.size()) {
    for (double value : values)
      beta += value / static_cast<double>(values.size());
    std::vector<double> left(values);
    for (double &value : left)
      value -= beta;
    for (unsigned p = planes; p-- > 0;) {
      for (double value : left)
        alphas[p] += std::fabs(value) / static_cast<double>(values.size());
      for (auto [value, code] : llvm::zip_equal(left, codes)) {
        code |= static_cast<uint8_t>((value >= 0) << p);
        value -= value >= 0 ? alphas[p] : -alphas[p];
      }
    }
  }

  static double sign(uint8_t code, unsigned p) { return code >> p & 1 ? 1 : -1; }

  /// Least squares for the codes as they are; the last unknown is beta.
  void fitAlphas(ArrayRef<double> values) {
    size_t n = alphas.size() + 1;
    std::vector<double> a(n * n), b(n);
    for (auto [value, code] : llvm::zip_equal(values, codes)) {
      auto factor = [code = code, n](size_t i) { return i + 1 == n ? 1.0 : sign(code, i); };
      for (size_t i = 0; i < n; ++i) {
        b[i] += factor(i) * value;
        for (size_t j = 0; j < n; ++j)
          a[i * n + j] += factor(i) * factor(j);
      }
    }
    std::vector<double> x = solve(std::move(a), std::move(b));
    beta = x.back();
    std::copy(x.begin(), x.end() - 1, alphas.begin());
  }

  /// The nearest code of each element.
  void fitCodes(ArrayRef<double> values) {
    std::vector<double> levels(size_t(1) << alphas.size(), beta);
    for (size_t code = 0; code < levels.size(); ++code)
      for (size_t p = 0; p < alphas.size(); ++p)
        levels[code] += sign(static_cast<uint8_t>(code), p) * alphas[p];
    for (auto [value, code] : llvm::zip_equal(values, codes)) {
      auto nearest = std::min_element(levels.begin(), levels.end(), [value = value](double a, double b) {
        return std::fabs(value - a) < std::fabs(value - b);
      });
      code = static_cast<uint8_t>(nearest - levels.begin());
    }
  }
};
} // namespace

DictionaryAttr BCQAttr::quantize(ArrayRef<float> values, int64_t rows, int64_t cols) const {
  constexpr int kRounds = 3;
  DenseWeights weights{values, rows, cols};
  const unsigned terms = getShiftTerms();
  std::vector<float> alphas, betas;
  std::vector<uint8_t> codes(rows * cols), termBytes;
  for (const QuantizedRegion &region : getRegions(*this, rows, cols)) {
    std::vector<double> elements = collect(weights, region);
    BCQFit fit(elements, getPlanes());
    for (int round = 0; round < kRounds; ++round) {
      fit.fitAlphas(elements);
      fit.fitCodes(elements);
    }
    // The codes are the nearest for the numbers as they are stored.
    for (double &alpha : fit.alphas) {
      if (terms > 0) {
        termBytes.resize(termBytes.size() + terms);
        alpha = static_cast<float>(splitIntoShifts(alpha, MutableArrayRef(termBytes).take_back(terms)));
      } else {
        alpha = roundToType(getScale(), alpha);
      }
      alphas.push_back(static_cast<float>(alpha));
    }
    fit.beta = static_cast<float>(fit.beta);
    betas.push_back(static_cast<float>(fit.beta));
    fit.fitCodes(elements);
    scatter(fit.codes, region, cols, codes);
  }
  NamedAttrList components;
  components.set("codes", makeCodes(*this, rows, cols, codes));
  for (const ExpectedComponent &component : getExpectedComponents(rows, cols)) {
    if (component.name == "alphas")
      components.set("alphas", terms > 0 ? makeBytes(component.type, termBytes) : makeNumbers(component.type, alphas));
    if (component.name == "betas")
      components.set("betas", makeNumbers(component.type, betas));
  }
  return components.getDictionary(getContext());
}
