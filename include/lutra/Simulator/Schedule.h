//===- Schedule.h - how a product is cut for a chip -------------*- C++ -*-===//
//
// The part that both fidelities share: tiles, the groups of threads that work on one, the steps of k, and what each
// step moves. The tile level takes the fastest schedule by its equations; the kernel level walks that one.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SIMULATOR_SCHEDULE_H
#define LUTRA_SIMULATOR_SCHEDULE_H

#include <cstdint>
#include <vector>

namespace lutra::ltc {

struct Accelerator;
struct TileKernel;

/// One way to cut a product.
struct Schedule {
  /// Rows and columns of a block's tile, and the activations of a row that one copy brings.
  int64_t m = 0, n = 0, k = 0;
  /// A block's groups of threads: `groupRows` x (`groups` / `groupRows`) parts of the tile.
  unsigned groups = 0, groupRows = 0;
  /// Copies on their way or in use.
  unsigned stages = 0;
  /// For one of k: bytes that all groups read from shared memory (counted as often as banks conflict), and that are
  /// copied into it.
  double readBytes = 0, copyBytes = 0;

  /// k as matrix units see it: in units of 16.
  static int64_t roundedK(int64_t k) { return (k + 15) / 16 * 16; }
  int64_t steps(int64_t productK) const { return (roundedK(productK) + k - 1) / k; }
};

/// Cycles that 8 rows of 16 bytes take, which lie `pitch` bytes apart in 32 banks of 4 bytes: 1 without conflicts.
/// `swizzled`: the 16-byte units of each 128 bytes are permuted by their line.
unsigned bankConflicts(int64_t pitch, bool swizzled);

/// All schedules of a product that fit a core: tiles that compilers offer (powers of two, and with wide registers every
/// multiple of 32 rows or 64 columns), accumulators within the registers, stages within shared memory.
std::vector<Schedule> schedulesOf(const TileKernel &kernel, const Accelerator &machine);

} // namespace lutra::ltc

#endif // LUTRA_SIMULATOR_SCHEDULE_H
