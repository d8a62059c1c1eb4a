//===- LookupTriples.cpp - ternary codes as indices into tables of three --===//
#include "dialects/lowbit/IR/LookupTriples.h"

#include "llvm/ADT/SmallVector.h"
#include <cstdlib>

using namespace lutra::lowbit;

/// Where the index of a table and a row lies: its byte, and whether that is the high half.
static std::pair<int64_t, bool> placeOfIndex(int64_t tables, int64_t table, int64_t lane) {
  if (table == tables - 1 && table % 2 == 0)
    return {kTripleIndexBytes * table + lane % 32, lane >= 32};
  return {table / 2 * kTripleRows + lane, table % 2 != 0};
}

/// Where bit `bit` of the number of a table and a row lies in quads: its byte, and its place in that.
static std::pair<int64_t, int64_t> placeOfBit(int64_t tables, int64_t table, int64_t row, int64_t bit) {
  const int64_t begin = table / kTripleQuadTables * kTripleQuadBytes, rest = tables - table / kTripleQuadTables * kTripleQuadTables;
  const int64_t part = row / 16, word = row % 16 / 2, odd = row % 2, inQuad = table % kTripleQuadTables;
  if (rest < kTripleQuadTables) {
    auto [unit, field] = getTripleNumberPlace(rest, part, odd, inQuad);
    const int64_t place = kTripleNumberBits * field + bit;
    return {begin + kTripleUnitBytes * unit + kTripleUnitBytes / 8 * word + place / 8, place % 8};
  }
  const int64_t line = part / 2, field = 4 * odd + inQuad;
  const int64_t inFields = kTripleNumberBits * field + bit + part % 2 * kTripleFieldBits, place = (getTripleTurn(line, word) + inFields) % 64;
  const bool isOfHalf = inFields >= 64;
  return {begin + (isOfHalf ? 128 + word % 4 * 8 : 64 * line + 8 * word) + place / 8, place % 8};
}

static void addBits(char &byte, unsigned bits) { byte = static_cast<char>(static_cast<unsigned char>(byte) | bits); }

bool lutra::lowbit::packLookupTriples(llvm::function_ref<uint64_t(int64_t)> octetCodes, int64_t group, int64_t row, bool quads, char *data) {
  const int64_t tables = (group + 2) / 3, lane = getTripleLane(row);
  // What pads the last tables counts as a weight of 0.
  llvm::SmallVector<int8_t, 256> weights(3 * tables, 0);
  for (int64_t octet = 0; 8 * octet < group; ++octet) {
    uint64_t codes = octetCodes(octet);
    for (int64_t column = 8 * octet; column < std::min(group, 8 * octet + 8); ++column, codes >>= 8) {
      if ((codes & 0xff) > 2)
        return false;
      weights[column] = static_cast<int8_t>(static_cast<int>(codes & 0xff) - 1);
    }
  }
  for (int64_t table = 0; table < tables; ++table) {
    const int v = 9 * weights[table] + 3 * weights[tables + table] + weights[2 * tables + table];
    if (quads) {
      const unsigned number = static_cast<unsigned>(std::abs(v)) | (v < 0 ? 16u : 0u);
      for (int64_t bit = 0; bit < kTripleNumberBits; ++bit) {
        auto [byte, place] = placeOfBit(tables, table, row, bit);
        addBits(data[byte], (number >> bit & 1) << place);
      }
      continue;
    }
    auto [byte, isHigh] = placeOfIndex(tables, table, lane);
    addBits(data[byte], static_cast<unsigned>(std::abs(v)) << (isHigh ? 4 : 0));
    if (v >= 0)
      addBits(data[kTripleIndexBytes * tables + kTripleSignBytes * table + lane % 8], 1u << (lane / 8));
  }
  return true;
}

uint8_t lutra::lowbit::unpackLookupTriple(const char *data, int64_t group, int64_t row, int64_t column, bool quads) {
  const int64_t tables = (group + 2) / 3, lane = getTripleLane(row), table = column % tables;
  auto bitAt = [&](int64_t byte, int64_t place) { return static_cast<uint8_t>(data[byte]) >> place & 1; };
  int64_t index = 0;
  bool isNegative;
  if (quads) {
    for (int64_t bit = 0; bit < kTripleNumberBits; ++bit) {
      auto [byte, place] = placeOfBit(tables, table, row, bit);
      index |= int64_t(bitAt(byte, place)) << bit;
    }
    isNegative = index >= 16;
    index %= 16;
  } else {
    auto [byte, isHigh] = placeOfIndex(tables, table, lane);
    index = static_cast<uint8_t>(data[byte]) >> (isHigh ? 4 : 0) & 15;
    isNegative = !bitAt(kTripleIndexBytes * tables + kTripleSignBytes * table + lane % 8, lane / 8);
  }
  // What no packing made stands for nothing; any code will do.
  const int weight = index < kTripleEntries ? getTripleWeight(index, column / tables) : 0;
  return static_cast<uint8_t>(1 + (isNegative ? -weight : weight));
}
