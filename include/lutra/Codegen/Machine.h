//===- Machine.h - the processor that code is made for ----------*- C++ -*-===//
//
// A triple, a CPU and its features, checked once against LLVM's tables: an instruction that the CPU lacks is a fatal error
// deep in LLVM, so nothing else in the compiler asks what the machine can do.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CODEGEN_MACHINE_H
#define LUTRA_CODEGEN_MACHINE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace lutra {

/// The processor that code is made for.
class Machine {
public:
  /// The machine of `cpu`: "native" is the one that this runs on, else a name that LLVM knows for the architecture of `triple`
  /// ("x86-64-v3", "cortex-a76", ...). An unknown name is an error that proposes the nearest one. `triple` "native" is the
  /// host's; another may be of x86-64 or AArch64 on Linux, and then needs the name of a CPU.
  static llvm::Expected<Machine> create(llvm::StringRef cpu, llvm::StringRef triple = "native");

  const std::string &triple() const { return tripleName; }
  /// Whether the host runs the code, libraries included: same architecture, system and C library.
  bool isHost() const;
  /// The CPU's LLVM name; never "native".
  const std::string &cpu() const { return cpuName; }
  /// Features that the generated code may use, LLVM's names, sorted; only those that a host can be asked for.
  const std::vector<std::string> &features() const { return featureNames; }
  bool has(llvm::StringRef feature) const;
  /// `features` joined by commas, for pass options.
  std::string featureList() const;

  /// A new TargetMachine. Never fuses multiplications and additions that the IR keeps apart.
  std::unique_ptr<llvm::TargetMachine> createTargetMachine() const;

private:
  std::string tripleName, cpuName, featureString;
  std::vector<std::string> featureNames;
};

} // namespace lutra

#endif // LUTRA_CODEGEN_MACHINE_H
