//===- MachineRates.h - the rates of a CPU ----------------------*- C++ -*-===//
//
// What the cost model chooses by where no file of facts is given.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_TARGET_CPU_MACHINERATES_H
#define LUTRA_TARGET_CPU_MACHINERATES_H

#include "dialects/lowbit/Transforms/CostRates.h"
#include "lutra/Codegen/Machine.h"

namespace lutra {

/// What one core does in a nanosecond, and whose facts say so, for remarks.
struct MachineRates {
  lowbit::CostRates rates;
  std::string facts;
};

/// The measured rates of a CPU whose facts come with the compiler, if none of its instructions that they depend on is hidden; else estimated ones.
MachineRates findRates(const Machine &machine);

} // namespace lutra

#endif // LUTRA_TARGET_CPU_MACHINERATES_H
