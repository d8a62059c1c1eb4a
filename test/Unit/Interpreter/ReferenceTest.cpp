//===- ReferenceTest.cpp - the formulas of numerics.md on small examples --===//
//
// Values computed by hand, so that the specification and its code cannot go wrong together.
//
//===----------------------------------------------------------------------===//
#include "Fixture.h"

#include <cmath>
#include <limits>

using namespace lutra;
using testing::ElementsAre;

static constexpr float kInf = std::numeric_limits<float>::infinity();
static constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Table, HoldsTheSignedSums) {
  const float a[4] = {1, 2, 4, 8};
  float entries[16];
  computeTable(a, entries);
  EXPECT_THAT(entries, ElementsAre(-15, -13, -11, -9, -7, -5, -3, -1, 1, 3, 5, 7, 9, 11, 13, 15));
}

TEST(Table, ComplementIsTheExactNegativeEvenOfZero) {
  const float a[4] = {1, -1, 0, 0};
  float entries[16];
  computeTable(a, entries);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(entries[i], -entries[15 - i]);
    EXPECT_NE(std::signbit(entries[i]), std::signbit(entries[15 - i])) << i;
  }
  EXPECT_FALSE(std::signbit(entries[15])) << "the sum itself is +0";
}

TEST(Table, AddsInTheFixedOrder) {
  // (2^24 + 1) + 1 rounds twice to 2^24; added from the other end it would be 2^24 + 2.
  const float a[4] = {0x1p24f, 1, 1, 0};
  float entries[16];
  computeTable(a, entries);
  EXPECT_EQ(entries[15], 0x1p24f);
}

TEST(Precompute, PadsShortGroupsAndAddsTheSumsTableByTable) {
  // K = 6, group 4: groups {1,2,3,4} and {5,6}; 2 tables per group, since a byte indexes two.
  LookupTables tables = precomputeTables({1, 2, 3, 4, 5, 6}, 1, 6, 4, /*quantized=*/false);
  EXPECT_EQ(tables.groups, 2);
  EXPECT_EQ(tables.tables, 2);
  EXPECT_THAT(tables.sums, ElementsAre(10, 11));
  EXPECT_THAT(tables.scales, ElementsAre(1, 1));
  EXPECT_EQ(tables.f32[tables.entryIndex(0, 0, 0) + 15], 10);
  EXPECT_EQ(tables.f32[tables.entryIndex(0, 0, 1) + 15], 0);
  EXPECT_EQ(tables.f32[tables.entryIndex(0, 1, 0) + 0b0001], -1); // +5 - 6 - 0 - 0
  EXPECT_EQ(tables.f32[tables.entryIndex(0, 1, 0) + 0b1110], 1);
}

TEST(Precompute, QuantizesByGroup) {
  LookupTables tables = precomputeTables({1, 2, 4, 8, 0, 0, 0, 0.5f}, 1, 8, 8, /*quantized=*/true);
  // amax = 15 over both tables; inv = 127 / 15.
  EXPECT_THAT(llvm::ArrayRef(tables.i8).slice(8, 8), ElementsAre(8, 25, 42, 59, 76, 93, 110, 127));
  EXPECT_THAT(llvm::ArrayRef(tables.i8).take_front(8), ElementsAre(-127, -110, -93, -76, -59, -42, -25, -8));
  EXPECT_EQ(tables.i8[16 + 15], 4); // 0.5 * 127 / 15 = 4.23
  EXPECT_EQ(tables.scales[0], 15 * 0x1.020408p-7f);
  EXPECT_EQ(tables.sums[0], 15.5f);
}

TEST(Precompute, RoundsHalfToEven) {
  // amax = 127 makes inv = 1: entries are the sums themselves, rounded.
  LookupTables tables = precomputeTables({127, 0, 0, 0, 2.5f, 0, 0, 0}, 1, 8, 8, /*quantized=*/true);
  EXPECT_EQ(tables.i8[15], 127);
  EXPECT_EQ(tables.i8[16 + 15], 2);
  EXPECT_EQ(tables.i8[16 + 0], -2);
}

TEST(Precompute, TinyGroupsAreZero) {
  LookupTables tables = precomputeTables({0x1p-101f, 0, 0, 0}, 1, 4, 4, /*quantized=*/true);
  EXPECT_EQ(tables.scales[0], 0.0f);
  EXPECT_THAT(tables.i8, testing::Each(0));
  EXPECT_EQ(tables.sums[0], 0x1p-101f);
  tables = precomputeTables({0x1p-100f, 0, 0, 0}, 1, 4, 4, /*quantized=*/true);
  EXPECT_EQ(tables.i8[15], 127);
}

TEST(Precompute, InfinityAndNaNPoisonTheirGroupOnly) {
  for (float bad : {kInf, -kInf, kNaN, 3e38f}) {
    LookupTables tables = precomputeTables({bad, bad, 0, 0, 1, 0, 0, 0}, 1, 8, 4, /*quantized=*/true);
    EXPECT_TRUE(std::isnan(tables.scales[0])) << bad;
    EXPECT_THAT(llvm::ArrayRef(tables.i8).take_front(32), testing::Each(0));
    EXPECT_EQ(tables.scales[1], 1 * 0x1.020408p-7f);
  }
}

using LookupTest = InterpreterFixture;

TEST_F(LookupTest, BipolarByHand) {
  // 2 bits, group 4: codes 0 1 2 3 of one row; plane 0 = 0101 (k order: 0,1,0,1), plane 1 = 0,0,1,1.
  lowbit::WeightReader w = weight(R"(%w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>,
      alphas = dense<0.5> : tensor<1x1xf32>, zetas = dense<3.0> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.bipolar<planes = 2, group = 4>>)");
  // Weights 0.5 (2 q - 3 + 3) = q: 0 1 2 3.
  float y;
  lookupMatmul(precomputeTables({10, 20, 30, 40}, 1, 4, 4, false), w, y);
  EXPECT_EQ(y, 20 + 60 + 120);
  EXPECT_THAT(denseMatmul({10, 20, 30, 40}, 1, w), ElementsAre(200.0));
}

TEST_F(LookupTest, QuantizedBipolarByHand) {
  lowbit::WeightReader w = weight(R"(%w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>,
      alphas = dense<0.5> : tensor<1x1xf32>, zetas = dense<3.0> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.bipolar<planes = 2, group = 4>>)");
  // T = -10 + 20 - 30 + 40 = 20 (plane 0) and -10 - 20 + 30 + 40 = 40 (plane 1); amax = 100.
  float y;
  LookupTables tables = precomputeTables({10, 20, 30, 40}, 1, 4, 4, true);
  lookupMatmul(tables, w, y);
  float ts = 100 * 0x1.020408p-7f;
  int acc = 25 + 2 * 51; // round(25.4), round(50.8)
  EXPECT_EQ(y, std::fma(0.5f, std::fma(ts, static_cast<float>(acc), 3.0f * 100), 0.0f));
}

TEST_F(LookupTest, BCQByHand) {
  lowbit::WeightReader w = weight(R"(%w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>,
      alphas = dense<[[[0.5, 3.0]]]> : tensor<1x1x2xf32>, betas = dense<-1.0> : tensor<1x1xf32>}
      : !lowbit.weight<1x4, #lowbit.bcq<planes = 2, group = 4>>)");
  // 0.5 * 20 + 3 * 40 - 1 * 100
  float y;
  lookupMatmul(precomputeTables({10, 20, 30, 40}, 1, 4, 4, false), w, y);
  EXPECT_EQ(y, 30);
  EXPECT_THAT(denseMatmul({10, 20, 30, 40}, 1, w), ElementsAre(30.0));
}

TEST_F(LookupTest, InfinityReachesOnlyItsRow) {
  lowbit::WeightReader w =
      weight(R"(%w = lowbit.weight {codes = dense<5> : tensor<3x2x2xi8>, scales = dense<0.5> : tensor<3x2xf32>}
      : !lowbit.weight<3x8, #lowbit.uniform<bits = 4, group = 4>>)");
  std::vector<float> a(16, 1.0f), y(6);
  a[3] = kInf;
  for (bool quantized : {false, true}) {
    lookupMatmul(precomputeTables(a, 2, 8, 4, quantized), w, y);
    for (int n = 0; n < 3; ++n) {
      EXPECT_FALSE(std::isfinite(y[n]));
      EXPECT_TRUE(std::isfinite(y[3 + n]));
    }
  }
}

TEST_F(LookupTest, GreatestGroupFitsThirtyTwoBits) {
  // numerics.md, "Ranges": 2^18 activations, 8 planes, all codes 255, all entries 127.
  int64_t k = kMaxGroup;
  std::string type = "!lowbit.weight<1x" + std::to_string(k) +
                     ", #lowbit.bipolar<planes = 8, group = " + std::to_string(k) + ", zeta = 0.0 : f32>>";
  lowbit::WeightReader w = weight("%w = lowbit.weight {codes = dense<-1> : tensor<1x1x" + std::to_string(k) +
                                  "xi8>, alphas = dense<1.0> : tensor<1x1xf32>} : " + type);
  std::vector<float> a(k, 1.0f);
  float y;
  lookupMatmul(precomputeTables(a, 1, k, k, true), w, y);
  float ts = 4 * 0x1.020408p-7f;
  EXPECT_EQ(y, ts * static_cast<float>((k / 4) * 127 * 255));
  EXPECT_LT((k / 4) * 127 * 255, int64_t(1) << 31);
}
