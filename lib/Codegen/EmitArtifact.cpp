//===- EmitArtifact.cpp - library, weights and manifest of a model --------===//
#include "lutra/Codegen/Emit.h"

#include "lutra/Support/WriteFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

static constexpr llvm::StringLiteral kLibraryFile = "model.so", kObjectFile = "model.o";

LogicalResult lutra::emitLibraryArtifact(ModuleOp module, ArtifactDirectory &artifact, const Machine &machine,
                                         StringRef targetName, llvm::json::Object targetOptions, llvm::json::Object extra) {
  std::string object = artifact.file(kObjectFile);
  LogicalResult emitted = success();
  llvm::Error written = writeFile(object, [&](llvm::raw_pwrite_stream &os) {
    emitted = emitObject(module, machine, CodeKind::Object, os);
    return llvm::Error::success();
  });
  if (written)
    return module.emitError() << llvm::toString(std::move(written));
  if (failed(emitted) || failed(linkLibrary(object, artifact.file(kLibraryFile), machine, module.getLoc())))
    return failure();
  llvm::sys::fs::remove(object);

  FailureOr<llvm::json::Object> library = describeFile(artifact.path(), kLibraryFile, module.getLoc());
  if (failed(library))
    return failure();
  FailureOr<llvm::json::Object> weights = writeWeights(module, artifact.path());
  if (failed(weights))
    return failure();
  llvm::json::Object target{{"name", targetName},
                            {"triple", machine.triple()},
                            {"cpu", machine.cpu()},
                            {"features", llvm::json::Array(machine.features())},
                            {"options", std::move(targetOptions)}};
  return writeManifest(module, artifact.path(), std::move(target), std::move(*library), std::move(*weights), std::move(extra));
}
