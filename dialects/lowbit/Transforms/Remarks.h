//===- Remarks.h - how the passes say what they decided ---------*- C++ -*-===//
//
// Name and category of a remark are the pass's argument, so that `-Rpass=<argument>` finds it. Private to the transforms; a file
// defines DEBUG_TYPE as its pass's argument.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_REMARKS_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_REMARKS_H

#include "mlir/IR/Remarks.h"

namespace lutra::lowbit {

/// The options of a remark of the pass `argument`.
inline mlir::remark::RemarkOpts remarkOf(llvm::StringRef argument) {
  return mlir::remark::RemarkOpts::name(argument).category(argument);
}

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_REMARKS_H
