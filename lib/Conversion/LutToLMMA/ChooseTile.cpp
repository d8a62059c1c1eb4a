//===- ChooseTile.cpp - elongated tiles by their footprint in bytes -------===//
//
// Tiles are compared by what they move and compute in a stage: bytes of tables and of weights from DRAM into shared memory,
// bytes from there into registers, and cycles of the array. An activation row's tables and a column's codes differ in bytes,
// so the best tile is seldom square in rows and columns (LUT Tensor Core, 4.2.2).
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include <algorithm>
#include <cmath>

using namespace lutra;
using namespace lutra::luttolmma;

/// Rows of a prompt and of a step of decoding, which a tile is chosen for.
static constexpr int64_t kPromptRows = 512;
/// Copies are shared by this many groups at most: code does not grow with it, but waits do not get rarer either.
static constexpr int64_t kMostGroups = 16;

/// Cycles of a launch with `m` rows.
static double timeOf(const ProductShape &s, const CoreFacts &core, const SharedTile &tile, int64_t m) {
  const double stages = std::ceil(double(s.groups) / tile.groups);
  const int64_t columns = s.columns() / tile.columns;
  const double blocks = std::ceil(double(columns) * std::ceil(double(m) / tile.rows) / core.cores);
  const int64_t rows = std::min<int64_t>(tile.rows, std::max<int64_t>(s.arrayM, m));
  const double pairs = double(rows) / s.arrayM, tableBytes = double(tile.tableBytes) * rows / tile.rows;
  const double array = pairs * tile.columns * tile.groups * s.tables * s.planes;
  // A stage's copies are issued when the stage before it is begun: their latency has to fit into it as well.
  const double dram = core.dramLatency + (tableBytes + tile.weightBytes) / core.dramBytesPerCycle;
  const double shared = (tableBytes + tile.weightBytes) / core.sharedBytesPerCycle;
  // The first stage has nothing to hide behind.
  return blocks * (stages * std::max({array, dram, shared}) + dram);
}

std::optional<SharedTile> luttolmma::chooseSharedTile(const ProductShape &s, const CoreFacts &core, int64_t mostRows) {
  if (s.tables > s.tablesPerTile)
    return std::nullopt;
  const int64_t entryBytes = s.entry.getIntOrFloatBitWidth() / 8, tiles = s.columns();
  const int64_t perBlock = s.accumulatorsPerBlock(), scalesPerGroup = s.scalesTables() ? s.tables : 1;
  const int64_t fixedCols = s.perPlane ? 2 : 1, perColumn = (s.perPlane ? s.planes : 1) + (s.zeta ? 1 : 0);
  std::optional<SharedTile> best;
  double bestTime = 0;
  for (int64_t rows = s.arrayM; rows <= mostRows; rows *= 2)
    for (int64_t columns = 1; columns <= std::min<int64_t>(tiles, core.weightTiles); ++columns) {
      const int64_t pairs = rows / s.arrayM, sums = pairs * perBlock;
      const bool floats = s.isFloat() || s.scalesTables();
      const bool fits = tiles % columns == 0 && pairs <= core.tableTiles &&
                        (s.isFloat() || sums <= core.i32Tiles) &&
                        pairs * columns + (floats ? sums : 0) + 1 <= core.f32Tiles &&
                        pairs * (scalesPerGroup + 1) <= core.rowTiles && fixedCols + columns * perColumn <= core.colTiles;
      if (!fits)
        continue;
      for (int64_t groups = 1; groups <= std::min(s.groups, kMostGroups); ++groups) {
        SharedTile tile{rows, columns, groups};
        tile.tableBytes = rows * groups * (s.tables * s.pitch * entryBytes + 4 * (scalesPerGroup + 1));
        tile.weightBytes = columns * groups * s.groupBytes;
        // Buffers begin at multiples of 128 bytes.
        if (2 * (tile.stageBytes() + 4 * 128) > core.sharedBytes)
          break;
        const double time = timeOf(s, core, tile, kPromptRows) / kPromptRows + timeOf(s, core, tile, 1);
        // Fewer waits for the same time.
        if (!best || time < bestTime * 0.999 || (time <= bestTime && groups > best->groups))
          best = tile, bestTime = time;
      }
    }
  if (!best)
    return best;
  // Blocks that run at once should share about as many bytes of weights as of tables.
  const double ratio = double(best->tableBytes) / double(best->weightBytes);
  best->swizzle = std::clamp<int64_t>(std::llround(std::sqrt(double(core.cores) * ratio)), 1,
                                      std::max<int64_t>(1, tiles / best->columns));
  return best;
}
