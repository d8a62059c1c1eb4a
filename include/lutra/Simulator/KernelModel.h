//===- KernelModel.h - kernels on a chip, event by event --------*- C++ -*-===//
//
// The kernel level of docs/spec/tile-model.md for whole chips: the schedule that the tile level chose, walked copy by
// copy, read by read and product by product, with queues before DRAM, L2, each core's shared memory and each matrix
// unit. It knows no roofline: what limits a kernel comes out of who waits for whom.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SIMULATOR_KERNELMODEL_H
#define LUTRA_SIMULATOR_KERNELMODEL_H

#include "lutra/Simulator/TileModel.h"

#include "llvm/Support/raw_ostream.h"

#include <functional>

namespace lutra::ltc {

/// What a kernel took.
struct KernelTime {
  double seconds = 0;
  double dramBytes = 0, l2Bytes = 0, sharedBytes = 0;
  /// Shares of the time in which the units of a kind were busy: of cores those of all cores together.
  double matrixBusy = 0, sharedBusy = 0, l2Busy = 0, dramBusy = 0;
  int64_t blocks = 0;
  uint64_t events = 0;
};

/// Something that a unit does: "dram", "l2", "copy", "shared", "matrix". `core` is -1 for those of the chip; `index`
/// tells matrix units of a core apart. In seconds from the launch.
struct KernelEvent {
  const char *unit;
  int core;
  unsigned index;
  int64_t block, step;
  double start, seconds;
};
using KernelTrace = std::function<void(const KernelEvent &)>;

/// Walks one kernel; `trace` and `progress` (the share of blocks that are done), if given, are told on the way. An
/// error if the kernel has a measured rate instead of a schedule, or the machine lacks its unit.
llvm::Expected<KernelTime> simulateKernel(const TileKernel &kernel, const Accelerator &machine,
                                          const KernelTrace &trace = {},
                                          const std::function<void(double)> &progress = {});

/// Writes kernels one after the other as Chrome's trace events (chrome://tracing, Perfetto): the chip's kernels, L2 and
/// DRAM, and the units of the first `cores` cores. With `events` false only the kernels, by the tile level.
llvm::Error writeChipTrace(llvm::raw_ostream &os, llvm::ArrayRef<TileKernel> kernels, const Accelerator &machine,
                           bool events, unsigned cores = 2);

} // namespace lutra::ltc

#endif // LUTRA_SIMULATOR_KERNELMODEL_H
