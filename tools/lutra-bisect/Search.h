//===- Search.h - the first op whose value differs ------------------------===//
//
// An op is to blame when its value differs and no value that it reads does. All candidates are probed at once first. If
// looking changes the result (an output is fused differently than an intermediate value), one value at a time is
// probed, halving the slice of ops behind a value that differs.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_TOOLS_LUTRA_BISECT_SEARCH_H
#define LUTRA_TOOLS_LUTRA_BISECT_SEARCH_H

#include "Candidates.h"
#include "Ways.h"
#include <optional>

namespace lutra {

/// Two modules (or the same one twice) and two ways to run them.
struct Comparison {
  mlir::ModuleOp left, right;
  Way leftWay, rightWay;
  std::vector<NpyArray> inputs;
  double tolerance = 0;
  /// A folder for the files of compiled targets.
  std::string folder;
  /// Looks at one value at a time from the start.
  bool oneAtATime = false;
  /// Says what is being done, when set.
  bool verbose = false;
};

/// What a search found.
struct Finding {
  /// The op to blame, in the left module, or null: only an output differs, and no candidate.
  mlir::Operation *op = nullptr;
  unsigned result = 0;
  /// How its value differs.
  std::string difference;
  /// How many values were compared, and how many times a module was run.
  unsigned candidates = 0, runs = 0;
};

/// The first op whose value differs; nothing when all outputs are the same. An error when a module cannot be run.
llvm::Expected<std::optional<Finding>> bisect(const Comparison &comparison);

} // namespace lutra

#endif // LUTRA_TOOLS_LUTRA_BISECT_SEARCH_H
