//===- Schedule.cpp - tiles, groups, steps and stages of a product --------===//
//
// docs/spec/tile-model.md, "Schedules".
//
//===----------------------------------------------------------------------===//
#include "lutra/Simulator/Schedule.h"

#include "lutra/Simulator/TileModel.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <array>
#include <set>

using namespace lutra::ltc;

unsigned lutra::ltc::bankConflicts(int64_t pitch, bool swizzled) {
  std::array<std::set<int64_t>, 32> words;
  for (int64_t row = 0; row < 8; ++row)
    for (int64_t byte = row * pitch; byte < row * pitch + 16; ++byte) {
      const int64_t word = byte / 4, line = byte / 128;
      const int64_t unit = (byte / 16) ^ (swizzled ? line % 8 : 0);
      words[(unit % 8) * 4 + word % 4].insert(word);
    }
  size_t most = 0;
  for (const std::set<int64_t> &bank : words)
    most = std::max(most, bank.size());
  return unsigned(most);
}

namespace {

struct Tile {
  int64_t m, n;
};

std::vector<Tile> tilesOf(const Accelerator &machine) {
  std::vector<Tile> tiles;
  const std::vector<int64_t> rows = machine.wideRegisters ? std::vector<int64_t>{16, 32, 64, 96, 128, 160, 192, 256}
                                                          : std::vector<int64_t>{16, 32, 64, 128, 256};
  const std::vector<int64_t> columns = machine.wideRegisters
                                           ? std::vector<int64_t>{32, 64, 128, 192, 256, 320, 384, 448, 512, 576, 640}
                                           : std::vector<int64_t>{32, 64, 128, 256};
  for (int64_t m : rows)
    for (int64_t n : columns)
      // Half of the registers hold accumulators of 4 bytes.
      if (m * n * 4 <= int64_t(machine.registerBytes / 2))
        tiles.push_back({m, n});
  return tiles;
}

/// A thread has 256 registers, or 512 of the wide ones; a quarter of them holds fragments and addresses.
bool accumulatorsFit(const Tile &tile, unsigned groups, const Accelerator &machine) {
  const int64_t registers = machine.wideRegisters ? 512 : 256;
  return tile.m * tile.n <= int64_t(groups) * machine.groupThreads * registers * 3 / 4;
}

/// The parts of a tile that make its groups read least; false if no cut leaves each of them 16 rows and 16 columns,
/// less than which leave multipliers without work.
bool cut(Schedule &schedule, const ProductTypes &types, double rowConflicts, double columnConflicts) {
  for (unsigned rows = 1; rows <= schedule.groups; rows *= 2) {
    if (schedule.groups % rows)
      continue;
    const unsigned columns = schedule.groups / rows;
    if (schedule.m / rows < 16 || schedule.n / columns < 16)
      continue;
    const double bytes = schedule.groups * (double(schedule.m) / rows * types.sharedActivationBytes * rowConflicts +
                                            double(schedule.n) / columns * types.weightBytes * columnConflicts);
    if (schedule.groupRows == 0 || bytes < schedule.readBytes)
      schedule.groupRows = rows, schedule.readBytes = bytes;
  }
  return schedule.groupRows != 0;
}

} // namespace

std::vector<Schedule> lutra::ltc::schedulesOf(const TileKernel &kernel, const Accelerator &machine) {
  const ProductTypes &types = kernel.types;
  std::vector<Schedule> result;
  for (const Tile &tile : tilesOf(machine)) {
    Schedule schedule;
    schedule.m = tile.m, schedule.n = tile.n;
    schedule.copyBytes = double(tile.m) * types.sharedActivationBytes + double(tile.n) * types.weightBytes;
    // A row of a step fills the banks once; less if shared memory is too small for three of them.
    schedule.k = std::max<int64_t>(16, llvm::bit_floor(uint64_t(128 / types.sharedActivationBytes)));
    while (schedule.k > 16 && 3 * double(schedule.k) * schedule.copyBytes > double(machine.sharedBytes))
      schedule.k /= 2;
    const double stage = double(schedule.k) * schedule.copyBytes;
    schedule.stages = unsigned(std::min<double>(machine.stages, double(machine.sharedBytes) / stage));
    if (schedule.stages < 2)
      continue;
    const double rowConflicts =
        bankConflicts(int64_t(double(schedule.k) * types.sharedActivationBytes), machine.swizzled);
    const double columnConflicts = bankConflicts(int64_t(double(schedule.k) * types.weightBytes), machine.swizzled);
    for (unsigned groups : machine.groups) {
      Schedule candidate = schedule;
      candidate.groups = groups;
      if (accumulatorsFit(tile, groups, machine) && cut(candidate, types, rowConflicts, columnConflicts))
        result.push_back(candidate);
    }
  }
  return result;
}
