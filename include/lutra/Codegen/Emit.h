//===- Emit.h - from the LLVM dialect to files ------------------*- C++ -*-===//
//
// What a target that compiles for the host's architecture writes. No decisions are made here: the passes did, and left
// what the files say as attributes of the module (include/lutra/Codegen/Passes.h).
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CODEGEN_EMIT_H
#define LUTRA_CODEGEN_EMIT_H

#include "lutra/Codegen/Artifact.h"
#include "lutra/Codegen/Machine.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace llvm {
class raw_pwrite_stream;
} // namespace llvm

namespace lutra {

/// What emitObject writes.
enum class CodeKind { LLVMIR, Assembly, Object };

/// Translates `module` (LLVM dialect) to LLVM IR, optimizes it for `machine` and writes it. The same module and machine give the
/// same bytes. Reports on the module.
mlir::LogicalResult emitObject(mlir::ModuleOp module, const Machine &machine, CodeKind kind, llvm::raw_pwrite_stream &os);

/// Links one object file for `machine` into a shared library that names libomp, libm and libc as what it needs. For a machine
/// other than the host these are not here to look symbols up in: what they lack shows when the library is loaded.
mlir::LogicalResult linkLibrary(llvm::StringRef objectPath, llvm::StringRef libraryPath, const Machine &machine,
                                mlir::Location loc);

/// Writes the weights file of the module's plan (`lutra.weights`), one tensor at a time, and returns the manifest's
/// "weights" object.
mlir::FailureOr<llvm::json::Object> writeWeights(mlir::ModuleOp module, llvm::StringRef directory);

/// The manifest's object for a file of the artifact: name, bytes, hash.
mlir::FailureOr<llvm::json::Object> describeFile(llvm::StringRef directory, llvm::StringRef name, mlir::Location loc);

/// Writes manifest.json: the interface and the checks that the module records, and the objects given here; `extra` fields are
/// added at the end.
mlir::LogicalResult writeManifest(mlir::ModuleOp module, llvm::StringRef directory, llvm::json::Object target,
                                  llvm::json::Object library, llvm::json::Object weights, llvm::json::Object extra = {});

/// All of the above: compiles and links `model.so`, writes the weights and the manifest into `artifact`. `extra` fields are added to
/// the manifest.
mlir::LogicalResult emitLibraryArtifact(mlir::ModuleOp module, ArtifactDirectory &artifact, const Machine &machine,
                                        llvm::StringRef targetName, llvm::json::Object targetOptions,
                                        llvm::json::Object extra = {});

} // namespace lutra

#endif // LUTRA_CODEGEN_EMIT_H
