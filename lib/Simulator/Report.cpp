//===- Report.cpp - what launches cost, as a table ------------------------===//

#include "lutra/Simulator/Simulator.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace lutra::ltc;
using llvm::formatv;

double lutra::ltc::energyOf(const Timing &timing, const Machine &machine) {
  return 1e-12 * (double(timing.lookups) * machine.lookupPicojoules +
                  double(timing.vectorBusy) * machine.vectorLanes * machine.vectorPicojoules +
                  double(timing.loadBytes + timing.storeBytes) * machine.dramPicojoulesPerByte);
}

static void printLine(llvm::raw_ostream &os, llvm::StringRef name, const KernelStatistics &entry,
                      const Machine &machine) {
  const Timing &t = entry.timing;
  // Of all cores, whether they had a block or not.
  auto share = [&](uint64_t busy) { return t.cycles ? 100.0 * double(busy) / (double(t.cycles) * machine.cores) : 0.0; };
  os << formatv("{0,-36} {1,8} {2,8} {3,13} {4,10:F3} {5,15} {6,12} {7,11} {8,7:F1} {9,7:F1} {10,7:F1} {11,10:F1}\n",
                name, entry.launches, entry.rows, t.cycles, double(t.cycles) / machine.clockGHz * 1e-6, t.lookups,
                t.loadBytes, t.storeBytes, share(t.arrayBusy), share(t.memoryBusy), share(t.vectorBusy),
                energyOf(t, machine) * 1e6);
}

void lutra::ltc::printReport(llvm::raw_ostream &os, const Program &program, const Machine &machine,
                             llvm::ArrayRef<KernelStatistics> statistics) {
  os << formatv("machine {0}: {1}, {2:F2} GHz, {3:F1} GB/s\n", machine.name,
                machine.cores == 1 ? "one " + machine.arrayName() + " array"
                                   : std::to_string(machine.cores) + " cores, each with an " + machine.arrayName() + " array",
                machine.clockGHz, machine.dramBytesPerCycle * machine.cores * machine.clockGHz);
  os << formatv("{0,-36} {1,8} {2,8} {3,13} {4,10} {5,15} {6,12} {7,11} {8,7} {9,7} {10,7} {11,10}\n", "kernel",
                "launches", "rows", "cycles", "ms", "lookups", "load bytes", "store bytes", "array %", "mem %", "vec %",
                "uJ");
  KernelStatistics total;
  for (auto [kernel, entry] : llvm::zip_equal(program.kernels, statistics)) {
    if (entry.launches == 0)
      continue;
    printLine(os, kernel.name, entry, machine);
    total.launches += entry.launches;
    total.rows += entry.rows;
    total.timing += entry.timing;
  }
  printLine(os, "total", total, machine);
}

void lutra::ltc::printTimings(llvm::raw_ostream &os, const Program &program, const Machine &machine, int64_t rows) {
  std::vector<KernelStatistics> statistics;
  for (const Kernel &kernel : program.kernels)
    statistics.push_back({1, rows, estimate(kernel, machine, rows)});
  printReport(os, program, machine, statistics);
}
