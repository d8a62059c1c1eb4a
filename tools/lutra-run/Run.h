//===- Run.h - the two ways in which lutra-run runs a model ---------------===//
//
// Private to lutra-run: a compiled artifact through a session, or a function of IR through the interpreter.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_TOOLS_LUTRA_RUN_RUN_H
#define LUTRA_TOOLS_LUTRA_RUN_RUN_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "lutra/Support/Npy.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include <string>
#include <vector>

namespace lutra {

/// The command line.
struct RunOptions {
  /// An artifact directory, or a .mlir file to interpret.
  std::string path;
  /// Input names with their .npy files, as given.
  std::vector<std::pair<std::string, std::string>> inputs;
  /// Where outputs go as .npy files; empty: nowhere.
  std::string outputDir;
  int threads = 0;
  unsigned repeat = 1;
  bool skipHashes = false;
  bool verify = false;
  bool describe = false;
  /// Print the outputs' values.
  bool print = false;
  std::string function;
  /// The tables of an interpreted lowbit.matmul that names no kind.
  lowbit::TableKind tables;
};

/// Runs the artifact.
llvm::Error runArtifact(const RunOptions &options);

/// Interprets the function.
llvm::Error interpretFile(const RunOptions &options);

/// Reads the files given for the inputs of these names, in their order. A name given twice, missing or unknown is an
/// error.
llvm::Expected<std::vector<NpyArray>> readInputs(const RunOptions &options, llvm::ArrayRef<std::string> names);

/// Prints an output's name, shape and dtype, and writes it when an output directory is given.
llvm::Error emitOutput(const RunOptions &options, llvm::StringRef name, const NpyArray &array);

/// "input  ids : batch_size x 3 i64"
void printTensor(llvm::StringRef kind, llvm::StringRef name, const llvm::Twine &shape, DType dtype);

} // namespace lutra

#endif // LUTRA_TOOLS_LUTRA_RUN_RUN_H
