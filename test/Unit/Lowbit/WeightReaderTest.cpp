//===- WeightReaderTest.cpp - reading and reinterpreting weights ----------===//
//
// Values against the definition w = s (q - z), and through the formats that are said to be equal to it.
//
//===----------------------------------------------------------------------===//
#include "RandomWeight.h"

#include "mlir/IR/Diagnostics.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace lutra::lowbit;

namespace {
class WeightReaderTest : public testing::TestWithParam<WeightShape> {
protected:
  WeightReaderTest() { context.loadDialect<LowbitDialect>(); }

  /// A reader of `value`, which must have one.
  WeightReader read(Value value) {
    FailureOr<WeightReader> reader = WeightReader::create(value);
    EXPECT_TRUE(succeeded(reader));
    return *reader;
  }

  MLIRContext context;
};
} // namespace

INSTANTIATE_TEST_SUITE_P(Shapes, WeightReaderTest, testing::ValuesIn(getTestShapes()));

TEST_P(WeightReaderTest, CodesAreThoseOfTheWeight) {
  RandomWeight weight(context, GetParam(), 1);
  WeightReader reader = read(weight.getUniform());
  std::vector<uint8_t> row(GetParam().group);
  for (int64_t n = 0; n < GetParam().rows; ++n) {
    for (int64_t g = 0; g < weight.groups; ++g) {
      reader.rowCodes(n, g, row);
      for (int64_t i = 0; i < GetParam().group; ++i) {
        int64_t k = g * GetParam().group + i;
        ASSERT_EQ(row[i], k < GetParam().cols ? weight.code(n, k) : 0) << "row " << n << " column " << k;
        if (k < GetParam().cols)
          ASSERT_EQ(reader.code(n, k), weight.code(n, k));
      }
    }
  }
}

TEST_P(WeightReaderTest, UniformValues) {
  RandomWeight weight(context, GetParam(), 2);
  WeightReader reader = read(weight.getUniform());
  for (int64_t n = 0; n < GetParam().rows; ++n)
    for (int64_t k = 0; k < GetParam().cols; ++k)
      ASSERT_EQ(reader.value(n, k), double(weight.scale(n, k / GetParam().group)) *
                                        (double(weight.code(n, k)) - double(weight.zero(n, k / GetParam().group))));
}

// Exact for constant and integer zero points. A float zero point rounds once, in zeta: by half a unit in its last
// place, times alpha.
TEST_P(WeightReaderTest, BipolarEqualsUniform) {
  RandomWeight weight(context, GetParam(), 3);
  WeightReader uniform = read(weight.getUniform()), bipolar = read(weight.makeBipolar());
  for (int64_t n = 0; n < GetParam().rows; ++n) {
    for (int64_t k = 0; k < GetParam().cols; ++k) {
      int64_t g = k / GetParam().group;
      double unit = std::nextafter(std::fabs(bipolar.zeta(n, g)), INFINITY) - std::fabs(bipolar.zeta(n, g));
      double bound = GetParam().zero == ZeroKind::Float ? std::fabs(bipolar.alpha(n, g)) * unit / 2 : 0;
      ASSERT_LE(std::fabs(uniform.value(n, k) - bipolar.value(n, k)), bound * (1 + 1e-9)) << "at " << n << ", " << k;
      ASSERT_EQ(bipolar.alpha(n, g), weight.scale(n, g) / 2);
      ASSERT_EQ(bipolar.zeta(n, g), float(double((1 << GetParam().bits) - 1) - 2.0 * double(weight.zero(n, g))));
    }
  }
}

// Alphas are exact multiples; beta = alpha zeta rounds once.
TEST_P(WeightReaderTest, BCQEqualsBipolar) {
  RandomWeight weight(context, GetParam(), 4);
  Value bipolarValue = weight.makeBipolar();
  WeightReader bipolar = read(bipolarValue), bcq = read(weight.makeBCQ(bipolarValue));
  for (int64_t n = 0; n < GetParam().rows; ++n) {
    for (int64_t g = 0; g < weight.groups; ++g) {
      for (unsigned p = 0; p < GetParam().bits; ++p)
        ASSERT_EQ(bcq.alpha(n, g, p), std::ldexp(bipolar.alpha(n, g), p));
      ASSERT_EQ(bcq.beta(n, g), bipolar.alpha(n, g) * bipolar.zeta(n, g));
    }
    for (int64_t k = 0; k < GetParam().cols; ++k) {
      float beta = std::fabs(bcq.beta(n, k / GetParam().group));
      double bound = (std::nextafter(beta, INFINITY) - beta) / 2;
      ASSERT_LE(std::fabs(bcq.value(n, k) - bipolar.value(n, k)), bound * (1 + 1e-9));
    }
  }
}

// One step from uniform to BCQ is the two steps together.
TEST_P(WeightReaderTest, ChainEqualsItsComposition) {
  RandomWeight weight(context, GetParam(), 5);
  WeightReader twoSteps = read(weight.makeBCQ(weight.makeBipolar())),
               oneStep = read(weight.makeBCQ(weight.getUniform()));
  for (int64_t n = 0; n < GetParam().rows; ++n)
    for (int64_t g = 0; g < weight.groups; ++g) {
      ASSERT_EQ(oneStep.beta(n, g), twoSteps.beta(n, g));
      ASSERT_EQ(oneStep.alpha(n, g, GetParam().bits - 1), twoSteps.alpha(n, g, GetParam().bits - 1));
    }
}

TEST_P(WeightReaderTest, CodeRange) {
  RandomWeight weight(context, GetParam(), 6);
  auto [low, high] = read(weight.getUniform()).findCodeRange();
  auto [least, greatest] = std::minmax_element(weight.codes.begin(), weight.codes.end());
  EXPECT_EQ(low, *least);
  EXPECT_EQ(high, *greatest);
}

TEST_P(WeightReaderTest, ConstantZeta) {
  RandomWeight weight(context, GetParam(), 7);
  std::optional<float> zeta = read(weight.getUniform()).findConstantZeta();
  bool isConstant = llvm::all_equal(weight.zeros);
  ASSERT_EQ(zeta.has_value(), isConstant);
  if (!isConstant)
    return;
  if (GetParam().zero == ZeroKind::Midpoint)
    EXPECT_EQ(*zeta, -1.0f);
  EXPECT_EQ(read(weight.makeBipolar(zeta)).zeta(0, 0), *zeta);
}

TEST_F(WeightReaderTest, RefusesAConstantZetaThatTheZeroPointsContradict) {
  RandomWeight weight(context, {4, 64, 32, 4, ZeroKind::Integer}, 8);
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diag) { message = diag.str(); });
  EXPECT_TRUE(failed(WeightReader::create(weight.makeBipolar(-1.0f))));
  EXPECT_EQ(message, "the format states a constant zeta of -1.000000e+00, but the zero points do not all give it");
}
