//===- Candidates.h - the values of a function that can be looked at ------===//
//
// A candidate is a value of @main's block that an array can hold. A module is probed by making candidates outputs of a
// copy of it: whatever runs the copy then hands their values out.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_TOOLS_LUTRA_BISECT_CANDIDATES_H
#define LUTRA_TOOLS_LUTRA_BISECT_CANDIDATES_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "lutra/Support/Npy.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <vector>

namespace lutra {

/// A result of an op of the block: the op's place, and which result.
struct ValueId {
  unsigned op = 0;
  unsigned result = 0;
  auto operator<=>(const ValueId &) const = default;
};

/// A value that can be made an output.
struct Candidate {
  ValueId id;
  /// The size that it has for the inputs at hand.
  llvm::SmallVector<int64_t, 4> shape;
  /// Candidates, by number, that the op reads: directly, in its regions, or through values that are no candidates
  /// (weights, tables).
  llvm::SmallVector<unsigned> reads;
};

/// The values of `function` that interpreting it on `inputs` shows, in program order; failure after a diagnostic.
mlir::FailureOr<std::vector<Candidate>> findCandidates(mlir::func::FuncOp function, llvm::ArrayRef<NpyArray> inputs,
                                                       const lowbit::TableKind &tables);

/// For each candidate of `function`, the value of `other` that corresponds: the same place when the functions have the
/// same ops in the same order, else the next op of the same name, location and types. Candidates without one are
/// dropped.
std::vector<ValueId> matchCandidates(mlir::func::FuncOp function, mlir::func::FuncOp other,
                                     std::vector<Candidate> &candidates);

/// A copy of the module whose @main hands out, after its own outputs, the values `ids`, whose shapes are given.
mlir::OwningOpRef<mlir::ModuleOp> probe(mlir::ModuleOp module, llvm::ArrayRef<ValueId> ids,
                                        llvm::ArrayRef<llvm::ArrayRef<int64_t>> shapes);

/// The op at a place of the function's block.
mlir::Operation &opAt(mlir::func::FuncOp function, unsigned place);

} // namespace lutra

#endif // LUTRA_TOOLS_LUTRA_BISECT_CANDIDATES_H
