//===- TripleCodes.h - three ternary codes in five bits to bytes -*- C++ -*-===//
//
// The reader's side of the layout `triples` (dialects/lowbit/IR/Triples.h), on vectors: 16 rows of a tile are the 64 bytes of a quad, four codes
// for each row.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_LUTTOLOOPS_TRIPLECODES_H
#define LUTRA_CONVERSION_LUTTOLOOPS_TRIPLECODES_H

#include "dialects/lowbit/IR/Triples.h"
#include "lib/Conversion/LutToLoops/Kernel.h"

namespace lutra::lutloops {

/// Quads of columns in a block of triples, and in an octet.
inline constexpr int64_t kBlockQuads = 2 * lowbit::kTripleOctets;
inline constexpr int64_t kOctetQuads = 2;

/// Makes bytes of triples: codes, or twice the codes.
class TripleCodes {
public:
  /// With `lookupEntries` = 64, the five bits of a triple are one index.
  TripleCodes(mlir::ImplicitLocOpBuilder &b, mlir::Value weights, bool doubled, int64_t prefetchBytes, int64_t lookupEntries);

  /// Calls `use(row, quads)` for each 16 rows of [begin, begin + count) with the six quads of the block at byte `place` of the weights.
  void forBlock(mlir::Value place, int64_t begin, int64_t count, llvm::function_ref<void(int64_t, llvm::ArrayRef<mlir::Value>)> use);
  /// The same with the two quads of an octet without a block.
  void forOctet(mlir::Value place, int64_t begin, int64_t count, llvm::function_ref<void(int64_t, llvm::ArrayRef<mlir::Value>)> use);

private:
  void lookUpNibbles(mlir::Value nibbles, mlir::Value bits, int64_t bit, int64_t half, llvm::SmallVectorImpl<mlir::Value> &quads);
  void lookUpNumbers(mlir::Value nibbles, mlir::Value bits, int64_t half, llvm::SmallVectorImpl<mlir::Value> &quads);
  mlir::Value load(mlir::Value place);
  void prefetch(mlir::Value place);
  mlir::Value shiftRight(mlir::Value bytes, int64_t bits);
  mlir::Value mask(mlir::Value bytes, int64_t bits);

  mlir::ImplicitLocOpBuilder &b;
  mlir::Value weights;
  bool doubled;
  int64_t prefetchBytes, lookupEntries;
  /// For each digit, the code of a nibble whose bit is set, or, for each half of the nibbles, that of each number of a nibble and two bits, of which the half's one
  /// counts.
  mlir::Value digits[2][3];
};

/// Emits the bytes of the pairs [firstPair, lastPair) of the group at `offset` to `panel` from `place` on, as `emitPanelStep` does for
/// planes. The first pair begins a block, or is behind all of them.
void emitTriplePanel(mlir::ImplicitLocOpBuilder &b, const GroupLayout &layout, bool doubled, mlir::Value weights, mlir::Value offset,
                     mlir::Value firstPair, mlir::Value lastPair, mlir::Value panel, mlir::Value place, int64_t prefetchBytes,
                     int64_t lookupEntries);

} // namespace lutra::lutloops

#endif // LUTRA_CONVERSION_LUTTOLOOPS_TRIPLECODES_H
