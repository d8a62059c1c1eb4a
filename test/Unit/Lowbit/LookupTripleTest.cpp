//===- LookupTripleTest.cpp - ternary codes as indices and signs ----------===//
//
// The layout `lookup_triples`: what is packed comes back, the bytes are where LookupTriples.h has them, and codes above 2 are refused.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/LookupTriples.h"

#include "gtest/gtest.h"

#include <random>
#include <vector>

using namespace lutra::lowbit;

/// The eight codes of an octet of `codes`, which is padded with zeros.
static uint64_t octetOf(const std::vector<uint8_t> &codes, int64_t octet) {
  uint64_t word = 0;
  for (int64_t i = 0; i < 8; ++i)
    if (size_t column = 8 * octet + i; column < codes.size())
      word |= uint64_t(codes[column]) << (8 * i);
  return word;
}

// Even and odd numbers of tables, groups that do not fill the last, and one shorter than a table.
TEST(LookupTriple, RoundTrip) {
  std::mt19937 random(1);
  for (bool quads : {false, true})
    for (int64_t group : {1, 2, 3, 4, 5, 6, 7, 8, 12, 24, 31, 32, 33, 64, 128, 200, 257}) {
      std::vector<std::vector<uint8_t>> rows(kTripleRows, std::vector<uint8_t>(group));
      std::vector<char> data(getLookupTripleBytes(group), 0);
      for (int64_t row = 0; row < kTripleRows; ++row) {
        for (uint8_t &code : rows[row])
          code = static_cast<uint8_t>(random() % 3);
        ASSERT_TRUE(packLookupTriples([&](int64_t octet) { return octetOf(rows[row], octet); }, group, row, quads, data.data()));
      }
      for (int64_t row = 0; row < kTripleRows; ++row)
        for (int64_t column = 0; column < group; ++column)
          ASSERT_EQ(unpackLookupTriple(data.data(), group, row, column, quads), rows[row][column]) << quads << ", " << group << ": " << row << ", " << column;
    }
}

// Numbers of five bits: one negative weight of a column is 16 + 9, 16 + 3 or 16 + 1.
TEST(LookupTriple, QuadPlaces) {
  struct Place {
    int64_t group, row, column, byte;
    unsigned bits;
  };
  const Place places[] = {
      {12, 0, 0, 0, 25},         // Table 0 of an even part: bits 0 to 4 of line 0.
      {12, 1, 7, 4, 19u << 3},   // Table 3 of the odd row, field 7: bits 35 to 39, whose third is of 3 w1.
      {12, 8, 0, 32 + 4, 25},    // Word 4 has turned by 32.
      {12, 16, 0, 5, 25},        // Part 1 begins behind the fields of part 0,
      {12, 17, 1, 128, 25u << 1},// and its field 5 has bits 1 to 5 of the last 32 bytes.
      {12, 32, 0, 64 + 2, 25},   // Line 1 has turned by 16.
      {3, 2, 0, 5, 25},          // One table: 5 bytes a word, the second of which has rows 2, 3, 18, 19 and so on.
      {3, 19, 0, 6, 25u << 7 & 255},
      {6, 48, 1, 40 + 3, 25u << 1}, // Two tables: part 3 has the upper four fields of unit 1, even rows the first two.
  };
  for (const Place &place : places) {
    std::vector<uint8_t> codes(place.group, 1);
    codes[place.column] = 0;
    std::vector<char> data(getLookupTripleBytes(place.group), 0);
    ASSERT_TRUE(packLookupTriples([&](int64_t octet) { return octetOf(codes, octet); }, place.group, place.row, /*quads=*/true, data.data()));
    EXPECT_EQ(static_cast<uint8_t>(data[place.byte]), place.bits) << place.group << ": " << place.row << ", " << place.column;
  }
}

TEST(LookupTriple, Sizes) {
  EXPECT_EQ(getLookupTripleBytes(128), 43 * 40); // 1.68 bits a code.
  EXPECT_EQ(getLookupTripleBytes(64), 22 * 40);
  EXPECT_EQ(getLookupTripleBytes(3), 40);
  EXPECT_EQ(getLookupTripleBytes(1), 40);
}

// Rows 0, 16, 32 and 49 have lanes 0, 1, 32 and 35. Of ten columns there are four tables, of columns t, 4 + t and 8 + t.
TEST(LookupTriple, Places) {
  for (auto [row, lane] : {std::pair<int64_t, int64_t>{0, 0}, {16, 1}, {32, 32}, {49, 35}}) {
    ASSERT_EQ(getTripleLane(row), lane);
    std::vector<uint8_t> codes(10, 1);
    codes[1] = 0; // Table 1 is -9 + 3 - 1 = -7 of columns 1, 5 and 9.
    codes[5] = 2;
    codes[9] = 0;
    std::vector<char> data(getLookupTripleBytes(10), 0);
    ASSERT_TRUE(packLookupTriples([&](int64_t octet) { return octetOf(codes, octet); }, 10, row, /*quads=*/false, data.data()));
    EXPECT_EQ(static_cast<uint8_t>(data[lane]), 7 << 4);
    for (int64_t table = 0; table < 4; ++table)
      EXPECT_EQ(static_cast<uint8_t>(data[4 * kTripleIndexBytes + 8 * table + lane % 8]), table == 1 ? 0 : 1 << (lane / 8));
  }
  // The last of three tables has no neighbour: its indices are halves of 32 bytes.
  std::vector<uint8_t> codes(9, 1);
  codes[2] = 2;
  for (auto [row, shift] : {std::pair<int64_t, int64_t>{1, 0}, {33, 4}}) {
    std::vector<char> data(getLookupTripleBytes(9), 0);
    ASSERT_TRUE(packLookupTriples([&](int64_t octet) { return octetOf(codes, octet); }, 9, row, /*quads=*/false, data.data()));
    EXPECT_EQ(static_cast<uint8_t>(data[64 + 2]), 9 << shift);
  }
}

TEST(LookupTriple, Weights) {
  for (int64_t index = 0; index < kTripleEntries; ++index) {
    int64_t sum = 0;
    for (int64_t place = 0; place < 3; ++place) {
      ASSERT_LE(std::abs(getTripleWeight(index, place)), 1);
      sum = 3 * sum + getTripleWeight(index, place);
    }
    EXPECT_EQ(sum, index);
  }
}

TEST(LookupTriple, RefusesCodesAboveTwo) {
  std::vector<char> data(getLookupTripleBytes(8), 0);
  std::vector<uint8_t> codes{0, 1, 2, 3, 0, 1, 2, 0};
  EXPECT_FALSE(packLookupTriples([&](int64_t octet) { return octetOf(codes, octet); }, 8, 0, /*quads=*/false, data.data()));
}
