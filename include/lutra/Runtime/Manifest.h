//===- Manifest.h - manifest.json of an artifact directory ----------------===//
//
// What a compiled model says about itself: its ABI, the machine it needs, its files with sizes and hashes, its inputs
// and outputs and the messages of its run-time checks. Reading checks every field: a manifest is input from outside.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_RUNTIME_MANIFEST_H
#define LUTRA_RUNTIME_MANIFEST_H

#include "lutra/Support/DType.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <optional>
#include <string>
#include <vector>

namespace lutra {

/// The ABI between a compiled library and its loader that this build speaks. Any change of the exported symbols, of
/// the descriptors or of the argument order raises it.
inline constexpr int32_t kAbiVersion = 1;

/// The name of the manifest in an artifact directory.
inline constexpr llvm::StringLiteral kManifestFile = "manifest.json";

/// One dimension of a tensor: a size, or a symbol that is bound when the model runs ("?": any size, never bound).
struct ManifestDim {
  int64_t size = -1;
  std::string symbol;

  bool isStatic() const { return symbol.empty(); }
  bool isAnonymous() const { return symbol == "?"; }
};

/// An input or output.
struct ManifestTensor {
  std::string name;
  DType dtype = DType::F32;
  llvm::SmallVector<ManifestDim, 4> shape;

  /// The shape as the manifest spells it: "batch_size x 3 x 64".
  std::string shapeText() const;
};

/// A file of the artifact.
struct ManifestFile {
  std::string file;
  uint64_t bytes = 0;
  uint64_t xxh3 = 0;
  /// Large weights only: sampleHash() of the file.
  std::optional<uint64_t> sample = {};
  /// Weights only: where the data starts.
  uint64_t dataOffset = 0;
};

/// The machine that the artifact was compiled for.
struct ManifestTarget {
  std::string name, triple, cpu;
  /// CPU features (LLVM's names) without which the code must not run.
  std::vector<std::string> features;
};

/// The parsed manifest.
struct Manifest {
  /// The artifact directory, and the manifest's own path, for messages.
  std::string directory, path;
  /// The file's text as it is.
  std::string text;
  int64_t abiVersion = 0;
  std::string lutraVersion;
  ManifestTarget target;
  ManifestFile library, weights;
  std::vector<ManifestTensor> inputs, outputs;
  /// Message i belongs to status code i + 1.
  std::vector<std::string> checks;
  /// The `kernels` object of a device's artifact, for the device to interpret.
  std::optional<llvm::json::Object> kernels;

  /// The path of a file of the artifact.
  std::string pathOf(llvm::StringRef file) const;

  /// Reads `directory`/manifest.json.
  static llvm::Expected<Manifest> load(llvm::StringRef directory);
  /// Parses the text of a manifest; `directory` is where its files are.
  static llvm::Expected<Manifest> parse(llvm::StringRef text, llvm::StringRef directory);
};

} // namespace lutra

#endif // LUTRA_RUNTIME_MANIFEST_H
