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

/// Stages of a block, and tables of each that the array looks up.
static double stagesOf(const ProductShape &s, const SharedTile &tile) {
  if (tile.tables == s.tables)
    return std::ceil(double(s.groups) / tile.groups);
  return double(s.groups) * double((s.tables + tile.tables - 1) / tile.tables);
}

/// Cycles of a launch with `m` rows.
static double timeOf(const ProductShape &s, const CoreFacts &core, const SharedTile &tile, int64_t m) {
  const int64_t columns = s.columns() / tile.columns;
  const double blocks = std::ceil(double(columns) * std::ceil(double(m) / tile.rows) / core.cores);
  const int64_t rows = std::min<int64_t>(tile.rows, std::max<int64_t>(s.arrayM, m));
  const double pairs = std::ceil(double(rows) / s.arrayM), tableBytes = double(tile.tableBytes) * rows / tile.rows;
  const double array = pairs * tile.columns * tile.groups * tile.tables * s.planes;
  // A stage's copies are issued when the stage before it is begun: their latency has to fit into it as well.
  const double dram = core.dramLatency + (tableBytes + tile.weightBytes) / core.dramBytesPerCycle;
  const double shared = (tableBytes + tile.weightBytes) / core.sharedBytesPerCycle;
  // The first stage has nothing to hide behind.
  return blocks * (stagesOf(s, tile) * std::max({array, dram, shared}) + dram);
}

/// Whether the accumulators, operands, rows and columns of a block have registers.
static bool fitsRegisters(const ProductShape &s, const CoreFacts &core, int64_t rows, int64_t columns) {
  const int64_t pairs = rows / s.arrayM, scalesPerRegister = s.scalesTables() ? std::min(s.tables, s.tablesPerTile) : 1;
  // Columns share accumulators where a group is one register of tables.
  const int64_t sums = pairs * s.accumulatorsPerBlock() * (s.tables > s.tablesPerTile ? columns : 1);
  const int64_t exact = s.isFloat() ? 0 : s.scalesTables() ? pairs * s.accumulatorsPerBlock() : sums;
  const int64_t floats = pairs * columns + (s.isFloat() || s.scalesTables() ? sums : 0) + 1;
  const int64_t perColumn = (s.perPlane ? s.planes : 1) + (s.zeta ? 1 : 0), fixed = s.perPlane ? 2 : 1;
  return s.columns() % columns == 0 && columns <= core.weightTiles && pairs <= core.tableTiles && exact <= core.i32Tiles &&
         floats <= core.f32Tiles && pairs * columns + 1 + s.epilogue.f32Tiles() <= core.f32Tiles &&
         pairs * (scalesPerRegister + 2) <= core.rowTiles && fixed + columns * perColumn <= core.colTiles &&
         fixed + s.epilogue.colTiles() <= core.colTiles;
}

/// Fills in what a stage of `tile` takes; whether two of them fit.
static bool fitsShared(const ProductShape &s, const CoreFacts &core, SharedTile &tile) {
  const int64_t entryBytes = s.entry.getIntOrFloatBitWidth() / 8, scales = s.scalesTables() ? tile.tables : 1;
  const bool isWhole = tile.tables == s.tables;
  tile.tableBytes = tile.rows * tile.groups * (tile.tables * s.pitch * entryBytes + 4 * (scales + 1));
  tile.weightBytes = tile.columns * tile.groups * (isWhole ? s.groupBytes : s.planes * tile.tables / 2 * s.arrayN);
  // Buffers begin at multiples of 128 bytes.
  return 2 * (tile.stageBytes() + 4 * 128) <= core.sharedBytes;
}

std::optional<SharedTile> luttolmma::chooseSharedTile(const ProductShape &s, const CoreFacts &core, int64_t mostRows) {
  std::optional<SharedTile> best;
  double bestTime = 0;
  // Whether the tile fits; kept if it is the fastest, or moves more at once in the same time: fewer waits.
  auto consider = [&](SharedTile tile) {
    if (!fitsShared(s, core, tile))
      return false;
    const double time = timeOf(s, core, tile, kPromptRows) / kPromptRows + timeOf(s, core, tile, 1);
    if (!best || time < bestTime * 0.999 || (time <= bestTime && tile.groups * tile.tables > best->groups * best->tables))
      best = tile, bestTime = time;
    return true;
  };
  for (int64_t rows = s.arrayM; rows <= mostRows; rows *= 2)
    for (int64_t columns = 1; columns <= s.columns() && fitsRegisters(s, core, rows, 1); ++columns) {
      if (!fitsRegisters(s, core, rows, columns))
        continue;
      for (int64_t groups = 1; groups <= std::min(s.groups, kMostGroups); ++groups)
        if (!consider({rows, columns, groups, s.tables}))
          break;
      // Parts of a group: registers of tables, of which the last part may have fewer; an even number of parts, so that each group begins
      // in the first stage.
      for (int64_t tables = s.tablesPerTile; tables < s.tables; tables += s.tablesPerTile)
        if ((s.tables + tables - 1) / tables % 2 == 0 && !consider({rows, columns, 1, tables}))
          break;
    }
  if (!best)
    return best;
  // Blocks that run at once should share about as many bytes of weights as of tables.
  const double ratio = double(best->tableBytes) / double(best->weightBytes);
  best->swizzle = std::clamp<int64_t>(std::llround(std::sqrt(double(core.cores) * ratio)), 1,
                                      std::max<int64_t>(1, s.columns() / best->columns));
  return best;
}
