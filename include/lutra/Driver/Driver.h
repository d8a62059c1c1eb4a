//===- Driver.h - from a model to an artifact -------------------*- C++ -*-===//
//
// What lutrac, the C API and the tests call. Every failure is one diagnostic of the context; nothing is printed and no file is
// left half-written.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DRIVER_DRIVER_H
#define LUTRA_DRIVER_DRIVER_H

#include "lutra/Target/Target.h"

namespace mlir {
class DialectRegistry;
class PassManager;
} // namespace mlir

namespace lutra {

/// What compileModel writes.
enum class EmitKind {
  /// The directory that the runtime loads.
  Artifact,
  /// The module after the last phase that ran, as text.
  MLIR,
  /// Optimized LLVM IR.
  LLVMIR,
  Assembly,
  Object,
};

/// What to compile, for whom, and what to write.
struct CompileOptions {
  /// A model.onnx, or the text or bytecode of a module at phase `compileFrom`.
  std::string input;
  /// The artifact directory, or the file for the other kinds ("-": standard output).
  std::string output;
  std::string target = "cpu";
  /// "<target>.<key>=<value>".
  std::vector<std::string> targetOptions;
  EmitKind emit = EmitKind::Artifact;
  /// The phase that the input is at; nothing: an .onnx file is at `onnx`, a module at the phase its operations tell.
  std::optional<Phase> compileFrom;
  /// Stop after this phase. Only for EmitKind::MLIR.
  std::optional<Phase> compileTo;
  /// Empty, or a folder for the module after each phase.
  std::string dumpDirectory;
  /// Empty, or where a pipeline that fails leaves a reproducer for lutra-opt.
  std::string crashReproducer;
  /// Whether external data may lie behind symbolic links within the given folder (a hub's cache).
  std::string followLinksWithin;
  /// Called when a step begins: its name, and how much of the work is done before it, 0 to 1.
  std::function<void(llvm::StringRef step, double fraction)> progress;
  /// Called for the pass manager of each phase: timing, printing.
  std::function<mlir::LogicalResult(mlir::PassManager &)> instrument;
};

/// Registers what compileModel needs: dialects, interfaces, targets. For the registry that the context is made with.
void registerForCompilation(mlir::DialectRegistry &registry);

/// Compiles as `options` say.
mlir::LogicalResult compileModel(const CompileOptions &options, mlir::MLIRContext &context);

} // namespace lutra

#endif // LUTRA_DRIVER_DRIVER_H
