//===- PropertyTest.cpp - lookups against plain arithmetic ----------------===//
//
// Random shapes that divide nothing, every width, every zero-point kind. f32 tables must agree with a matrix product in
// double precision up to f32 rounding; i8 tables up to the table's rounding, whose bound is proved in numerics.md.
//
//===----------------------------------------------------------------------===//
#include "Fixture.h"

#include <cmath>
#include <random>

using namespace lutra;

namespace {

struct Case {
  int64_t m, n, k, group;
  unsigned bits;
  int zeroKind; // 0 midpoint, 1 integer, 2 float.
};

class PropertyTest : public InterpreterFixture, public testing::WithParamInterface<Case> {
protected:
  std::string uniformType(const Case &c) {
    static const char *kinds[] = {"", ", zero = integer", ", zero = float"};
    return llvm::formatv("!lowbit.weight<{0}x{1}, #lowbit.uniform<bits = {2}, group = {3}{4}>>", c.n, c.k, c.bits,
                         c.group, kinds[c.zeroKind]);
  }

  /// A random uniform weight as `%w`.
  std::string definition(const Case &c) {
    int64_t groups = (c.k + c.group - 1) / c.group, bytes = (c.group * c.bits + 7) / 8;
    std::vector<uint8_t> codes(c.n * groups * bytes);
    for (uint8_t &byte : codes)
      byte = static_cast<uint8_t>(random());
    std::vector<float> scales(c.n * groups);
    for (float &scale : scales)
      scale = std::uniform_real_distribution<float>(-0.1f, 0.1f)(random);
    std::string text = "%w = lowbit.weight {codes = " + denseText<uint8_t>(codes, {c.n, groups, bytes}, "i8") +
                       ", scales = " + denseText<float>(scales, {c.n, groups}, "f32");
    if (c.zeroKind == 1) {
      std::vector<uint8_t> zeros(c.n * groups);
      for (uint8_t &zero : zeros)
        zero = static_cast<uint8_t>(random() % (1u << c.bits));
      text += ", zeros = " + denseText<uint8_t>(zeros, {c.n, groups}, "i8");
    } else if (c.zeroKind == 2) {
      std::vector<float> zeros(c.n * groups);
      for (float &zero : zeros)
        zero = std::uniform_real_distribution<float>(0.0f, static_cast<float>(1u << c.bits))(random);
      text += ", zeros = " + denseText<float>(zeros, {c.n, groups}, "f32");
    }
    return text + "} : " + uniformType(c);
  }

  std::vector<float> activations(const Case &c) {
    std::vector<float> a(c.m * c.k);
    for (float &x : a)
      x = std::normal_distribution<float>()(random);
    return a;
  }

  /// For each output, sum over k of |a| times the largest weight magnitude: what relative errors are relative to.
  std::vector<double> magnitudes(const Case &c, llvm::ArrayRef<float> a, const lowbit::WeightReader &w) {
    std::vector<double> result(c.m * c.n);
    double span = 1u << c.bits;
    for (int64_t m = 0; m < c.m; ++m)
      for (int64_t n = 0; n < c.n; ++n)
        for (int64_t k = 0; k < c.k; ++k)
          result[m * c.n + n] += std::fabs(a[m * c.k + k]) * std::fabs(w.alpha(n, k / c.group)) *
                                 (span + std::fabs(w.zeta(n, k / c.group)));
    return result;
  }

  std::mt19937 random{12345};
};

} // namespace

TEST_P(PropertyTest, F32TablesAreThePlainProduct) {
  const Case &c = GetParam();
  lowbit::WeightReader w = weight(definition(c));
  std::vector<float> a = activations(c), y(c.m * c.n);
  lookupMatmul(precomputeTables(a, c.m, c.k, c.group, false), w, y);
  std::vector<double> expected = denseMatmul(a, c.m, w), scale = magnitudes(c, a, w);
  for (size_t i = 0; i < y.size(); ++i)
    EXPECT_NEAR(y[i], expected[i], scale[i] * c.k * 0x1p-24) << i;
}

TEST_P(PropertyTest, I8TablesAreWithinTheTablesRounding) {
  const Case &c = GetParam();
  lowbit::WeightReader w = weight(definition(c));
  std::vector<float> a = activations(c), y(c.m * c.n);
  LookupTables tables = precomputeTables(a, c.m, c.k, c.group, true);
  lookupMatmul(tables, w, y);
  std::vector<double> expected = denseMatmul(a, c.m, w), scale = magnitudes(c, a, w);
  for (int64_t m = 0; m < c.m; ++m) {
    for (int64_t n = 0; n < c.n; ++n) {
      // Each entry is off by at most ts / 2 (and a little for ts's own rounding), weighted by alpha and 2^p.
      double bound = scale[m * c.n + n] * c.k * 0x1p-22;
      for (int64_t g = 0; g < tables.groups; ++g)
        bound += std::fabs(w.alpha(n, g)) * tables.scale(m, g, 0) * 0.502 * tables.tables *
                 ((1u << c.bits) - 1);
      EXPECT_NEAR(y[m * c.n + n], expected[m * c.n + n], bound);
    }
  }
}

TEST_P(PropertyTest, SplitReinterpretedAndPackedWeightsGiveTheSameBits) {
  const Case &c = GetParam();
  std::string table = llvm::formatv("!lowbit.table<?x{0}, group = {1}, element = i8>", c.k, c.group);
  std::string bipolar =
      llvm::formatv("!lowbit.weight<{0}x{1}, #lowbit.bipolar<planes = {2}, group = {3}>>", c.n, c.k, c.bits, c.group);
  std::string packed =
      llvm::formatv("!lowbit.weight<{0}x{1}, #lowbit.packed<#lowbit.bipolar<planes = {2}, group = {3}>, "
                    "#lowbit.layout<rows = 64, alpha = f32, zeta = f32>>>",
                    c.n, c.k, c.bits, c.group);
  std::string in = "tensor<?x" + std::to_string(c.k) + "xf32>", out = "tensor<?x" + std::to_string(c.n) + "xf32>";
  std::string text =
      "func.func @main(%a: " + in + ") -> (" + out + ", " + out + ", " + out + ") {\n" + definition(c) + "\n" +
      "%0 = lowbit.matmul %a, %w : " + in + ", " + uniformType(c) + " -> " + out + "\n" +
      "%t = lowbit.precompute %a : " + in + " -> " + table + "\n" + "%b = lowbit.reinterpret %w : " + uniformType(c) +
      " to " + bipolar + "\n" + "%1 = lowbit.lookup_matmul %t, %b : " + table + ", " + bipolar + " -> " + out + "\n" +
      "%p = lowbit.pack %b : " + bipolar + " to " + packed + "\n" + "%2 = lowbit.lookup_matmul %t, %p : " + table +
      ", " + packed + " -> " + out + "\n" + "return %0, %1, %2 : " + out + ", " + out + ", " + out + "\n}";
  std::vector<NpyArray> results = run(text, {floats(activations(c), {c.m, c.k})});
  ASSERT_EQ(results.size(), 3u) << messages;
  EXPECT_EQ(results[0].bytes, results[1].bytes);
  EXPECT_EQ(results[0].bytes, results[2].bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PropertyTest,
    testing::Values(Case{1, 1, 1, 16, 1, 0}, Case{1, 3, 32, 32, 4, 0}, Case{5, 131, 264, 32, 4, 1},
                    Case{5, 13, 264, 32, 4, 2}, Case{2, 7, 100, 128, 2, 1}, Case{3, 65, 72, 16, 8, 1},
                    Case{2, 9, 50, 12, 3, 2}, Case{1, 70, 96, 96, 6, 1}, Case{4, 5, 37, 20, 5, 0},
                    Case{2, 4, 64, 16, 7, 2}),
    [](const testing::TestParamInfo<Case> &info) {
      const Case &c = info.param;
      return llvm::formatv("m{0}n{1}k{2}g{3}b{4}z{5}", c.m, c.n, c.k, c.group, c.bits, c.zeroKind).str();
    });
