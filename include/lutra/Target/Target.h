//===- Target.h - what a machine adds to the compiler -----------*- C++ -*-===//
//
// A target is a plug-in: declared options, facts about the machine, a pipeline for each phase and the files it writes. No
// target's name appears outside its own folder (and the one list in lib/InitAll).
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_TARGET_TARGET_H
#define LUTRA_TARGET_TARGET_H

#include "lutra/Codegen/Artifact.h"
#include "lutra/Codegen/Emit.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mlir {
class DialectRegistry;
class OpPassManager;
} // namespace mlir

namespace lutra {

/// The named stops on the way from a model to code, in order. A phase's name means the state after it.
enum class Phase {
  /// As imported: one `onnx.node` per node.
  ONNX,
  /// `lowbit`, linalg and tensor operations; target-independent passes done.
  Lowbit,
  /// Products are table precompute and lookups; weights are packed for the target.
  Tables,
  /// The structured operations that a target executes, on tensors.
  Lut,
  /// Buffers and loops, one function per distinct computation.
  Loops,
  /// The LLVM dialect.
  LLVM,
};

/// All phases, in order.
llvm::ArrayRef<Phase> allPhases();
/// "onnx", "lowbit", "tables", "lut", "loops", "llvm".
llvm::StringRef phaseName(Phase phase);
/// The phase of a name; the error proposes the nearest one.
llvm::Expected<Phase> parsePhase(llvm::StringRef name);

/// An option of a target, set by `--target-option=<target>.<key>=<value>`.
struct TargetOption {
  std::string key, help, defaultValue;
  /// The only values that it takes; empty: any (the target checks).
  std::vector<std::string> choices = {};
};

/// A machine that models are compiled for, configured by its options.
class Target {
public:
  virtual ~Target();

  /// As in `--target=<name>`; also in the manifest, where the runtime finds the device by it.
  virtual llvm::StringRef name() const = 0;
  /// One line for `--print-targets`.
  virtual llvm::StringRef description() const = 0;
  virtual llvm::ArrayRef<TargetOption> options() const = 0;

  /// Checks `values` (key to value) against `options()`, fills in the defaults and calls `configure`. An unknown key or
  /// value is an error that proposes the nearest one.
  llvm::Error setOptions(const std::map<std::string, std::string> &values);
  /// The value of a declared option, after setOptions.
  llvm::StringRef option(llvm::StringRef key) const;
  /// All options, for the manifest.
  llvm::json::Object optionsAsJSON() const;

  /// What the configured machine is: name to value, for `--print-targets` and remarks.
  virtual std::vector<std::pair<std::string, std::string>> facts() const { return {}; }

  /// Dialects and interfaces that its pipelines need beyond those of registerEverything.
  virtual void registerDialects(mlir::DialectRegistry &registry) const {}

  /// Adds the passes that lead from the phase before to `phase`. The pass manager runs on the module.
  virtual void buildPipeline(mlir::OpPassManager &pm, Phase phase) const = 0;

  /// Writes the files of the artifact for a module at the last phase.
  virtual mlir::LogicalResult emitArtifact(mlir::ModuleOp module, ArtifactDirectory &artifact) const = 0;

  /// Writes one kind of code for a module at the last phase.
  virtual mlir::LogicalResult emitCode(mlir::ModuleOp module, CodeKind kind, llvm::raw_pwrite_stream &os) const = 0;

protected:
  /// Called when every option has a value; derives what the target needs from them.
  virtual llvm::Error configure() { return llvm::Error::success(); }

private:
  std::map<std::string, std::string> values;
};

using TargetFactory = std::function<std::unique_ptr<Target>()>;

/// Makes a target known under the name that its instances answer. Registering one twice does nothing.
void registerTarget(TargetFactory factory);

/// New instances of all registered targets, by name.
std::vector<std::unique_ptr<Target>> createAllTargets();

/// A new, unconfigured instance; the error names the targets there are and proposes the nearest one.
llvm::Expected<std::unique_ptr<Target>> createTarget(llvm::StringRef name);

/// Distributes options written "<target>.<key>=<value>" for the target called `target`: an option for another target that
/// exists is ignored, one for a target that does not is an error.
llvm::Expected<std::map<std::string, std::string>> parseTargetOptions(llvm::StringRef target, llvm::ArrayRef<std::string> texts);

/// The nearest of `known` to `word` as "; did you mean 'x'?", or nothing when none is near.
std::string didYouMean(llvm::StringRef word, llvm::ArrayRef<std::string> known);

} // namespace lutra

#endif // LUTRA_TARGET_TARGET_H
