//===- TableKindsTest.cpp - every kind of tables, on small examples -------===//
//
// Values computed by hand, the bounds of numerics.md, "Ranges", and how far quantized tables may be from exact ones.
//
//===----------------------------------------------------------------------===//
#include "Fixture.h"

#include <cmath>
#include <limits>
#include <random>

using namespace lutra;
using lowbit::ActivationCodes;
using lowbit::TableElement;
using lowbit::TableKind;
using lowbit::TableScale;
using testing::Each;
using testing::ElementsAre;

static constexpr float kInf = std::numeric_limits<float>::infinity();
static constexpr float kMax = std::numeric_limits<float>::max();
/// The f32 nearest to 1/32767.
static constexpr float kReciprocal = 0x1.0002p-15f;

TEST(TableKinds, SixteenBitEntriesReach32767) {
  LookupTables tables = precomputeTables({1, 2, 4, 8}, 1, 4, 4, TableKind{TableElement::I16, TableScale::Group});
  // inv = 32767 / 15.
  EXPECT_EQ(tables.i16[15], 32767);
  EXPECT_EQ(tables.i16[0], -32767);
  EXPECT_EQ(tables.i16[8], 2184); // 1 * 32767 / 15 = 2184.47
  EXPECT_THAT(tables.scales, ElementsAre(15 * kReciprocal));
  EXPECT_EQ(kReciprocal, static_cast<float>(1.0 / 32767));
}

TEST(TableKinds, EachTableHasAScale) {
  LookupTables tables = precomputeTables({127, 0, 0, 0, 1, 0, 0, 0}, 1, 8, 8, TableKind{TableElement::I8, TableScale::Table});
  EXPECT_THAT(tables.scales, ElementsAre(127 * 0x1.020408p-7f, 0x1.020408p-7f));
  EXPECT_EQ(tables.i8[15], 127);
  EXPECT_EQ(tables.i8[16 + 15], 127) << "as fine as the great one";
  EXPECT_THAT(tables.sums, ElementsAre(128));
}

TEST(TableKinds, ARowHasAScale) {
  LookupTables tables =
      precomputeTables({127, 0, 0, 0, 2.5f, 0, 0, 0}, 1, 8, 4, TableKind{TableElement::I8, TableScale::Row});
  ASSERT_EQ(tables.groups, 2);
  EXPECT_THAT(tables.scales, ElementsAre(127 * 0x1.020408p-7f));
  // 2 tables a group, the second of padding.
  EXPECT_EQ(tables.i8[tables.entryIndex(0, 1, 0) + 15], 2);
  EXPECT_THAT(tables.sums, ElementsAre(127, 2.5f));
}

TEST(TableKinds, HalvesAreRoundedOnce) {
  auto entry = [](float a) {
    return precomputeTables(a, 1, 1, 4, TableKind{TableElement::F16, TableScale::Group}).f32[15];
  };
  EXPECT_EQ(entry(2049), 2048) << "ties to even";
  EXPECT_EQ(entry(2051), 2052);
  EXPECT_EQ(entry(65519.996f), 65504);
  EXPECT_EQ(entry(65520), kInf);
  EXPECT_EQ(entry(0x1p-24f), 0x1p-24f) << "the least subnormal half";
  EXPECT_EQ(entry(0x1p-25f), 0) << "ties to even";
  EXPECT_EQ(entry(0x1.8p-24f), 0x1p-23f);
}

TEST(TableKinds, NonFiniteEntriesPoisonWhatSharesTheirScale) {
  std::vector<float> a = {kInf, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
  auto isNaN = [](float scale) { return std::isnan(scale); };
  for (TableElement element : {TableElement::I8, TableElement::I16}) {
    // Two groups of two tables; the last of a row is padded.
    auto scales = [&](TableScale scale) { return precomputeTables(a, 2, 10, 8, TableKind{element, scale}).scales; };
    std::vector<float> byTable = scales(TableScale::Table), byGroup = scales(TableScale::Group),
                       byRow = scales(TableScale::Row);
    EXPECT_EQ(llvm::count_if(byTable, isNaN), 1);
    EXPECT_TRUE(isNaN(byTable[0]));
    EXPECT_EQ(llvm::count_if(byGroup, isNaN), 1);
    EXPECT_TRUE(isNaN(byRow[0]));
    EXPECT_FALSE(isNaN(byRow[1]));
  }
}

TEST(TableKinds, TinyTablesAreZero) {
  LookupTables tables =
      precomputeTables({0x1p-101f, 0, 0, 0, 1, 0, 0, 0}, 1, 8, 8, TableKind{TableElement::I16, TableScale::Table});
  EXPECT_EQ(tables.scales[0], 0);
  EXPECT_THAT(llvm::ArrayRef(tables.i16).take_front(16), Each(0));
  EXPECT_EQ(tables.i16[16 + 15], 32767);
}

TEST(Codes, TablesAreExact) {
  LookupTables tables = precomputeCodes({-128, -128, -128, -128, 127, 1, 0, 0}, {0.5f}, 1, 8, 8,
                                        TableKind{TableElement::I16, TableScale::Row});
  EXPECT_EQ(tables.i16[15], -512);
  EXPECT_EQ(tables.i16[0], 512);
  EXPECT_EQ(tables.i16[16 + 15], 128);
  EXPECT_EQ(tables.i16[16 + 0b1101], 126);
  EXPECT_THAT(tables.scales, ElementsAre(0.5f));
  EXPECT_THAT(tables.sums, ElementsAre(0.5f * -384));
}

TEST(Codes, NarrowTablesAndAScalePerGroup) {
  LookupTables tables = precomputeCodes({-16, -16, -16, -16, 15, 0, 0, 0}, {2, 3}, 1, 8, 4,
                                        TableKind{TableElement::I8, TableScale::Group});
  EXPECT_EQ(tables.i8[15], -64);
  EXPECT_EQ(tables.i8[tables.entryIndex(0, 1, 0) + 15], 15);
  EXPECT_THAT(tables.sums, ElementsAre(-128, 45));
}

TEST(Codes, AbsmaxIsBitNets) {
  std::vector<float> a = {1, -0.5f, 0.25f, -1};
  std::vector<int8_t> codes(4);
  std::vector<float> scales(1);
  quantizeActivations(a, 1, 4, 4, 8, ActivationCodes::Absmax, codes, scales);
  EXPECT_THAT(codes, ElementsAre(127, -64, 32, -127)); // -63.5 and 31.75, ties to even
  EXPECT_THAT(scales, ElementsAre(1.0f / 127.0f));
  // Two groups, the second short; activations below 1e-5 do not blow up.
  scales.resize(2);
  quantizeActivations({4, 2, 1e-7f, 0}, 1, 4, 2, 2, ActivationCodes::Absmax, codes, scales);
  EXPECT_THAT(codes, ElementsAre(1, 0, 0, 0)); // 0.5 ties to 0
  EXPECT_THAT(scales, ElementsAre(4.0f, 1.0f / (1.0f / 1e-5f)));
}

TEST(Codes, BipolarCodesAreOdd) {
  std::vector<int8_t> codes(5);
  std::vector<float> scales(1);
  quantizeActivations({7, -7, 0, 2, -1}, 1, 5, 5, 3, ActivationCodes::Bipolar, codes, scales);
  EXPECT_THAT(codes, ElementsAre(7, -7, 1, 3, -1)); // s = 1; of two nearest, the greater
  EXPECT_THAT(scales, ElementsAre(1.0f));
  codes.resize(1);
  quantizeActivations({-kMax}, 1, 1, 1, 7, ActivationCodes::Bipolar, codes, scales);
  EXPECT_THAT(codes, ElementsAre(-127));
}

TEST(Codes, NonFiniteGroupsAreNaNAndZero) {
  for (float bad : {kInf, -kInf, std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<int8_t> codes(4, 1);
    std::vector<float> scales(2);
    quantizeActivations({1, bad, 1, 1}, 1, 4, 2, 8, ActivationCodes::Absmax, codes, scales);
    EXPECT_THAT(codes, ElementsAre(0, 0, 127, 127));
    EXPECT_TRUE(std::isnan(scales[0]));
    EXPECT_FALSE(std::isnan(scales[1]));
  }
}

using KindsTest = InterpreterFixture;

/// A bipolar weight of one row whose codes are all ones, alpha 1, zeta 0.
static std::string onesDefinition(int64_t k, int64_t group, int planes) {
  std::string bytes = std::to_string(group * planes / 8), groups = std::to_string((k + group - 1) / group);
  return "%w = lowbit.weight {codes = dense<-1> : tensor<1x" + groups + "x" + bytes +
         "xi8>, alphas = dense<1.0> : tensor<1x" + groups + "xf32>} : !lowbit.weight<1x" + std::to_string(k) +
         ", #lowbit.bipolar<planes = " + std::to_string(planes) + ", group = " + std::to_string(group) +
         ", zeta = 0.0 : f32>>";
}

TEST_F(KindsTest, AScalePerTableIsFollowedTableByTable) {
  lowbit::WeightReader w = weight(R"(%w = lowbit.weight {codes = dense<"0x1BE4"> : tensor<1x1x2xi8>,
      alphas = dense<0.5> : tensor<1x1xf32>, zetas = dense<3.0> : tensor<1x1xf32>}
      : !lowbit.weight<1x8, #lowbit.bipolar<planes = 2, group = 8>>)");
  // Codes 3 2 1 0 | 0 1 2 3: planes of the first table 1010 and 1100 in k order, so 1 - 2 + 3 - 4 and 1 + 2 - 3 - 4.
  std::vector<float> a = {1, 2, 3, 4, 10, 20, 30, 40};
  float y;
  lookupMatmul(precomputeTables(a, 1, 8, 8, TableKind{TableElement::I8, TableScale::Table}), w, y);
  float c = 0x1.020408p-7f;
  int first = -25 + 2 * -51, second = 25 + 2 * 51; // -2 * 12.7, -4 * 12.7; 20 * 1.27, 40 * 1.27
  float u = std::fma(100 * c, static_cast<float>(second), std::fma(10 * c, static_cast<float>(first), 3.0f * 110));
  EXPECT_EQ(y, std::fma(0.5f, u, 0.0f));
}

TEST_F(KindsTest, PlanesWithTheirOwnAlphasStartFromTheFirstTable) {
  lowbit::WeightReader w = weight(R"(%w = lowbit.weight {codes = dense<"0xFF"> : tensor<1x1x1xi8>,
      alphas = dense<3.0> : tensor<1x1x1xf32>, betas = dense<-1.0> : tensor<1x1xf32>}
      : !lowbit.weight<1x8, #lowbit.bcq<planes = 1, group = 8>>)");
  float y;
  lookupMatmul(precomputeTables({1, 0, 0, 0, 3, 0, 0, 0}, 1, 8, 8, TableKind{TableElement::I16, TableScale::Table}), w, y);
  float u = std::fma(3 * kReciprocal, 32767.0f, kReciprocal * 32767.0f);
  EXPECT_EQ(y, std::fma(-1.0f, 4.0f, std::fma(3.0f, u, 0.0f)));
}

TEST_F(KindsTest, IntegerProductsAreExact) {
  // q = 5 for every code of dense<5 * 17>: w = 2 (5 - 8) = -6.
  lowbit::WeightReader w = weight(R"(%w = lowbit.weight {codes = dense<85> : tensor<1x2x2xi8>, scales = dense<2.0> : tensor<1x2xf32>}
      : !lowbit.weight<1x8, #lowbit.uniform<bits = 4, group = 4>>)");
  float y;
  lookupMatmul(precomputeCodes({127, -128, 3, 0, 1, 1, 1, 1}, {0.25f}, 1, 8, 4, TableKind{TableElement::I16, TableScale::Row}),
               w, y);
  EXPECT_EQ(y, -6 * 0.25f * (127 - 128 + 3 + 4));
}

TEST_F(KindsTest, GreatestGroupOfSixteenBitEntries) {
  // numerics.md, "Ranges": planes fit 32 bits, their weighted sum needs 40.
  int64_t k = kMaxGroup;
  lowbit::WeightReader w = weight(onesDefinition(k, k, 8));
  float y;
  lookupMatmul(precomputeTables(std::vector<float>(k, 1.0f), 1, k, k, TableKind{TableElement::I16, TableScale::Group}), w, y);
  int64_t plane = k / 4 * 32767;
  EXPECT_LT(plane, int64_t(1) << 31);
  EXPECT_GT(plane * 255, int64_t(1) << 32);
  EXPECT_EQ(y, 4 * kReciprocal * static_cast<float>(plane * 255));
}

TEST_F(KindsTest, LongestRowsOfExtremeCodes) {
  // K = 32768 in one group: all codes -128, all weights at the greatest code.
  int64_t k = 32768;
  lowbit::WeightReader w = weight(onesDefinition(k, k, 8));
  std::vector<int8_t> codes(k, -128);
  float y;
  lookupMatmul(precomputeCodes(codes, {1.0f}, 1, k, k, TableKind{TableElement::I16, TableScale::Row}), w, y);
  int64_t exact = -128 * k * 255;
  EXPECT_GT(exact, -(int64_t(1) << 30));
  EXPECT_EQ(y, static_cast<float>(exact));
}

TEST_F(KindsTest, ExtremeFloatsStayFinite) {
  lowbit::WeightReader w = weight(onesDefinition(8, 8, 1));
  for (TableElement element : {TableElement::I8, TableElement::I16})
    for (TableScale scale : {TableScale::Group, TableScale::Table, TableScale::Row}) {
      float y;
      // 0.2 FLT_MAX: four of them stay below it, and so does their sum of eight with -0.2.
      lookupMatmul(precomputeTables({kMax / 5, 0, 0, 0, -kMax / 5, 0, 0, 0}, 1, 8, 8, TableKind{element, scale}), w, y);
      // With a scale per table the second fma keeps what the first one rounded off.
      EXPECT_LE(std::fabs(y), scale == TableScale::Table ? kMax * 0x1p-24f : 0.0f);
      lookupMatmul(precomputeTables(std::vector<float>(8, 0x1p-149f), 1, 8, 8, TableKind{element, scale}), w, y);
      EXPECT_EQ(y, 0) << "a floor, not an error";
    }
}

TEST_F(KindsTest, QuantizedTablesAreWithinTheirRounding) {
  std::mt19937 random{7};
  int64_t m = 3, k = 90, group = 20;
  lowbit::WeightReader w = weight(onesDefinition(k, group, 2));
  std::vector<float> a(m * k), y(m);
  for (float &x : a)
    x = std::normal_distribution<float>()(random);
  std::vector<double> expected = denseMatmul(a, m, w);
  for (TableElement element : {TableElement::I8, TableElement::I16, TableElement::F16})
    for (TableScale scale : {TableScale::Group, TableScale::Table, TableScale::Row}) {
      if (!lowbit::isQuantized(element) && scale != TableScale::Group)
        continue;
      LookupTables tables = precomputeTables(a, m, k, group, TableKind{element, scale});
      lookupMatmul(tables, w, y);
      for (int64_t row = 0; row < m; ++row) {
        double bound = k * 0x1p-16;
        for (int64_t g = 0; g < tables.groups; ++g)
          for (int64_t t = 0; t < tables.tables; ++t)
            bound += 3 * (lowbit::isQuantized(element) ? 0.51 * tables.scale(row, g, t) : 16 * 0x1p-11);
        EXPECT_NEAR(y[row], expected[row], bound);
      }
    }
}

TEST_F(KindsTest, InterpreterTakesTheKindThatAProductNames) {
  // All codes occur: none of the planes is dropped.
  std::string weights = "%w = lowbit.weight {codes = dense<\"0x";
  for (int part = 0; part < 6; ++part)
    weights += "0123456789ABCDEF";
  weights += R"("> : tensor<3x2x8xi8>, scales = dense<0.5> : tensor<3x2xf32>} : !lowbit.weight<3x32, #lowbit.uniform<bits = 4, group = 16>>)";
  auto product = [&](const std::string &attributes, const std::string &element) {
    return "func.func @main(%a: tensor<2x32x" + element + ">) -> tensor<2x3x" + element + "> {\n" + weights +
           "\n%y = lowbit.matmul %a, %w " + attributes + " : tensor<2x32x" + element +
           ">, !lowbit.weight<3x32, #lowbit.uniform<bits = 4, group = 16>> -> tensor<2x3x" + element + ">\nreturn %y : tensor<2x3x" +
           element + ">\n}";
  };
  std::vector<float> a(64);
  for (auto [i, x] : llvm::enumerate(a))
    x = static_cast<float>(i) * 0.37f - 9.0f;
  NpyArray input = floats(a, {2, 32});
  auto values = [&](const std::vector<NpyArray> &results) {
    EXPECT_EQ(results.size(), 1u) << messages;
    return results[0].as<float>().vec();
  };
  lowbit::WeightReader w = weight(weights);
  for (auto [text, kind] : {std::pair("<i16, scale = row>", TableKind{TableElement::I16, TableScale::Row}),
                            std::pair("<i8, scale = table>", TableKind{TableElement::I8, TableScale::Table}),
                            std::pair("<f16>", TableKind{TableElement::F16, TableScale::Group})}) {
    std::vector<float> y(6);
    lookupMatmul(precomputeTables(a, 2, 32, 16, kind), w, y);
    EXPECT_EQ(values(run(product("{table = #lowbit.table_kind" + std::string(text) + "}", "f32"), {input})), y);
    EXPECT_EQ(values(run(product("", "f32"), {input}, {.tables = kind})), y);
  }
  std::vector<float> dense(6);
  dequantizedMatmul(a, 2, w, dense);
  EXPECT_EQ(values(run(product("{strategy = #lowbit.strategy<dense>}", "f32"), {input})), dense);
}
