//===- NodeNames.h - the ONNX nodes that a location names -------*- C++ -*-===//
//
// The importer gives each op its node's name as location; passes that merge ops fuse locations. So every op down to the loops knows
// the nodes that it comes from, for diagnostics and remarks.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_ONNX_IR_NODENAMES_H
#define LUTRA_DIALECTS_ONNX_IR_NODENAMES_H

#include "mlir/IR/Location.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace lutra::onnx {

/// Appends the names of nodes (or tensors) in `loc` that `names` does not hold, in their order.
inline void collectNodeNames(mlir::Location loc, llvm::SmallVectorImpl<llvm::StringRef> &names) {
  if (auto name = llvm::dyn_cast<mlir::NameLoc>(loc)) {
    if (!llvm::is_contained(names, name.getName().getValue()))
      names.push_back(name.getName());
  } else if (auto fused = llvm::dyn_cast<mlir::FusedLoc>(loc)) {
    for (mlir::Location part : fused.getLocations())
      collectNodeNames(part, names);
  }
}

} // namespace lutra::onnx

#endif // LUTRA_DIALECTS_ONNX_IR_NODENAMES_H
