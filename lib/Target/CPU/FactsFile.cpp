//===- FactsFile.cpp - what a machine does, measured ----------------------===//
#include "FactsFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/YAMLTraits.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using lutra::FactsFile;
using lutra::lowbit::CostRates;

LLVM_YAML_IS_SEQUENCE_VECTOR(FactsFile::Threads)
LLVM_YAML_IS_SEQUENCE_VECTOR(FactsFile::Cache)
LLVM_YAML_IS_SEQUENCE_VECTOR(FactsFile::Peak)

/// A file is about the whole machine: it has a rate for each strategy.
static bool isNeeded(const CostRates::Entry &entry) { return entry.needed || entry.rate == &CostRates::int8; }

/// What `numbers` of a mapping break, or nothing.
static std::string wantPositive(ArrayRef<std::pair<const char *, double>> numbers) {
  for (const auto &[name, number] : numbers)
    if (!std::isfinite(number) || number <= 0)
      return (Twine(name) + " must be a positive number").str();
  return "";
}

namespace llvm::yaml {
template <> struct MappingTraits<FactsFile::Threads> {
  static void mapping(IO &io, FactsFile::Threads &threads) {
    io.mapRequired("count", threads.count);
    io.mapRequired("bandwidth", threads.bandwidth);
    io.mapRequired("region-ns", threads.regionNs);
  }
  static std::string validate(IO &, FactsFile::Threads &threads) {
    return wantPositive({{"count", threads.count}, {"bandwidth", threads.bandwidth}, {"region-ns", threads.regionNs}});
  }
};

template <> struct MappingTraits<FactsFile::Cache> {
  static void mapping(IO &io, FactsFile::Cache &cache) {
    io.mapRequired("level", cache.level);
    io.mapRequired("bytes", cache.bytes);
    io.mapRequired("bandwidth", cache.bandwidth);
  }
  static std::string validate(IO &, FactsFile::Cache &cache) {
    return wantPositive({{"level", cache.level}, {"bytes", cache.bytes}, {"bandwidth", cache.bandwidth}});
  }
};

template <> struct MappingTraits<FactsFile::Peak> {
  static void mapping(IO &io, FactsFile::Peak &peak) {
    io.mapRequired("name", peak.name);
    io.mapRequired("rate", peak.rate);
  }
  static std::string validate(IO &, FactsFile::Peak &peak) { return wantPositive({{"rate", peak.rate}}); }
};

template <> struct MappingTraits<FactsFile> {
  static void mapping(IO &io, FactsFile &facts) {
    io.mapRequired("cpu", facts.cpu);
    io.mapRequired("source", facts.source);
    for (const CostRates::Entry &entry : CostRates::entries()) {
      // What the target's loops do is no fact of a machine.
      if (entry.rate == &CostRates::panelRows || entry.rate == &CostRates::triplePanelRows)
        continue;
      double &rate = facts.rates.*entry.rate;
      if (isNeeded(entry))
        io.mapRequired(entry.name, rate);
      else
        io.mapOptional(entry.name, rate);
    }
    io.mapOptional("threads", facts.threads);
    io.mapOptional("caches", facts.caches);
    io.mapOptional("peaks", facts.peaks);
  }
};
} // namespace llvm::yaml

/// Gathers what the YAML reader says, instead of printing it.
static void gather(const SMDiagnostic &diagnostic, void *text) {
  auto &message = *static_cast<std::string *>(text);
  // The first says what is wrong; others follow from it.
  if (!message.empty())
    return;
  raw_string_ostream(message) << diagnostic.getFilename() << ":" << diagnostic.getLineNo() << ": " << diagnostic.getMessage();
}

/// The facts in `buffer`, or what is wrong with them.
static Expected<FactsFile> parse(MemoryBufferRef buffer) {
  const std::string name = buffer.getBufferIdentifier().str();
  std::string message;
  FactsFile facts;
  yaml::Input input(buffer, nullptr, gather, &message);
  input >> facts;
  if (input.error())
    return createStringError("the facts are wrong: " + (message.empty() ? name + " is empty" : message) + "; scripts/calibrate writes them");
  // Not in the mapping: the reader does not survive such a complaint about an empty document.
  std::string problem = facts.rates.int8 == 0 ? "int8-rate must be a positive number" : facts.rates.findProblem();
  if (!problem.empty())
    return createStringError("the facts are wrong: " + name + ": " + problem + "; scripts/calibrate writes them");
  return facts;
}

Expected<FactsFile> FactsFile::load(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return createStringError("cannot read the facts '" + path + "': " + buffer.getError().message() +
                             "; scripts/calibrate writes them");
  return parse((*buffer)->getMemBufferRef());
}

/// Written by CMake from facts/*.yaml: the name of each, and its text.
static constexpr std::pair<StringLiteral, StringLiteral> kShipped[] = {
#include "Facts.inc"
};

std::optional<FactsFile> FactsFile::ofCpu(StringRef name) {
  const auto *found = find_if(kShipped, [&](const auto &shipped) { return shipped.first == name; });
  if (found == std::end(kShipped))
    return std::nullopt;
  return cantFail(parse({found->second, found->first}), "shipped facts are tested");
}
