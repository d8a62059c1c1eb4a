//===- Captured.h - what code needs that becomes a function -----*- C++ -*-===//
#ifndef LUTRA_CODEGEN_CAPTURED_H
#define LUTRA_CODEGEN_CAPTURED_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SetVector.h"

namespace lutra {

/// Values of outside that outlined code uses, each once and in order of first use, so that equal code gets equal signatures.
struct Captured {
  /// The function's arguments.
  llvm::SmallVector<mlir::Value> inputs;
  /// What the function makes itself: cloned into it, they stay known to later folds.
  llvm::SmallVector<mlir::Operation *> constants;

  explicit Captured(const llvm::SetVector<mlir::Value> &used) {
    for (mlir::Value value : used) {
      mlir::Operation *source = value.getDefiningOp();
      if (source && source->hasTrait<mlir::OpTrait::ConstantLike>())
        constants.push_back(source);
      else
        inputs.push_back(value);
    }
  }
};

} // namespace lutra

#endif // LUTRA_CODEGEN_CAPTURED_H
