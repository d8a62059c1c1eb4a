//===- TernaryTablesTest.cpp - tables of three activations ----------------===//
//
// docs/spec/numerics.md, "Tables of three", by hand and at its bounds.
//
//===----------------------------------------------------------------------===//
#include "Fixture.h"

#include <cmath>
#include <random>

using namespace lutra;
using lowbit::TableElement;
using lowbit::TableKind;
using lowbit::TableScale;
using testing::ElementsAre;

static TableKind ofThree(TableScale scale) { return {TableElement::I8, scale, lowbit::kTripleWidth}; }

TEST(TernaryTables, EntriesAreBalancedTernaryNumbers) {
  const float a[3] = {9, 3, 1};
  float entries[16];
  computeTripleTable(a, entries);
  for (int i = 0; i < 14; ++i)
    EXPECT_EQ(entries[i], i);
  EXPECT_EQ(entries[14], 0);
  EXPECT_EQ(entries[15], 0);
}

TEST(TernaryTables, WhatHasWeightZeroIsNoTerm) {
  const float a[3] = {std::numeric_limits<float>::infinity(), 1, 2};
  float entries[16];
  computeTripleTable(a, entries);
  EXPECT_EQ(entries[4], 3); // 0 1 1
  EXPECT_TRUE(std::isinf(entries[9]));
}

// Five columns have two tables: of columns 0, 2 and 4, and of 1 and 3.
TEST(TernaryTables, ColumnsAndScales) {
  std::vector<float> a = {1, 2, 3, 4, 5, 0.5f, 0, 0, 0, 0};
  LookupTables tables = precomputeTables(a, 1, 10, 5, ofThree(TableScale::Group));
  EXPECT_EQ(tables.tables, 2);
  EXPECT_THAT(tables.scales, ElementsAre(9 * 0x1.020408p-7f, 0.5f * 0x1.020408p-7f));
  EXPECT_THAT(tables.sums, ElementsAre(0, 0));
  EXPECT_EQ(tables.i8[13], 127);     // 1 + 3 + 5
  EXPECT_EQ(tables.i8[5], -99);      // 5 is 9 - 3 - 1: 1 - 3 - 5, -98.8
  EXPECT_EQ(tables.i8[16 + 12], 85); // 2 + 4
  EXPECT_EQ(tables.i8[16 + 13], 85); // and a column that is not there
  tables = precomputeTables(a, 1, 10, 5, ofThree(TableScale::Row));
  EXPECT_THAT(tables.scales, ElementsAre(9 * 0x1.020408p-7f));
}

TEST(TernaryTables, SpecialActivations) {
  for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    LookupTables tables = precomputeTables({1, bad, 1}, 1, 3, 3, ofThree(TableScale::Group));
    EXPECT_TRUE(std::isnan(tables.scales[0]));
    EXPECT_EQ(tables.i8[13], 0);
  }
  LookupTables tables = precomputeTables({0x1p-110f, 0, 0}, 1, 3, 3, ofThree(TableScale::Group));
  EXPECT_EQ(tables.scales[0], 0);
  EXPECT_EQ(tables.i8[13], 0);
}

using TernaryProductTest = InterpreterFixture;

/// A ternary weight of one row, whose codes are bytes of four each, and the scale that alpha is half of.
static std::string ternaryDefinition(const std::string &bytes, int64_t k, int64_t group) {
  return "%w = lowbit.weight {codes = dense<\"0x" + bytes + "\"> : tensor<1x" + std::to_string((k + group - 1) / group) + "x" +
         std::to_string((group + 3) / 4) + "xi8>, alphas = dense<0.5> : tensor<1x" + std::to_string((k + group - 1) / group) +
         "xf32>} : !lowbit.weight<1x" + std::to_string(k) + ", #lowbit.bipolar<planes = 2, group = " + std::to_string(group) +
         ", zeta = 1.0 : f32>>";
}

// Codes 0 1 2 0 2: -1, 0, 1, -1, 1. Tables of columns 0, 2, 4 (v = -9 + 3 + 1) and 1, 3 (v = -3).
TEST_F(TernaryProductTest, ByHand) {
  lowbit::WeightReader w = weight(ternaryDefinition("2402", 5, 5));
  std::vector<float> a = {1, 2, 3, 4, 5};
  float y;
  lookupMatmul(precomputeTables(a, 1, 5, 5, ofThree(TableScale::Group)), w, y);
  const float ts = 9 * 0x1.020408p-7f;
  const int acc = 99 - 56; // 7 and 4 in units of 9 / 127: -(1 - 3 - 5), -4
  EXPECT_EQ(y, 0.5f * (ts * static_cast<float>(2 * acc)));
  EXPECT_NEAR(y, 3, 0.1);
}

// Against a product in f64 the error is within its bound, and less than that of planes on the average.
TEST_F(TernaryProductTest, IsCloserThanPlanes) {
  constexpr int64_t k = 512, group = 128;
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  double squares[2] = {};
  for (int round = 0; round < 40; ++round) {
    std::string bytes;
    for (int64_t i = 0; i < k / 4; ++i) {
      unsigned byte = 0;
      for (int j = 0; j < 4; ++j)
        byte |= random() % 3 << (2 * j);
      bytes += llvm::formatv("{0:X-2}", byte).str();
    }
    lowbit::WeightReader w = weight(ternaryDefinition(bytes, k, group));
    std::vector<float> a(k);
    for (float &x : a)
      x = normal(random);
    double exact = denseMatmul(a, 1, w)[0];
    for (bool three : {false, true}) {
      LookupTables tables = precomputeTables(a, 1, k, group, three ? ofThree(TableScale::Group) : TableKind{});
      float y;
      lookupMatmul(tables, w, y);
      double bound = 1e-5;
      for (int64_t g = 0; g < tables.groups; ++g)
        bound += (three ? 2 : 3) * 0.5 * static_cast<double>(tables.tables) * 0.5001 * tables.scale(0, g, 0);
      EXPECT_LE(std::abs(y - exact), bound);
      squares[three] += (y - exact) * (y - exact);
    }
  }
  EXPECT_LT(squares[1], squares[0]);
}
