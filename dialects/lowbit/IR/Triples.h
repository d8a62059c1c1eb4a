//===- Triples.h - three ternary codes in five bits -------------*- C++ -*-===//
//
// The codes of a group of a tile of 64 rows, in the layout `triples`. Octets (8 columns) are taken three at a time: a block is 24 columns of all
// rows, in 320 bytes. Column c of it belongs to triple c % 4 of its half c / 12, as digit (c % 12) / 4, so that one digit of four triples is four
// neighbouring columns. Digits d0, d1, d2 are a nibble and a bit,
//
//     u = 3 d1 + d2    bit = u <= 4    nibble = 5 d0 + (bit ? u : 8 - u)
//
// since (2 - d1, 2 - d2) makes 8 - u. So a machine looks each digit up in 16 bytes, and takes d1 and d2 from 2 where the bit is not set.
//
//     nibbles   4 x 64 bytes: byte 4 r + t is row r and triple t, the first half's low
//     bits          64 bytes: bit 2 (r / 16) + h of byte 4 (r % 16) + t is that of row r, triple t and half h
//
// An octet that is left after the last block takes 128 bytes, two bits a code: byte 64 (r / 32) + 4 (r % 16) + c has column c of row r in
// the low half of a nibble and column 4 + c in its high half; rows with r % 32 < 16 have the low nibble. docs/spec/numerics.md, "Packed layouts".
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_TRIPLES_H
#define LUTRA_DIALECTS_LOWBIT_IR_TRIPLES_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>

namespace lutra::lowbit {

/// Rows of a tile in triples.
inline constexpr int64_t kTripleRows = 64;
/// Octets of columns in a block.
inline constexpr int64_t kTripleOctets = 3;
/// Bytes of the nibbles of a block, of all of it, and of an octet without a block.
inline constexpr int64_t kTripleNibbleBytes = 4 * kTripleRows;
inline constexpr int64_t kTripleBlockBytes = kTripleNibbleBytes + kTripleRows;
inline constexpr int64_t kTripleOctetBytes = 2 * kTripleRows;

/// Bytes of the codes of a group of `octets` octets.
inline constexpr int64_t getTripleBytes(int64_t octets) {
  return octets / kTripleOctets * kTripleBlockBytes + octets % kTripleOctets * kTripleOctetBytes;
}

/// Digit `digit` (0 to 2) of the triple with `nibble` whose bit is set. A nibble that no triple has gives 0.
inline constexpr uint8_t getTripleDigit(uint8_t nibble, unsigned digit) {
  if (nibble >= 15)
    return 0;
  return static_cast<uint8_t>(digit == 0 ? nibble / 5 : digit == 1 ? nibble % 5 / 3 : nibble % 5 % 3);
}

/// Adds the codes of `row` to those of a `group` that has zeros for them. `octetCodes(octet)` is 8 codes, one a byte; false when one is above 2.
bool packTriples(llvm::function_ref<uint64_t(int64_t)> octetCodes, int64_t octets, int64_t row, char *group);

/// The code of `row` and `column` of a group of `octets` octets.
uint8_t unpackTriple(const char *group, int64_t octets, int64_t row, int64_t column);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_TRIPLES_H
