//===- PackTest.cpp - packing and reading back ----------------------------===//
//
// pack, then unpack: codes equal, alphas and zetas equal bit for bit, in every layout; and a few bytes by hand.
//
//===----------------------------------------------------------------------===//
#include "RandomWeight.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace lutra::lowbit;

namespace {
class PackTest : public testing::TestWithParam<WeightShape> {
protected:
  PackTest() { context.loadDialect<LowbitDialect>(); }

  /// Packs `value` with the layout that is chosen for it, and checks every number that comes back.
  void checkRoundTrip(RandomWeight &weight, Value value, int64_t tileRows, bool symmetric, bool quads = false) {
    FailureOr<WeightReader> reader = WeightReader::create(value);
    ASSERT_TRUE(succeeded(reader));
    LayoutAttr layout = chooseLayout(*reader, tileRows, symmetric);
    if (quads)
      layout = withQuads(layout);
    PackOp pack = weight.makePack(value, layout);
    ASSERT_TRUE(succeeded(pack.verify()));
    auto packed = cast<PackedAttr>(pack.getType().getFormat());
    std::vector<char> bytes(packed.getTotalBytes(weight.shape.rows, weight.shape.cols), '\x55');
    ASSERT_TRUE(succeeded(packWeight(pack, bytes)));

    PackedReader back(pack.getType(), bytes);
    for (int64_t n = 0; n < weight.shape.rows; ++n) {
      for (int64_t k = 0; k < weight.groups * weight.shape.group; ++k)
        ASSERT_EQ(back.code(n, k), k < weight.shape.cols ? weight.code(n, k) : 0) << "at " << n << ", " << k;
      for (int64_t g = 0; g < weight.groups; ++g) {
        for (unsigned p = 0; p < (reader->isBCQ() ? weight.shape.bits : 1); ++p)
          ASSERT_EQ(llvm::bit_cast<uint32_t>(back.alpha(n, g, p)), llvm::bit_cast<uint32_t>(reader->alpha(n, g, p)));
        float offset = reader->isBCQ() ? reader->beta(n, g) : reader->zeta(n, g);
        ASSERT_EQ(llvm::bit_cast<uint32_t>(back.offset(n, g)), llvm::bit_cast<uint32_t>(offset));
      }
    }
    // Rows that pad the last tile are zero.
    int64_t padded = (weight.shape.rows + tileRows - 1) / tileRows * tileRows;
    for (int64_t n = weight.shape.rows; n < padded; ++n)
      for (int64_t g = 0; g < weight.groups; ++g) {
        ASSERT_EQ(back.code(n, g * weight.shape.group), 0);
        ASSERT_EQ(back.alpha(n, g), 0.0f);
      }
  }

  static LayoutAttr withQuads(LayoutAttr layout) {
    return LayoutAttr::get(layout.getContext(), layout.getRows(), layout.getAlpha(), layout.getZeta(), /*symmetric=*/false, DenseI32ArrayAttr(),
                           /*triples=*/false, /*quotients=*/false, /*lookup_triples=*/false, /*quads=*/true);
  }

  MLIRContext context;
};
} // namespace

INSTANTIATE_TEST_SUITE_P(Shapes, PackTest, testing::ValuesIn(getTestShapes()));

TEST_P(PackTest, Bipolar) {
  RandomWeight weight(context, GetParam(), 1);
  for (bool symmetric : {false, true})
    checkRoundTrip(weight, weight.makeBipolar(), 64, symmetric);
}

TEST_P(PackTest, Quads) {
  RandomWeight weight(context, GetParam(), 8);
  checkRoundTrip(weight, weight.makeBipolar(), 64, /*symmetric=*/false, /*quads=*/true);
  checkRoundTrip(weight, weight.makeBCQ(weight.makeBipolar()), 16, /*symmetric=*/false, /*quads=*/true);
}

TEST_P(PackTest, BCQ) {
  RandomWeight weight(context, GetParam(), 2);
  for (bool symmetric : {false, true})
    checkRoundTrip(weight, weight.makeBCQ(weight.makeBipolar()), 16, symmetric);
}

TEST_P(PackTest, TilesOfOddRows) {
  RandomWeight weight(context, GetParam(), 7);
  for (int64_t tileRows : {1, 7})
    checkRoundTrip(weight, weight.makeBipolar(), tileRows, /*symmetric=*/false);
}

TEST_P(PackTest, ConstantZetaIsNotStored) {
  if (GetParam().zero != ZeroKind::Midpoint)
    return; // Others are constant by chance only.
  RandomWeight weight(context, GetParam(), 3);
  Value value = weight.makeBipolar(-1.0f);
  FailureOr<WeightReader> reader = WeightReader::create(value);
  ASSERT_TRUE(succeeded(reader));
  EXPECT_FALSE(chooseLayout(*reader, 64, false).getZeta());
  checkRoundTrip(weight, value, 64, false);
}

/// The byte that plane `p` of 8 codes makes: bit i of table t from code 4 t + i, bit by bit.
static uint8_t planeByte(const RandomWeight &weight, int64_t n, unsigned p, bool symmetric) {
  uint8_t byte = 0;
  for (int table = 0; table < 2; ++table) {
    uint8_t index = 0;
    for (int i = 0; i < 4; ++i)
      index |= static_cast<uint8_t>((weight.code(n, 4 * table + i) >> p & 1) << i);
    if (symmetric && index >= 8)
      index = static_cast<uint8_t>(8 | (~index & 7));
    byte |= static_cast<uint8_t>(index << 4 * table);
  }
  return byte;
}

// Three rows of a tile of four, one group of 8 seven-bit codes: the place of every byte by hand.
TEST_F(PackTest, PlacesOfCodeBytes) {
  RandomWeight weight(context, {3, 8, 8, 7, ZeroKind::Midpoint}, 4);
  Value value = weight.makeBipolar(-1.0f);
  for (bool symmetric : {false, true}) {
    auto layout = LayoutAttr::get(&context, 4, Float32Type::get(&context), Type(), symmetric);
    PackOp pack = weight.makePack(value, layout);
    std::vector<char> bytes(7 * 4 + 4 * 4);
    ASSERT_TRUE(succeeded(packWeight(pack, bytes)));
    for (int64_t r = 0; r < 4; ++r) {
      for (unsigned p = 0; p < 7; ++p) {
        int64_t place = p * 4 + r; // Plane by plane.
        if (!symmetric && p < 4)
          place = r * 4 + p; // Planes 0 to 3 side by side,
        else if (!symmetric && p < 6)
          place = 16 + r * 2 + (p - 4); // then 4 and 5,
        else if (!symmetric)
          place = 24 + r % 2 * 2 + r / 2; // then 6, rows r and r + 2 side by side.
        uint8_t expected = r < 3 ? planeByte(weight, r, p, symmetric) : 0;
        ASSERT_EQ(static_cast<uint8_t>(bytes[place]), expected) << "row " << r << ", plane " << p;
      }
    }
  }
}

// The same codes in quads, of a group of two octets: each run has four bytes a row, of which the tables that pad are zeros.
TEST_F(PackTest, PlacesOfQuads) {
  RandomWeight weight(context, {3, 16, 16, 7, ZeroKind::Midpoint}, 4);
  PackOp pack = weight.makePack(weight.makeBipolar(-1.0f), withQuads(LayoutAttr::get(&context, 4, Float32Type::get(&context), Type(), false)));
  std::vector<char> bytes((2 + 1 + 1) * 4 * 4 + 4 * 4, '\x55');
  ASSERT_TRUE(succeeded(packWeight(pack, bytes)));
  auto index = [&](int64_t r, unsigned p, int64_t table) {
    int value = 0;
    for (int i = 0; r < 3 && table < 4 && i < 4; ++i)
      value |= (weight.code(r, 4 * table + i) >> p & 1) << i;
    return value;
  };
  auto expect = [&](int64_t place, int64_t r, unsigned p, int64_t low, int64_t high) {
    ASSERT_EQ(static_cast<uint8_t>(bytes[place]), index(r, p, low) | index(r, p, high) << 4) << "row " << r << ", plane " << p << ", byte " << place;
  };
  for (int64_t r = 0; r < 4; ++r) {
    for (unsigned byte = 0; byte < 4; ++byte) {
      expect(4 * r + byte, r, byte, 0, 1);                          // Planes 0 to 3 of the first two tables,
      expect(16 + 4 * r + byte, r, byte, 2, 3);                     // and of the next two;
      expect(32 + 4 * r + byte, r, 4 + byte % 2, byte / 2, 2 + byte / 2); // planes 4 and 5 of all four;
      expect(48 + 4 * r + byte, r, 6, byte, 4 + byte);              // plane 6 of eight, four of which pad.
    }
  }
}

TEST_F(PackTest, RefusesAStorageTypeThatWouldRound) {
  RandomWeight weight(context, {3, 32, 32, 4, ZeroKind::Float}, 5);
  Type f16 = Float16Type::get(&context), f32 = Float32Type::get(&context), i8 = IntegerType::get(&context, 8);
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diag) { message = diag.str(); });
  auto attempt = [&](Type alpha, Type zeta) {
    PackOp pack = weight.makePack(weight.makeBipolar(), LayoutAttr::get(&context, 64, alpha, zeta, false));
    auto packed = cast<PackedAttr>(pack.getType().getFormat());
    std::vector<char> bytes(packed.getTotalBytes(3, 32));
    return packWeight(pack, bytes);
  };
  EXPECT_TRUE(failed(attempt(f16, f32)));
  EXPECT_NE(message.find("is not exact in 'f16'; store alphas as f32"), std::string::npos) << message;
  EXPECT_TRUE(failed(attempt(f32, i8)));
  EXPECT_NE(message.find("is not exact in 'i8'; store it as f32"), std::string::npos) << message;
  EXPECT_TRUE(succeeded(attempt(f32, f32)));
}

TEST_F(PackTest, RefusesTheWrongSize) {
  RandomWeight weight(context, {3, 32, 32, 4, ZeroKind::Midpoint}, 6);
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diag) { message = diag.str(); });
  auto layout = LayoutAttr::get(&context, 64, Float32Type::get(&context), Type(), false);
  std::vector<char> bytes(10);
  EXPECT_TRUE(failed(packWeight(weight.makePack(weight.makeBipolar(-1.0f), layout), bytes)));
  EXPECT_EQ(message, "'lowbit.pack' op packs to 1280 bytes, but there is room for 10");
}
