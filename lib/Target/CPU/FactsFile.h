//===- FactsFile.h - what a machine does, measured --------------*- C++ -*-===//
//
// The facts of a CPU as `scripts/calibrate` writes them: a YAML file whose first part are the rates of the cost model (CostRates.def), under their
// names, and whose second part says how they were found. Everything is checked when it is read; nothing is guessed.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_TARGET_CPU_FACTSFILE_H
#define LUTRA_TARGET_CPU_FACTSFILE_H

#include "dialects/lowbit/Transforms/CostRates.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lutra {

/// A facts file. Rates are in a nanosecond, of one thread.
struct FactsFile {
  /// With so many threads: bytes read from memory by all of them, and nanoseconds that an empty parallel region takes.
  struct Threads {
    int64_t count = 0;
    double bandwidth = 0, regionNs = 0;
  };
  /// A data cache as one core sees it.
  struct Cache {
    int64_t level = 0, bytes = 0;
    double bandwidth = 0;
  };
  /// A mix of instructions on registers alone (benchmarks/driver/Peak.h).
  struct Peak {
    std::string name;
    double rate = 0;
  };

  /// The machine, and how the figures were found.
  std::string cpu, source;
  /// What products are chosen by; the file has each under its name.
  lowbit::CostRates rates;
  std::vector<Threads> threads;
  std::vector<Cache> caches;
  std::vector<Peak> peaks;

  /// Reads a file. The error names the place, and the key that is unknown, missing or no positive number.
  static llvm::Expected<FactsFile> load(llvm::StringRef path);
  /// The facts that come with the compiler of the CPU that LLVM calls `name` (facts/NAME.yaml), or nothing.
  static std::optional<FactsFile> ofCpu(llvm::StringRef name);
};

} // namespace lutra

#endif // LUTRA_TARGET_CPU_FACTSFILE_H
