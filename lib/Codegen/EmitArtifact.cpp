//===- EmitArtifact.cpp - library, weights and manifest of a model --------===//
#include "lutra/Codegen/Emit.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

static constexpr llvm::StringLiteral kLibraryFile = "model.so", kObjectFile = "model.o";

LogicalResult lutra::emitLibraryArtifact(ModuleOp module, ArtifactDirectory &artifact, const Machine &machine,
                                         StringRef targetName, llvm::json::Object targetOptions, llvm::json::Object extra) {
  std::string object = artifact.file(kObjectFile);
  {
    std::error_code error;
    llvm::raw_fd_ostream os(object, error);
    if (error)
      return module.emitError() << "cannot write '" << object << "': " << error.message();
    if (failed(emitObject(module, machine, CodeKind::Object, os)))
      return failure();
    os.close();
    if (os.has_error()) {
      module.emitError() << "cannot write '" << object << "': " << os.error().message();
      os.clear_error();
      return failure();
    }
  }
  if (failed(linkLibrary(object, artifact.file(kLibraryFile), machine, module.getLoc())))
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
