//===- CostRates.h - what a machine does in a nanosecond --------*- C++ -*-===//
//
// The rates of CostRates.def as numbers, by name and as the option of a pass.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COSTRATES_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COSTRATES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <string>

namespace lutra::lowbit {

/// What one thread of a machine does in a nanosecond, of what the cost model counts. A rate of 0: not known, and the term is nothing.
struct CostRates {
  /// Bytes of weights read.
  double bandwidth = 0;
  /// Activation rows from which on an int8 product has a panel, and one with a weight in triples: no rates, but what the target's loops do.
  double panelRows = 25, triplePanelRows = 13;
#define LUTRA_COST_RATE(MEMBER, NAME, STRATEGY, PART, AMOUNT, MEANING) double MEMBER = 0;
#include "dialects/lowbit/Transforms/CostRates.def"

  /// A rate by its name.
  struct Entry {
    const char *name;
    double CostRates::*rate;
    /// Whether no product can be predicted without it.
    bool needed;
  };
  /// All of them, bandwidth and numbers of rows first.
  static llvm::ArrayRef<Entry> entries();

  /// Reads NAME:VALUE of each; the error names what is wrong and what may stand there. None: all 0. Needed rates are given, or none is.
  static llvm::Expected<CostRates> parse(llvm::ArrayRef<std::string> rates);
  /// As `parse` reads them.
  llvm::SmallVector<std::string> spell() const;
  /// What rates break, in words that begin with a name; empty: nothing.
  std::string findProblem() const;
};

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_COSTRATES_H
