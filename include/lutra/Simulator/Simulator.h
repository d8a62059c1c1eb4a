//===- Simulator.h - runs LUT tensor core programs --------------*- C++ -*-===//
//
// Functional execution on the host's buffers, bit for bit as docs/spec/numerics.md defines a lookup matmul, and cycle
// counts by the timing model of docs/spec/lmma-isa.md. The two are separate walks over the same instructions: time does
// not depend on data, so a kernel is timed once per number of rows.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SIMULATOR_SIMULATOR_H
#define LUTRA_SIMULATOR_SIMULATOR_H

#include "lutra/Simulator/Machine.h"

#include <functional>
#include <map>
#include <memory>

namespace lutra::ltc {

/// An array of the host that a launch binds to a buffer. Strides count elements.
struct HostBuffer {
  char *data = nullptr;
  llvm::SmallVector<int64_t, 3> sizes, strides;
};

/// What one launch, or a sum of launches, cost.
struct Timing {
  uint64_t cycles = 0;
  uint64_t instructions = 0;
  /// Table lookups of the array: m * n per plane of an lmma step, rows past M included.
  uint64_t lookups = 0;
  uint64_t loadBytes = 0, storeBytes = 0;
  /// Cycles in which each unit was busy.
  uint64_t arrayBusy = 0, memoryBusy = 0, vectorBusy = 0, sharedBusy = 0;

  Timing &operator+=(const Timing &other);
};

/// An instruction on its unit ("memory", "shared", "array", "vector"), in cycles.
struct TraceEvent {
  const char *unit;
  /// The instruction's address.
  unsigned address;
  uint64_t issued, start, occupancy;
};
using TraceSink = std::function<void(const TraceEvent &)>;

/// Times a verified kernel for a launch with `rows` rows; `trace`, if given, sees every instruction that takes a unit.
Timing estimate(const Kernel &kernel, const Machine &machine, int64_t rows, TraceSink trace = {});

/// Writes the launches of all kernels, one after the other, as Chrome's trace events (chrome://tracing, Perfetto).
/// After `limit` instructions the rest is left out; returns whether it was.
bool writeTrace(llvm::raw_ostream &os, const Program &program, const Machine &machine, int64_t rows, uint64_t limit);

/// Joules of a launch or of a sum: lookups, f32 operations and DRAM bytes, each at the machine's cost.
double energyOf(const Timing &timing, const Machine &machine);

/// The launches of one kernel.
struct KernelStatistics {
  uint64_t launches = 0;
  /// Rows of all launches together.
  int64_t rows = 0;
  Timing timing;
};

/// Writes a line for each kernel that was launched (launches, rows, cycles, time, lookups, bytes, and the share of the
/// cycles in which each unit was busy), and the total.
void printReport(llvm::raw_ostream &os, const Program &program, const Machine &machine,
                 llvm::ArrayRef<KernelStatistics> statistics);

/// The same for one launch of each kernel of a verified program, without data.
void printTimings(llvm::raw_ostream &os, const Program &program, const Machine &machine, int64_t rows);

class Core;

/// A machine with a loaded program. One launch at a time.
class Simulator {
public:
  /// Verifies `program` for `machine` and loads it. Without `hazards`, reads before a wait are left to the launch, which
  /// checks them in any case.
  static llvm::Expected<std::unique_ptr<Simulator>> create(Program program, Machine machine = {}, bool hazards = true);
  ~Simulator();

  /// Runs a kernel. `buffers` stand in the order of the kernel's declarations.
  llvm::Error launch(unsigned kernel, llvm::ArrayRef<HostBuffer> buffers);
  /// As above, from memref descriptors {allocated, aligned, offset, sizes[rank], strides[rank]}; the ranks are the
  /// program's.
  llvm::Error launch(unsigned kernel, unsigned numArguments, void **descriptors);

  const Program &getProgram() const { return program; }
  const Machine &getMachine() const { return machine; }
  llvm::ArrayRef<KernelStatistics> getStatistics() const { return statistics; }
  void resetStatistics();

  /// Writes the report of the launches so far.
  void printReport(llvm::raw_ostream &os) const { ltc::printReport(os, program, machine, statistics); }

private:
  Simulator(Program program, Machine machine);
  llvm::Expected<int64_t> bind(const Kernel &kernel, llvm::ArrayRef<HostBuffer> buffers) const;
  Program program;
  Machine machine;
  std::unique_ptr<Core> core;
  std::vector<KernelStatistics> statistics;
  std::map<std::pair<unsigned, int64_t>, Timing> timings;
};

} // namespace lutra::ltc

#endif // LUTRA_SIMULATOR_SIMULATOR_H
