//===- Search.cpp - the first op whose value differs ----------------------===//
#include "Search.h"

#include "Compare.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lutra;
using llvm::createStringError;
using llvm::Expected;

namespace {
/// How values differ, by candidate; an empty text: they do not.
using Differences = llvm::DenseMap<unsigned, std::string>;

class Search {
public:
  explicit Search(const Comparison &comparison) : comparison(comparison) {}

  Expected<std::optional<Finding>> run();

private:
  /// Probes `numbers` in both modules; also learns how the modules' own outputs differ.
  Expected<Differences> compare(ArrayRef<unsigned> numbers);
  Expected<std::vector<NpyArray>> runSide(ModuleOp module, const Way &way, ArrayRef<ValueId> ids,
                                          ArrayRef<unsigned> numbers);
  /// Candidates that differ while what they read does not, in program order.
  SmallVector<unsigned> suspects(const Differences &differences) const;
  /// Whether probing the candidate and what it reads, and nothing else, blames it too.
  Expected<bool> confirm(unsigned number);
  Expected<std::optional<unsigned>> halve();
  /// The candidates that `number` is computed from, and itself, in program order.
  SmallVector<unsigned> slice(unsigned number) const;
  Finding finding(std::optional<unsigned> number, std::string difference) const;
  void say(const llvm::Twine &text) const {
    if (comparison.verbose)
      llvm::errs() << "lutra-bisect: " << text << "\n";
  }

  const Comparison &comparison;
  std::vector<Candidate> candidates;
  std::vector<ValueId> rightIds;
  /// How the first output that differs differs, as of the last comparison.
  std::string outputDifference;
  unsigned runs = 0;
};
} // namespace

static func::FuncOp mainOf(ModuleOp module) { return module.lookupSymbol<func::FuncOp>("main"); }

Expected<std::vector<NpyArray>> Search::runSide(ModuleOp module, const Way &way, ArrayRef<ValueId> ids,
                                                ArrayRef<unsigned> numbers) {
  SmallVector<ValueId> probed;
  SmallVector<ArrayRef<int64_t>> shapes;
  for (unsigned number : numbers) {
    probed.push_back(ids[number]);
    shapes.push_back(candidates[number].shape);
  }
  OwningOpRef<ModuleOp> copy = probe(module, probed, shapes);
  if (!copy)
    return createStringError("@main could not be given another output");
  ++runs;
  return runModule(way, *copy, comparison.inputs, comparison.folder);
}

Expected<Differences> Search::compare(ArrayRef<unsigned> numbers) {
  SmallVector<ValueId> leftIds;
  for (const Candidate &candidate : candidates)
    leftIds.push_back(candidate.id);
  Expected<std::vector<NpyArray>> left = runSide(comparison.left, comparison.leftWay, leftIds, numbers);
  if (!left)
    return left.takeError();
  Expected<std::vector<NpyArray>> right = runSide(comparison.right, comparison.rightWay, rightIds, numbers);
  if (!right)
    return right.takeError();
  if (left->size() != right->size())
    return createStringError("the two sides have " + std::to_string(left->size()) + " and " +
                             std::to_string(right->size()) + " outputs");
  size_t outputs = left->size() - numbers.size();
  outputDifference.clear();
  for (size_t i = 0; i < outputs && outputDifference.empty(); ++i)
    if (auto difference = findDifference((*left)[i], (*right)[i], comparison.tolerance))
      outputDifference = "output " + std::to_string(i) + ": " + *difference;
  Differences differences;
  for (auto [i, number] : llvm::enumerate(numbers))
    differences[number] =
        findDifference((*left)[outputs + i], (*right)[outputs + i], comparison.tolerance).value_or("");
  return differences;
}

SmallVector<unsigned> Search::suspects(const Differences &differences) const {
  auto differs = [&](unsigned number) {
    auto it = differences.find(number);
    return it != differences.end() && !it->second.empty();
  };
  SmallVector<unsigned> result;
  for (unsigned number = 0; number < candidates.size(); ++number)
    if (differs(number) && llvm::none_of(candidates[number].reads, differs))
      result.push_back(number);
  return result;
}

Expected<bool> Search::confirm(unsigned number) {
  SmallVector<unsigned> few(candidates[number].reads);
  few.push_back(number);
  Expected<Differences> differences = compare(few);
  if (!differences)
    return differences.takeError();
  SmallVector<unsigned> found = suspects(*differences);
  return llvm::is_contained(found, number);
}

SmallVector<unsigned> Search::slice(unsigned number) const {
  llvm::SetVector<unsigned> set;
  set.insert(number);
  for (size_t i = 0; i < set.size(); ++i)
    set.insert(candidates[set[i]].reads.begin(), candidates[set[i]].reads.end());
  SmallVector<unsigned> sorted(set.begin(), set.end());
  llvm::sort(sorted);
  return sorted;
}

/// One candidate at a time: a value that differs is found from the last candidate back, then its slice is halved, and
/// so on with whatever it reads that differs too.
Expected<std::optional<unsigned>> Search::halve() {
  auto differs = [&](unsigned number) -> Expected<bool> {
    Expected<Differences> differences = compare(number);
    if (!differences)
      return differences.takeError();
    say("candidate " + Twine(number) + ((*differences)[number].empty() ? " agrees" : " differs"));
    return !(*differences)[number].empty();
  };
  std::optional<unsigned> bad;
  for (unsigned number = candidates.size(); number-- > 0 && !bad;) {
    // Only values that are handed out, or that no candidate reads: behind one of them lies every value that matters.
    Value value = opAt(mainOf(comparison.left), candidates[number].id.op).getResult(candidates[number].id.result);
    bool isHandedOut = llvm::any_of(value.getUsers(), [](Operation *user) { return user->getNumResults() == 0; });
    if (!isHandedOut &&
        llvm::any_of(candidates, [&](const Candidate &other) { return llvm::is_contained(other.reads, number); }))
      continue;
    Expected<bool> found = differs(number);
    if (!found)
      return found.takeError();
    if (*found)
      bad = number;
  }
  while (bad) {
    SmallVector<unsigned> behind = slice(*bad);
    // behind[low] agrees (or low is -1), behind[high] differs.
    int low = -1, high = behind.size() - 1;
    while (high - low > 1) {
      int middle = (low + high) / 2;
      Expected<bool> found = differs(behind[middle]);
      if (!found)
        return found.takeError();
      (*found ? high : low) = middle;
    }
    bad = behind[high];
    std::optional<unsigned> earlier;
    for (unsigned read : candidates[*bad].reads) {
      Expected<bool> found = differs(read);
      if (!found)
        return found.takeError();
      if (*found) {
        earlier = read;
        break;
      }
    }
    if (!earlier)
      return bad;
    bad = earlier;
  }
  return std::nullopt;
}

Finding Search::finding(std::optional<unsigned> number, std::string difference) const {
  Finding result;
  if (number) {
    ValueId id = candidates[*number].id;
    result.op = &opAt(mainOf(comparison.left), id.op);
    result.result = id.result;
  }
  result.difference = std::move(difference);
  result.candidates = candidates.size();
  result.runs = runs;
  return result;
}

Expected<std::optional<Finding>> Search::run() {
  auto found = findCandidates(mainOf(comparison.left), comparison.inputs, comparison.leftWay.tables);
  if (failed(found))
    return createStringError("the left module could not be interpreted as it is, to learn its values' shapes");
  candidates = std::move(*found);
  rightIds = matchCandidates(mainOf(comparison.left), mainOf(comparison.right), candidates);
  Expected<Differences> plain = compare({});
  if (!plain)
    return plain.takeError();
  if (outputDifference.empty())
    return std::nullopt;
  std::string difference = outputDifference;
  say(difference + "; " + Twine(candidates.size()) + " values to compare");

  SmallVector<unsigned> all;
  if (!comparison.oneAtATime)
    llvm::append_range(all, llvm::seq<unsigned>(0, candidates.size()));
  Expected<Differences> differences = compare(all);
  if (!differences)
    return differences.takeError();
  // When outputs that agree without probes are unequal with them or the other way round, the probes are in the way.
  for (unsigned suspect : outputDifference.empty() ? SmallVector<unsigned>() : suspects(*differences)) {
    std::string text = (*differences)[suspect];
    Expected<bool> confirmed = confirm(suspect);
    if (!confirmed)
      return confirmed.takeError();
    if (*confirmed)
      return finding(suspect, text);
    say("candidate " + Twine(suspect) + " differs only while others are looked at");
  }
  say("halving");
  Expected<std::optional<unsigned>> number = halve();
  if (!number)
    return number.takeError();
  if (!*number)
    return finding(std::nullopt, difference);
  Expected<Differences> last = compare(**number);
  if (!last)
    return last.takeError();
  return finding(**number, (*last)[**number]);
}

Expected<std::optional<Finding>> lutra::bisect(const Comparison &comparison) { return Search(comparison).run(); }
