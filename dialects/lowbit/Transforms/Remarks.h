//===- Remarks.h - how the passes say what they decided ---------*- C++ -*-===//
//
// Name and category of a remark are the pass's argument, so that `-Rpass=<argument>` finds it. Private to the transforms; a file
// defines DEBUG_TYPE as its pass's argument.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_REMARKS_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_REMARKS_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/onnx/IR/NodeNames.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"

namespace lutra::lowbit {

/// The options of a remark of the pass `argument` at `loc`. The ONNX nodes there stand for the function that other compilers name: a
/// YAML file has no other place for them.
inline mlir::remark::RemarkOpts remarkOf(llvm::StringRef argument, mlir::Location loc) {
  auto options = mlir::remark::RemarkOpts::name(argument).category(argument);
  llvm::SmallVector<llvm::StringRef> nodes;
  onnx::collectNodeNames(loc, nodes);
  if (nodes.empty())
    return options;
  // The options only refer to the text: the context keeps it.
  return options.function(mlir::StringAttr::get(loc.getContext(), llvm::join(nodes, ", ")).getValue());
}

/// Whether every use of a precompute's table is a lookup, so that its type may change with them. If not, a missed remark of the pass
/// `argument` names who reads it.
inline bool isOnlyLookedUp(PrecomputeOp op, llvm::StringRef argument) {
  for (mlir::Operation *user : op->getUsers()) {
    if (mlir::isa<LookupMatmulOp>(user))
      continue;
    mlir::remark::missed(op.getLoc(), remarkOf(argument, op.getLoc()))
        << mlir::remark::reason("{0} also reads the table", user->getName().getStringRef().str());
    return false;
  }
  return true;
}

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_REMARKS_H
