//===- GroupLayout.h - where a group's bytes lie in a packed tile -*- C++ -*-===//
//
// The reader's side of the packed CPU layout (docs/spec/numerics.md, "Packed layouts").
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_LUTTOLOOPS_GROUPLAYOUT_H
#define LUTRA_CONVERSION_LUTTOLOOPS_GROUPLAYOUT_H

#include "dialects/lowbit/IR/Lowbit.h"

namespace lutra::lutloops {

/// Bytes of codes in one vector register's worth of loads.
inline constexpr int64_t kVectorBytes = 64;
/// Lanes of a vector of i32 or f32: the unit of output rows.
inline constexpr int64_t kLanes = 16;
/// Rows of a tile.
inline constexpr int64_t kTileRows = 64;

/// Planes `first`, ..., `first + width - 1`, whose code bytes are neighbours: `width` (4, 2 or 1) bytes for each row, so
/// that an instruction that sums neighbouring bytes sums the planes.
struct PlaneRun {
  unsigned first;
  unsigned width;
  /// Byte offset of the run's codes in the group.
  int64_t offset;
};

/// One tile of 64 rows by one group.
struct GroupLayout {
  /// Reads the layout of `type`, or says why there is no code for it.
  static llvm::FailureOr<GroupLayout> get(lowbit::WeightType type, llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

  /// Bits of a code.
  unsigned planes;
  /// The codes that stored indices of 4 bits stand for, ascending; empty when planes are stored.
  llvm::ArrayRef<int32_t> codebook;
  /// Whether codes lie three in five bits (dialects/lowbit/IR/Triples.h).
  bool triples;
  /// Tables of three activations of a group, whose indices and signs are stored (dialects/lowbit/IR/LookupTriples.h); 0 where tables are of four.
  int64_t tripleTables = 0;
  /// Whether four neighbouring bytes of codes are one row's in each run: of 8 / width tables, the first half of them in the low nibbles.
  bool quads;
  /// Codes of a row, without padding.
  int64_t group;
  /// Pairs of tables: a code byte holds one index into each of a pair.
  int64_t pairs;
  /// The planes; none when triples are stored, or indices, which begin the group: four bytes of each row for a pair.
  llvm::SmallVector<PlaneRun, 3> runs;
  /// Whether each plane has its own alpha (BCQ).
  bool perPlane;
  int64_t alphaOffset;
  mlir::FloatType alphaType;
  /// The zetas (betas): a constant, or stored as `zetaType` at `zetaOffset`.
  mlir::FloatAttr zeta;
  int64_t zetaOffset;
  mlir::Type zetaType;
  /// Whether a stored number is what the zeta is a quotient of: zeta = (2^planes - 1) + number / alpha.
  bool quotients;
  /// Bytes of the whole, and so the distance between groups.
  int64_t bytes;

  /// What no code exceeds.
  int64_t getLargestCode() const { return codebook.empty() ? (int64_t(1) << planes) - 1 : codebook.back(); }

  /// Rows that the narrowest run's vector of 64 codes covers: the smallest block of rows that reads whole vectors.
  int64_t getBlockRows() const { return tripleTables > 0 ? kTileRows / 2 : quads ? kLanes : kVectorBytes / runs.back().width; }
};

} // namespace lutra::lutloops

#endif // LUTRA_CONVERSION_LUTTOLOOPS_GROUPLAYOUT_H
