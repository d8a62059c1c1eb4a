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

/// The weight of activation `place` (0 to 2) in entry `index`: a balanced ternary digit, the greatest first.
inline constexpr int getTripleWeight(int64_t index, int64_t place) {
  const int64_t shifted = index + 13;
  return static_cast<int>(place == 0 ? shifted / 9 : place == 1 ? shifted / 3 % 3 : shifted % 3) - 1;
}

/// Adds the codes of `row` to those of a group of `group` columns that has zeros for them. `octetCodes(octet)` is 8 codes, one a byte; false when one is
/// above 2.
bool packLookupTriples(llvm::function_ref<uint64_t(int64_t)> octetCodes, int64_t group, int64_t row, char *data);

/// The code of `row` and `column` of a group of `group` columns.
uint8_t unpackLookupTriple(const char *data, int64_t group, int64_t row, int64_t column);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOOKUPTRIPLES_H
