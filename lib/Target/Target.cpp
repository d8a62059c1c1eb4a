//===- Target.cpp - phases, options and the list of targets ---------------===//
#include "lutra/Target/Target.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace lutra;

static constexpr Phase kPhases[] = {Phase::ONNX, Phase::Lowbit, Phase::Tables, Phase::Lut, Phase::Loops, Phase::LLVM};

ArrayRef<Phase> lutra::allPhases() { return kPhases; }

StringRef lutra::phaseName(Phase phase) {
  switch (phase) {
  case Phase::ONNX:
    return "onnx";
  case Phase::Lowbit:
    return "lowbit";
  case Phase::Tables:
    return "tables";
  case Phase::Lut:
    return "lut";
  case Phase::Loops:
    return "loops";
  case Phase::LLVM:
    return "llvm";
  }
  llvm_unreachable("phase without a name");
}

std::string lutra::didYouMean(StringRef word, ArrayRef<std::string> known) {
  StringRef nearest;
  unsigned best = word.size() / 2 + 2;
  for (const std::string &candidate : known)
    if (unsigned distance = word.edit_distance(candidate, /*AllowReplacements=*/true, best); distance < best) {
      best = distance;
      nearest = candidate;
    }
  return nearest.empty() ? "" : ("; did you mean '" + nearest + "'?").str();
}

Expected<Phase> lutra::parsePhase(StringRef name) {
  std::vector<std::string> names;
  for (Phase phase : allPhases()) {
    if (phaseName(phase) == name)
      return phase;
    names.push_back(phaseName(phase).str());
  }
  return createStringError("unknown phase '" + name + "': expected one of " + llvm::join(names, ", ") + didYouMean(name, names));
}

Target::~Target() = default;

StringRef Target::option(StringRef key) const {
  auto found = values.find(key.str());
  assert(found != values.end() && "option that the target does not declare");
  return found->second;
}

json::Object Target::optionsAsJSON() const {
  json::Object object;
  for (const auto &[key, value] : values)
    object[key] = value;
  return object;
}

Error Target::setOptions(const std::map<std::string, std::string> &given) {
  std::vector<std::string> keys;
  values.clear();
  for (const TargetOption &option : options()) {
    keys.push_back(option.key);
    values[option.key] = option.defaultValue;
  }
  for (const auto &[key, value] : given) {
    const TargetOption *option = llvm::find_if(options(), [&](const TargetOption &option) { return option.key == key; });
    if (option == options().end())
      return createStringError("target '" + name() + "' has no option '" + key + "': it has " + llvm::join(keys, ", ") +
                               didYouMean(key, keys));
    if (!option->choices.empty() && !llvm::is_contained(option->choices, value))
      return createStringError("option '" + name() + "." + key + "' cannot be '" + value + "': expected " +
                               llvm::join(option->choices, " or ") + didYouMean(value, option->choices));
    values[key] = value;
  }
  return configure();
}

/// Every registered factory, under its target's name.
static std::map<std::string, TargetFactory> &registry() {
  static std::map<std::string, TargetFactory> targets;
  return targets;
}

void lutra::registerTarget(TargetFactory factory) {
  std::string name = factory()->name().str();
  registry().emplace(std::move(name), std::move(factory));
}

std::vector<std::unique_ptr<Target>> lutra::createAllTargets() {
  std::vector<std::unique_ptr<Target>> targets;
  for (const auto &[name, factory] : registry())
    targets.push_back(factory());
  return targets;
}

static std::vector<std::string> targetNames() {
  std::vector<std::string> names;
  for (const auto &[name, factory] : registry())
    names.push_back(name);
  return names;
}

Expected<std::unique_ptr<Target>> lutra::createTarget(StringRef name) {
  auto found = registry().find(name.str());
  if (found != registry().end())
    return found->second();
  std::vector<std::string> names = targetNames();
  return createStringError("unknown target '" + name + "': expected " + llvm::join(names, " or ") + didYouMean(name, names));
}

Expected<std::map<std::string, std::string>> lutra::parseTargetOptions(StringRef target, ArrayRef<std::string> texts) {
  std::map<std::string, std::string> values;
  for (StringRef text : texts) {
    auto [path, value] = text.split('=');
    auto [owner, key] = path.split('.');
    if (key.empty() || !text.contains('='))
      return createStringError("cannot read the target option '" + text + "': expected <target>.<key>=<value>, as in " + target +
                               ".<key>=<value>");
    if (!registry().count(owner.str())) {
      std::vector<std::string> names = targetNames();
      return createStringError("target option '" + text + "' is for the unknown target '" + owner + "': expected " +
                               llvm::join(names, " or ") + didYouMean(owner, names));
    }
    if (owner == target)
      values[key.str()] = value.str();
  }
  return values;
}
