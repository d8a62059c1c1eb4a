//===- CostRates.cpp - what a machine does in a nanosecond ----------------===//
#include "dialects/lowbit/Transforms/CostRates.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using lutra::lowbit::CostRates;

ArrayRef<CostRates::Entry> CostRates::entries() {
  // Each strategy's innermost work; int8 may be left out, and then no product is computed so.
  auto isNeeded = [](StringRef name) { return is_contained({"lookup-rate", "table-rate", "fma-rate"}, name); };
  static const Entry all[] = {
      {"bandwidth", &CostRates::bandwidth, true},
      {"panel-rows", &CostRates::panelRows, false},
      {"triple-panel-rows", &CostRates::triplePanelRows, false},
#define LUTRA_COST_RATE(MEMBER, NAME, STRATEGY, PART, AMOUNT, MEANING) {NAME, &CostRates::MEMBER, isNeeded(NAME)},
#include "dialects/lowbit/Transforms/CostRates.def"
  };
  return all;
}

std::string CostRates::findProblem() const {
  for (const Entry &entry : entries()) {
    double rate = this->*entry.rate;
    if (!std::isfinite(rate) || rate < 0 || (entry.needed && rate == 0))
      return std::string(entry.name) + " must be a positive number";
  }
  return "";
}

Expected<CostRates> CostRates::parse(ArrayRef<std::string> rates) {
  CostRates result;
  for (StringRef text : rates) {
    auto [name, number] = text.split(':');
    const Entry *entry = find_if(entries(), [name = name](const Entry &entry) { return name == entry.name; });
    if (entry == entries().end()) {
      std::string names = join(map_range(entries(), [](const Entry &entry) { return std::string(entry.name); }), ", ");
      return createStringError("expected NAME:VALUE with a name of " + names + ", but found '" + text + "'");
    }
    double value = 0;
    if (number.getAsDouble(value) || value <= 0)
      return createStringError(name + " must be a positive number, but is '" + number + "'");
    result.*entry->rate = value;
  }
  if (!rates.empty())
    if (std::string problem = result.findProblem(); !problem.empty())
      return createStringError(problem + ", but is not given");
  return result;
}

SmallVector<std::string> CostRates::spell() const {
  SmallVector<std::string> result;
  for (const Entry &entry : entries()) {
    if (double rate = this->*entry.rate) {
      // All digits: what is read back is the same number.
      raw_string_ostream(result.emplace_back()) << entry.name << ':' << format("%.17g", rate);
    }
  }
  return result;
}
