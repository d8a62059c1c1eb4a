//===- LookupTriples.h - ternary codes as indices into tables of three -*- C++ -*-===//
//
// The codes of a group of a tile of 64 rows, in the layout `lookup_triples`. A group of G columns has T = ceil(G / 3) tables of three activations;
// table t is of columns t, T + t and 2T + t, and columns past the group count as weights of 0. With the weights w0, w1, w2 of a row (-1, 0, 1),
//
//     v = 9 w0 + 3 w1 + w2        index = |v| (0 to 13)
//
// A row has a lane, so that rows r and r + 16 of each half of the tile are neighbours: 32 (r / 32) + 2 (r % 16) + r / 16 % 2. A machine then widens
// sums of even and of odd lanes to rows in order.
//
//     indices   32 T bytes: byte 64 j + lane has the index of table 2 j in its low half and that of 2 j + 1 in its high half. If T is odd, 32 bytes are
//               left for the last table: byte 64 (T / 2) + lane % 32, the low half for lanes below 32.
//     signs      8 T bytes: bit lane / 8 of byte 8 t + lane % 8, which is set unless v is negative. Eight bytes that are repeated test as 64 lanes.
//
// With `quads`, a row's index and sign are a number of five bits, |v| and then whether v is negative, and four tables of 64 rows (a quad) are 160 bytes, which a
// machine that takes fields of eight words of 64 bits apart in an instruction reads without permuting bytes. Part p = r / 16 of the rows has a field
// i = 4 (r % 2) + t of word (r % 16) / 2 for table t of the quad. Two words of 64 bits, of lines 0 and 1 (64 bytes each), and half a one of the last 32 bytes are a
// word of the four parts: with the turn u = 16 (p / 2 + 2 (word / 4)),
//
//     p even    fields are bits u, ..., u + 39 (modulo 64) of line p / 2
//     p odd     fields are bits u + 40, ..., u + 79 (modulo 64): 24 bits that are left of line p / 2, then bits u, ..., u + 15 of word % 4 of the last 32 bytes
//
// so that these 16 bits are where the line has a field of an even part. The tables that are left, one to three, are as many units of 40 bytes: word w has 5 bytes from
// 5 w on, eight fields. `getTripleNumberPlace` has their order.
//
// docs/spec/numerics.md, "Packed layouts".
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOOKUPTRIPLES_H
#define LUTRA_DIALECTS_LOWBIT_IR_LOOKUPTRIPLES_H

#include "dialects/lowbit/IR/Triples.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>

namespace lutra::lowbit {

/// Entries of a table of three that an index may choose.
inline constexpr int64_t kTripleEntries = 14;
/// Bytes of the indices and of the signs of a table.
inline constexpr int64_t kTripleIndexBytes = kTripleRows / 2, kTripleSignBytes = kTripleRows / 8;

/// Bytes of the codes of a group of `group` columns.
inline constexpr int64_t getLookupTripleBytes(int64_t group) { return (group + 2) / 3 * (kTripleIndexBytes + kTripleSignBytes); }

/// The lane of a row of a tile.
inline constexpr int64_t getTripleLane(int64_t row) { return row / 32 * 32 + row % 16 * 2 + row / 16 % 2; }

/// Tables of a quad, and bits of the number of a table and a row.
inline constexpr int64_t kTripleQuadTables = 4, kTripleNumberBits = 5;
/// Bytes of a quad, and of each unit of the tables that are left.
inline constexpr int64_t kTripleUnitBytes = kTripleIndexBytes + kTripleSignBytes, kTripleQuadBytes = kTripleQuadTables * kTripleUnitBytes;
/// Bits of a word of 64 that the fields of a part take, and how many of the last 32 bytes an odd part has.
inline constexpr int64_t kTripleFieldBits = 40, kTripleHalfBits = 16;

/// The bit of a word from which on a quad's fields of the parts 2 `line` and 2 `line` + 1 lie.
inline constexpr int64_t getTripleTurn(int64_t line, int64_t word) { return kTripleHalfBits * (line + word / 4 * 2); }

/// Where the number of table `table` of `rest` (1 to 3) that are left and a row of part `part` lies: which unit, and which field of its word. `odd`: whether the row is.
struct TripleNumberPlace {
  int64_t unit, field;
};
inline constexpr TripleNumberPlace getTripleNumberPlace(int64_t rest, int64_t part, int64_t odd, int64_t table) {
  if (rest == 1)
    return {0, 2 * part + odd};
  if (rest == 2)
    return {part / 2, part % 2 * 4 + 2 * odd + table};
  // Three parts have a unit each but for two fields, which are the last part's.
  if (part == 3)
    return {table, 2 * table + odd};
  const int64_t field = 3 * odd + table;
  return {part, field < 2 * part ? field : field + 2};
}

/// The weight of activation `place` (0 to 2) in entry `index`: a balanced ternary digit, the greatest first.
inline constexpr int getTripleWeight(int64_t index, int64_t place) {
  const int64_t shifted = index + 13;
  return static_cast<int>(place == 0 ? shifted / 9 : place == 1 ? shifted / 3 % 3 : shifted % 3) - 1;
}

/// Adds the codes of `row` to those of a group of `group` columns that has zeros for them. `octetCodes(octet)` is 8 codes, one a byte; false when one is
/// above 2.
bool packLookupTriples(llvm::function_ref<uint64_t(int64_t)> octetCodes, int64_t group, int64_t row, bool quads, char *data);

/// The code of `row` and `column` of a group of `group` columns.
uint8_t unpackLookupTriple(const char *data, int64_t group, int64_t row, int64_t column, bool quads);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOOKUPTRIPLES_H
