//===- IntegerRows.h - activation rows of int8 products ---------*- C++ -*-===//
//
// The numbers of activation rows at which the loops of int8 products change (lib/Conversion/LutToLoops/IntegerFew.cpp and IntegerProduct.cpp), which the cost model
// counts by. benchmarks/lib/rates.py reads this file.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_INTEGERROWS_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_INTEGERROWS_H

#include <cstdint>

namespace lutra::lowbit {

/// Rows that 64 and 32 weight rows are multiplied with at once, at most: 16 to 24 sums, and 8 or 4 vectors of codes. More are multiplied with 16: each sum then loads
/// its activations, and the units that multiply are what it waits for all the same.
inline constexpr int64_t kRowsOfFourParts = 4;
inline constexpr int64_t kRowsOfTwoParts = 12;

/// The same of 32 weight rows in triples, whose blocks have six vectors of codes for 16; and where five bits are one index: codes are cheaper, and more rows' sums pay
/// for them (9 rows 0.85, 13 rows 0.9 of the time on Zen 4).
inline constexpr int64_t kRowsOfTwoTripleParts = 8;
inline constexpr int64_t kRowsOfTwoNumberParts = 12;

/// Rows that are multiplied without a panel at once, at most: 24 sums, and what is left of 32 registers for codes. More are multiplied in passes over the weight, up to
/// as many as the target makes.
inline constexpr int64_t kRowsOfPass = 24;

/// Rows that are multiplied with triples without a panel, at most; and where five bits are one index.
inline constexpr int64_t kFewRowsOfTriples = 12;
inline constexpr int64_t kFewRowsOfNumbers = 16;

/// Rows that are multiplied with a panel at once.
inline constexpr int64_t kPanelBlockRows = 6;

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_INTEGERROWS_H
