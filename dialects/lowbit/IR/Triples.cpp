//===- Triples.cpp - three ternary codes in five bits ---------------------===//
//
// Four triples at a time: the quads of columns that are their digits are halves of the words of octets.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Triples.h"

#include <array>

using namespace lutra::lowbit;

static constexpr uint8_t kBit = 0x10, kInvalid = 0xff;

/// Nibble and bit of the triple d0 + 4 d1 + 16 d2.
static constexpr std::array<uint8_t, 64> makeCodes() {
  std::array<uint8_t, 64> codes{};
  for (unsigned digits = 0; digits < 64; ++digits) {
    unsigned d0 = digits % 4, d1 = digits / 4 % 4, d2 = digits / 16, u = 3 * d1 + d2;
    bool valid = d0 < 3 && d1 < 3 && d2 < 3;
    codes[digits] = static_cast<uint8_t>(!valid ? kInvalid : u > 4 ? 5 * d0 + 8 - u : kBit | (5 * d0 + u));
  }
  return codes;
}
static constexpr std::array<uint8_t, 64> kCodes = makeCodes();

/// Sets bits that are zeros.
static void addBits(char &byte, unsigned bits) { byte = static_cast<char>(static_cast<unsigned char>(byte) | bits); }

/// A block of 24 codes of a row.
static bool packBlock(const std::array<uint64_t, kTripleOctets> &codes, int64_t row, char *block) {
  char *nibbles = block + 4 * row, *bits = block + kTripleNibbleBytes + 4 * (row % 16);
  for (unsigned half = 0; half < 2; ++half) {
    // Codes are of two bits: three quads of them fit the bytes of one.
    auto quad = [&](unsigned i) { return codes[(3 * half + i) / 2] >> ((3 * half + i) % 2 * 32) & 0xffffffffu; };
    uint64_t digits = quad(0) | quad(1) << 2 | quad(2) << 4;
    for (unsigned triple = 0; triple < 4; ++triple, digits >>= 8) {
      uint8_t code = kCodes[digits & 0x3f];
      if (code == kInvalid)
        return false;
      addBits(nibbles[triple], (code & 15u) << (4 * half));
      addBits(bits[triple], (code / kBit & 1u) << (2 * (row / 16) + half));
    }
  }
  return true;
}

/// Where a code of an octet without a block lies: its byte, and the bit where it begins.
static std::pair<int64_t, unsigned> placeOfLeft(int64_t row, int64_t column) {
  return {64 * (row / 32) + 4 * (row % 16) + column % 4, static_cast<unsigned>(row % 32 / 16 * 4 + column / 4 * 2)};
}

bool lutra::lowbit::packTriples(llvm::function_ref<uint64_t(int64_t)> octetCodes, int64_t octets, int64_t row, char *group) {
  int64_t octet = 0;
  for (; octet + kTripleOctets <= octets; octet += kTripleOctets, group += kTripleBlockBytes)
    if (!packBlock({octetCodes(octet), octetCodes(octet + 1), octetCodes(octet + 2)}, row, group))
      return false;
  for (; octet < octets; ++octet, group += kTripleOctetBytes) {
    uint64_t codes = octetCodes(octet);
    for (int64_t column = 0; column < 8; ++column, codes >>= 8) {
      unsigned code = codes & 0xff;
      if (code > 2)
        return false;
      auto [byte, bit] = placeOfLeft(row, column);
      addBits(group[byte], code << bit);
    }
  }
  return true;
}

uint8_t lutra::lowbit::unpackTriple(const char *group, int64_t octets, int64_t row, int64_t column) {
  constexpr int64_t columns = 8 * kTripleOctets;
  const int64_t blocks = octets / kTripleOctets, block = column / columns;
  if (block >= blocks) {
    auto [byte, bit] = placeOfLeft(row, column % 8);
    const char *left = group + blocks * kTripleBlockBytes + (column / 8 - blocks * kTripleOctets) * kTripleOctetBytes;
    return static_cast<uint8_t>(static_cast<uint8_t>(left[byte]) >> bit & 3);
  }
  group += block * kTripleBlockBytes;
  column %= columns;
  const int64_t half = column / 12, digit = column % 12 / 4, triple = column % 4;
  auto nibbles = static_cast<uint8_t>(group[4 * row + triple]);
  auto bits = static_cast<uint8_t>(group[kTripleNibbleBytes + 4 * (row % 16) + triple]);
  uint8_t code = getTripleDigit(nibbles >> (4 * half) & 15, static_cast<unsigned>(digit));
  bool isPlain = bits >> (2 * (row / 16) + half) & 1;
  return digit > 0 && !isPlain ? static_cast<uint8_t>(2 - code) : code;
}
