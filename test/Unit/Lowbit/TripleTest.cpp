//===- TripleTest.cpp - three ternary codes in five bits ------------------===//
//
// The layout `triples`: what is packed comes back, the bytes are where Triples.h has them, and codes above 2 are refused.
//
//===----------------------------------------------------------------------===//
#include "RandomWeight.h"
#include "dialects/lowbit/IR/Triples.h"

#include "mlir/IR/Diagnostics.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace lutra::lowbit;

namespace {
class TripleTest : public testing::Test {
protected:
  TripleTest() { context.loadDialect<LowbitDialect>(); }

  LayoutAttr makeLayout(Type alpha, Type zeta) {
    return LayoutAttr::get(&context, kTripleRows, alpha, zeta, /*symmetric=*/false, DenseI32ArrayAttr(), /*triples=*/true, /*quotients=*/false);
  }

  MLIRContext context;
};
} // namespace

// Groups of any length: without a block, with an octet or two behind the last one, and a short last group; rows that pad a tile.
TEST_F(TripleTest, RoundTrip) {
  Type f32 = Float32Type::get(&context);
  unsigned seed = 0;
  for (auto [rows, cols, group] : {std::tuple<int64_t, int64_t, int64_t>{5, 264, 32}, {131, 50, 16}, {3, 37, 7}, {64, 64, 64}, {66, 100, 24},
                                   {1, 3, 4}, {67, 130, 128}, {17, 120, 40}, {65, 200, 200}}) {
    RandomWeight weight(context, {rows, cols, group, 2, ZeroKind::Float, 0, 2}, ++seed);
    PackOp pack = weight.makePack(weight.makeBipolar(), makeLayout(f32, f32));
    ASSERT_TRUE(succeeded(pack.verify()));
    auto packed = cast<PackedAttr>(pack.getType().getFormat());
    std::vector<char> bytes(packed.getTotalBytes(rows, cols), '\x55');
    ASSERT_TRUE(succeeded(packWeight(pack, bytes)));
    PackedReader back(pack.getType(), bytes);
    for (int64_t n = 0; n < rows; ++n)
      for (int64_t k = 0; k < weight.groups * group; ++k)
        ASSERT_EQ(back.code(n, k), k < cols ? weight.code(n, k) : 0) << rows << " x " << cols << " by " << group << ", at " << n << ", " << k;
    for (int64_t n = rows; n % kTripleRows != 0; ++n)
      for (int64_t k = 0; k < weight.groups * group; ++k)
        ASSERT_EQ(back.code(n, k), 0);
  }
}

TEST_F(TripleTest, Sizes) {
  EXPECT_EQ(getTripleBytes(16), 5 * 320 + 128); // 128 codes: 1.6875 bits each.
  EXPECT_EQ(getTripleBytes(4), 320 + 128);
  EXPECT_EQ(getTripleBytes(2), 2 * 128);
  EXPECT_EQ(getTripleBytes(512), 170 * 320 + 2 * 128);
}

// Every triple in every half of a row, and the bytes that say it.
TEST_F(TripleTest, Places) {
  for (unsigned digits = 0; digits < 27; ++digits) {
    const unsigned d[3] = {digits / 9, digits / 3 % 3, digits % 3};
    const unsigned u = 3 * d[1] + d[2];
    const bool bit = u <= 4;
    for (int64_t row : {0, 15, 16, 63})
      for (int64_t column = 0; column < 8; ++column) {
        const int64_t half = column / 4, triple = column % 4;
        // Columns of one triple are four apart.
        auto octet = [&](int64_t index) {
          uint64_t codes = 0;
          for (int64_t i = 0; i < 8; ++i) {
            int64_t place = 8 * index + i - 12 * half - triple;
            if (place >= 0 && place < 12 && place % 4 == 0)
              codes |= uint64_t(d[place / 4]) << (8 * i);
          }
          return codes;
        };
        std::vector<char> group(kTripleBlockBytes, 0);
        ASSERT_TRUE(packTriples(octet, kTripleOctets, row, group.data()));
        ASSERT_EQ(static_cast<uint8_t>(group[4 * row + triple]), (5 * d[0] + (bit ? u : 8 - u)) << (4 * half));
        const auto bits = static_cast<uint8_t>(group[kTripleNibbleBytes + 4 * (row % 16) + triple]);
        ASSERT_EQ(bits >> (2 * (row / 16) + half) & 1, bit ? 1 : 0);
        for (int64_t k = 0; k < 24; ++k)
          ASSERT_EQ(unpackTriple(group.data(), kTripleOctets, row, k), octet(k / 8) >> (8 * (k % 8)) & 0xff);
      }
  }
}

TEST_F(TripleTest, RefusesACodeOfThree) {
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diag) { message = diag.str(); });
  // In a block, and in an octet behind the last one.
  for (int64_t group : {24, 8}) {
    RandomWeight weight(context, {3, 24, group, 2, ZeroKind::Midpoint, 3, 3}, 1);
    PackOp pack = weight.makePack(weight.makeBipolar(-1.0f), makeLayout(Float32Type::get(&context), Type()));
    std::vector<char> bytes(cast<PackedAttr>(pack.getType().getFormat()).getTotalBytes(3, 24));
    EXPECT_TRUE(failed(packWeight(pack, bytes)));
    EXPECT_NE(message.find("triples hold codes of 0, 1 and 2, but row 0, group 0 has another; pack it without triples"), std::string::npos) << message;
  }
}
