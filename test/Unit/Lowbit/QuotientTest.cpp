//===- QuotientTest.cpp - zetas stored as quotients of an alpha -----------===//
#include "dialects/lowbit/IR/Quotients.h"

#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace lutra::lowbit;

/// The zeta of a weight d q + m, as docs/spec/numerics.md has it: z = -m / d in f32, then (2^b - 1) - 2 z in f64, rounded once.
static float zetaOfMinimum(float m, float d, unsigned planes) {
  return static_cast<float>(double((1 << planes) - 1) - 2.0 * double(-m / d));
}

static uint32_t bitsOf(float value) { return llvm::bit_cast<uint32_t>(value); }

// Any two halves, subnormal ones too: what is found gives the same bits, and it is the minimum unless that is tiny beside the scale.
TEST(QuotientTest, MinimaOfHalves) {
  std::mt19937 random(1);
  int64_t found = 0, clear = 0;
  for (int i = 0; i < 200000; ++i) {
    float m = fromF16Bits(random() & 0xffff), d = fromF16Bits(random() & 0xffff);
    unsigned planes = 1 + random() % 8;
    if (!std::isfinite(m) || !std::isfinite(d) || d == 0)
      continue;
    float zeta = zetaOfMinimum(m, d, planes);
    std::optional<float> quotient = findQuotient(zeta, d / 2, planes);
    if (quotient) {
      ++found;
      ASSERT_EQ(bitsOf(getZetaOfQuotient(*quotient, d / 2, planes)), bitsOf(zeta));
    }
    if (std::fabs(m / d) < 0x1p-4f)
      continue;
    ++clear;
    ASSERT_TRUE(quotient) << m << " over " << d;
    ASSERT_EQ(*quotient, m);
  }
  EXPECT_GT(clear, 50000);
  EXPECT_GE(found, clear);
}

TEST(QuotientTest, OthersAreNone) {
  EXPECT_FALSE(findQuotient(NAN, 1.0f, 4));
  EXPECT_FALSE(findQuotient(INFINITY, 1.0f, 4) && std::isfinite(*findQuotient(INFINITY, 1.0f, 4)));
  EXPECT_FALSE(findQuotient(1.0f, NAN, 4));
  // 1e6 is beyond a half.
  EXPECT_FALSE(findQuotient(15.0f + 1e6f, 1.0f, 4));
  // Neighbours of 15 + 1/3 as an f32.
  const float third = 15.0f + 1.0f / 3.0f;
  EXPECT_EQ(findQuotient(third, 3.0f, 4), std::optional<float>(1.0f));
  EXPECT_FALSE(findQuotient(std::nextafter(third, 16.0f), 3.0f, 4));
  EXPECT_FALSE(findQuotient(-0.0f, 1.0f, 4));
  // Beside an alpha of 0 there is only the middle of the codes.
  EXPECT_EQ(findQuotient(3.0f, 0.0f, 2), std::optional<float>(0.0f));
  EXPECT_FALSE(findQuotient(2.0f, 0.0f, 2));
}
