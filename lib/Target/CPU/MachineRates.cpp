//===- MachineRates.cpp - the rates of a CPU ------------------------------===//
#include "MachineRates.h"

#include "FactsFile.h"
#include "lib/Conversion/LutToLLVM/LutToLLVM.h"

using namespace lutra;
using lutra::lowbit::CostRates;

namespace {
/// What rates depend on most.
struct Width {
  /// f32 numbers of a vector.
  double lanes;
  bool shuffles, dots;

  static Width of(const Machine &machine) {
    const LutInstructions instructions = LutInstructions::fromFeatures(machine.features());
    return {instructions.avx512bw ? 16. : instructions.hasByteShuffle() ? 8. : 4., instructions.hasByteShuffle(), instructions.hasDotProduct()};
  }
  bool operator==(const Width &) const = default;
};

/// A rate that depends on instructions, of a lane in a cycle without dot products, and without byte shuffles; 0: does not depend.
struct Without {
  double CostRates::*rate;
  double dots, shuffles;
};
} // namespace

/// The CPU whose facts are scaled, the lanes of its vectors, and the clock at which others are taken to run, in GHz.
static constexpr llvm::StringLiteral kScaled = "cascadelake";
static constexpr double kLanes = 16, kClock = 3;

/// Rates of a machine that nobody measured. Good for comparing products, not for promises.
static CostRates estimate(const Width &width) {
  CostRates rates = FactsFile::ofCpu(kScaled)->rates;
  // What a call takes does not depend on vectors, and memory not on the core.
  static constexpr double CostRates::*fixed[] = {&CostRates::bandwidth, &CostRates::lutCall, &CostRates::int8Call, &CostRates::denseCall};
  for (const CostRates::Entry &entry : CostRates::entries())
    if (!llvm::is_contained(fixed, entry.rate))
      rates.*entry.rate *= width.lanes / kLanes;
  static constexpr Without without[] = {
      {&CostRates::lookup, 0, 0.1},      {&CostRates::lookupTwo, 0, 0.1}, {&CostRates::lookupOne, 0, 0.1},     {&CostRates::index, 0, 0.4},
      {&CostRates::few, 1.5, 0.22},      {&CostRates::fewLoad, 9, 4.5},   {&CostRates::single, 0.48, 0.24},    {&CostRates::fewRun, 0.46, 0.23},
      {&CostRates::fewTriple, 0.69, 0.35}, {&CostRates::int8, 1.5, 0.22}, {&CostRates::triple, 0.89, 0.45},
  };
  for (const Without &each : without)
    if (const double rate = !width.shuffles ? each.shuffles : !width.dots ? each.dots : 0)
      rates.*each.rate = kClock * width.lanes * rate;
  return rates;
}

MachineRates lutra::findRates(const Machine &machine) {
  const Width width = Width::of(machine);
  if (std::optional<FactsFile> known = FactsFile::ofCpu(machine.cpu())) {
    // A hypervisor may hide instructions of the named CPU.
    const Machine whole = llvm::cantFail(Machine::create(machine.cpu(), machine.triple()));
    if (width == Width::of(whole))
      return {known->rates, machine.cpu()};
  }
  return {estimate(width), "estimated from " + kScaled.str()};
}
