//===- Machine.cpp - the processor that code is made for ------------------===//
#include "lutra/Codegen/Machine.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;
using namespace lutra;

static void initializeTargets() {
  static bool done = [] {
    InitializeAllTargets();
    InitializeAllTargetMCs();
    InitializeAllAsmPrinters();
    InitializeAllAsmParsers();
    return true;
  }();
  (void)done;
}

/// LLVM's target for the triple, or an error.
static Expected<const Target *> findTarget(const Triple &triple) {
  initializeTargets();
  std::string message;
  const Target *target = TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return createStringError("LLVM cannot generate code for '" + triple.str() + "': " + message);
  return target;
}

/// Features of the operating system's or of the system programmer's interest: generated code does not use them, and a hypervisor
/// may hide them, so an artifact must not ask for them.
static bool isSystemFeature(StringRef name) {
  static const StringSet<> names = {"64bit", "clflushopt", "cldemote", "clwb",    "clzero", "fsgsbase", "fxsr",    "invpcid", "lwp",
                                    "mmx",   "mwaitx",     "pku",      "prfchw",  "ptwrite", "rdpid",   "rdpru",   "rdrnd",   "rdseed",
                                    "rtm",   "sahf",       "sgx",      "shstk",   "uintr",  "waitpkg",  "wbnoinvd", "xsave",  "xsavec",
                                    "xsaveopt", "xsaves",  "enqcmd",   "hreset",  "kl",     "widekl",   "movdir64b", "movdiri", "serialize",
                                    "tsxldtrk", "invlpgb", "prefetchi", "prefetchwt1"};
  return names.contains(name);
}

/// Whether a host can be asked for the feature; what else LLVM calls one is tuning. LLVM knows how to ask the host; for
/// AArch64 elsewhere, these are the features that it asks an AArch64 host for.
static bool isHostFeature(StringRef name, const Triple &triple, const StringMap<bool> &host) {
  static const StringSet<> aarch64 = {"aes",  "bf16", "crc",    "dotprod",  "fp-armv8", "fullfp16", "i8mm",     "lse",      "neon",
                                      "rand", "sha2", "sha3",   "sm4",      "sme",      "sme2",     "sve",      "sve2",     "sve-aes",
                                      "sve-sha3", "sve-sm4", "sve-bitperm", "fhm", "jsconv", "complxnum", "rcpc"};
  if (triple.getArch() == Triple(sys::getDefaultTargetTriple()).getArch())
    return host.contains(name);
  return triple.isAArch64() && aarch64.contains(name);
}

/// The triple of the machine, or why there is no code for it.
static Expected<Triple> parseTriple(StringRef text, StringRef cpu) {
  Triple host(sys::getDefaultTargetTriple());
  if (text == "native")
    return host;
  Triple triple(Triple::normalize(text));
  if ((triple.getArch() != Triple::x86_64 && triple.getArch() != Triple::aarch64) || !triple.isOSLinux())
    return createStringError("unknown triple '" + text + "': expected 'native', or one of x86-64 or AArch64 on Linux, such as "
                             "aarch64-linux-gnu");
  if (cpu == "native" && triple.getArch() != host.getArch())
    return createStringError("the CPU 'native' is this machine's, which '" + text + "' is not: name one with mcpu, such as " +
                             (triple.isAArch64() ? "cortex-a76 or generic" : "x86-64-v3"));
  return triple;
}

static Error unknownCpu(StringRef cpu, ArrayRef<SubtargetSubTypeKV> known) {
  StringRef nearest;
  unsigned best = cpu.size() / 2 + 1;
  for (const SubtargetSubTypeKV &entry : known)
    if (unsigned distance = cpu.edit_distance(entry.Key, true, best); distance < best) {
      best = distance;
      nearest = entry.Key;
    }
  return createStringError("unknown CPU '" + cpu + "': expected 'native' or a name of LLVM's, such as x86-64-v3" +
                           (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

Expected<Machine> Machine::create(StringRef cpu, StringRef tripleText) {
  Machine machine;
  Expected<Triple> parsed = parseTriple(tripleText, cpu);
  if (!parsed)
    return parsed.takeError();
  Triple triple = *parsed;
  machine.tripleName = triple.str();
  machine.cpuName = cpu == "native" ? sys::getHostCPUName().str() : cpu.str();
  Expected<const Target *> target = findTarget(triple);
  if (!target)
    return target.takeError();

  StringMap<bool> host = sys::getHostCPUFeatures();
  std::unique_ptr<MCSubtargetInfo> info((*target)->createMCSubtargetInfo(triple, "", ""));
  if (!info->isCPUStringValid(machine.cpuName))
    return unknownCpu(machine.cpuName, info->getAllProcessorDescriptions());
  if (cpu == "native") {
    // A hypervisor may hide features of the named CPU.
    SmallVector<std::string> parts;
    for (const auto &feature : host)
      parts.push_back(((feature.second ? "+" : "-") + feature.first()).str());
    llvm::sort(parts);
    machine.featureString = llvm::join(parts, ",");
  }
  info.reset((*target)->createMCSubtargetInfo(triple, machine.cpuName, machine.featureString));
  for (const SubtargetFeatureKV &feature : info->getEnabledProcessorFeatures())
    if (isHostFeature(feature.Key, triple, host) && !isSystemFeature(feature.Key))
      machine.featureNames.push_back(feature.Key);
  llvm::sort(machine.featureNames);
  return machine;
}

bool Machine::isHost() const {
  Triple host(sys::getDefaultTargetTriple()), triple(tripleName);
  return triple.getArch() == host.getArch() && triple.getOS() == host.getOS() &&
         (triple.getEnvironment() == host.getEnvironment() || triple.getEnvironment() == Triple::UnknownEnvironment);
}

bool Machine::has(StringRef feature) const { return llvm::is_contained(featureNames, feature); }

std::string Machine::featureList() const { return llvm::join(featureNames, ","); }

std::unique_ptr<TargetMachine> Machine::createTargetMachine() const {
  Triple triple(tripleName);
  const Target *target = cantFail(findTarget(triple));
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Strict;
  options.FunctionSections = true;
  return std::unique_ptr<TargetMachine>(target->createTargetMachine(triple, cpuName, featureString, options, Reloc::PIC_,
                                                                    CodeModel::Small, CodeGenOptLevel::Aggressive));
}
