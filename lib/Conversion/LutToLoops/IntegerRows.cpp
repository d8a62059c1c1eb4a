//===- IntegerRows.cpp - how few rows of codes are multiplied -------------===//
//
// What the loops of IntegerFew.cpp go by: up to how many rows they are for, how far ahead they ask for weights, and whether they copy codes.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/IntegerKernel.h"

using namespace lutra;
using namespace lutra::lutloops;

namespace {
/// Activation rows that are multiplied without a panel, at most: with rows that contend (below), with narrow registers, and with wide ones where no instruction sums
/// four bytes in 32 bits. Without that, triples are a detour for more than one row in narrow registers.
constexpr int64_t kFewRowsAliased = 12, kFewRowsNarrow = 4, kFewRowsShort = 12;
/// Bytes that activation rows are multiples of apart which contend for the same lines of a first cache of 8 ways, and what rows have at most that are copied for a
/// group, to places a line further apart: that is for the stack.
constexpr int64_t kNearDistance = 2048, kMaxNearBytes = 8192;
/// Bytes of a group that are asked for ahead, at most: of longer ones each run is a stream for long.
constexpr int64_t kMaxGroupAheadBytes = 16384;
} // namespace

int64_t lutloops::getRowBytes(const GroupLayout &layout) { return 2 * kQuad * layout.pairs; }

bool lutloops::mustCopyRows(const GroupLayout &layout) {
  return getRowBytes(layout) % kNearDistance == 0 && getRowBytes(layout) <= kMaxNearBytes;
}

int64_t lutloops::getAheadBytes(const GroupLayout &layout, const ConvertLutToLoopsOptions &options) {
  if (options.prefetchBytes == 0)
    return 0;
  const int64_t near = std::max(options.prefetchBytes, kGroupAheadBytes);
  if (!options.readsAhead || layout.bytes > kMaxGroupAheadBytes)
    return near;
  const int64_t least = layout.runs.size() > 1 && layout.runs.back().width == 4 ? 2 * near : near;
  return std::max<int64_t>(least, llvm::alignTo(layout.bytes, kVectorBytes));
}

/// The most activation rows that are multiplied at once without a panel.
static int64_t countRowsOfPass(bool triples, bool isWide, bool sumsInOne, int64_t lookupEntries) {
  if (triples && !sumsInOne)
    return isWide ? kFewRowsNarrow : 1;
  if (!isWide)
    return kFewRowsNarrow;
  if (triples)
    return lookupEntries > 16 ? lowbit::kFewRowsOfNumbers : lowbit::kFewRowsOfTriples;
  return sumsInOne ? lowbit::kRowsOfPass : kFewRowsShort;
}

int64_t lutloops::getRowsOfPass(const GroupLayout &layout, const ConvertLutToLoopsOptions &options) {
  const int64_t most = countRowsOfPass(layout.triples, options.vectorRows >= kTileRows, options.accumulatorBits != 16, options.lookupEntries);
  // Rows that would have to be copied, but are too long.
  const bool isAliased = getRowBytes(layout) > kMaxNearBytes && getRowBytes(layout) % kNearDistance == 0;
  return isAliased ? std::min(most, kFewRowsAliased) : most;
}

int64_t lutloops::getFewRows(bool triples, bool isWide, bool sumsInOne, int64_t lookupEntries, int64_t passes) {
  const int64_t most = countRowsOfPass(triples, isWide, sumsInOne, lookupEntries);
  // What is unpacked again in each pass is next to nothing of as many rows.
  return most == lowbit::kRowsOfPass ? most * passes : most;
}

int64_t lutloops::getFewRows(const GroupLayout &layout, const ConvertLutToLoopsOptions &options) {
  const int64_t most = getRowsOfPass(layout, options);
  return most == lowbit::kRowsOfPass ? most * options.rowPasses : most;
}

int64_t lutloops::getRowsInOrder(const GroupLayout &layout, const ConvertLutToLoopsOptions &options) {
  // Runs of planes are streams of their own, each too short to be read ahead of: 3 bits of 1024x4096 take 161 us by one row, and 267 without requests; a single run
  // takes 106 to 129 us by 1 to 4 rows, and 114 to 134 with requests (4 bits; 2 bits: 83 to 125 and 87 to 133).
  const bool isOneRun = !layout.triples && layout.runs.size() <= 1;
  return options.readsAhead && isOneRun && options.vectorRows >= kTileRows ? lowbit::kRowsOfFourParts : 0;
}
