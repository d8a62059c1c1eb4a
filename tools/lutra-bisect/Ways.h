//===- Ways.h - the ways in which a module is run -------------------------===//
//
// "interpret", after some passes or none, or a target by name, compiled and run.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_TOOLS_LUTRA_BISECT_WAYS_H
#define LUTRA_TOOLS_LUTRA_BISECT_WAYS_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "lutra/Support/Npy.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace lutra {

/// One way to run a module.
struct Way {
  /// As the user wrote it.
  std::string text;
  /// Empty: the interpreter.
  std::string target;
  /// "<target>.<key>=<value>".
  std::vector<std::string> targetOptions;
  /// Passes that run before the module is interpreted.
  std::string passes;
  /// The tables of a lowbit.matmul that does not say.
  lowbit::TableKind tables;

  /// Reads "interpret[:table=f32][,passes=<pipeline>]" or "<target>[:<key>=<value>,...]".
  static llvm::Expected<Way> parse(llvm::StringRef text);
};

/// Runs @main of `module` (which is consumed) and returns its outputs in order. Files of a compiled target go to
/// `folder`.
llvm::Expected<std::vector<NpyArray>> runModule(const Way &way, mlir::ModuleOp module, llvm::ArrayRef<NpyArray> inputs,
                                                llvm::StringRef folder);

} // namespace lutra

#endif // LUTRA_TOOLS_LUTRA_BISECT_WAYS_H
