//===- OperandSegments.h - operands that must be there ----------*- C++ -*-===//
//
// For operations with AttrSizedOperandSegments. ODS checks the sum of `operandSegmentSizes`, but not that an operand which is neither
// optional nor variadic has one value, which its accessor reads unasked.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SUPPORT_OPERANDSEGMENTS_H
#define LUTRA_SUPPORT_OPERANDSEGMENTS_H

#include "mlir/IR/OpDefinition.h"

namespace lutra {

/// Reports an error on `op`, of a class that ODS made, unless each of the `required` operands, by their indices in its arguments, has one
/// value. Comes first in a verifier, before an accessor is called.
template <typename OpTy>
mlir::LogicalResult verifyRequiredOperands(OpTy op, llvm::ArrayRef<unsigned> required) {
  for (unsigned index : required)
    if (unsigned size = op.getODSOperandIndexAndLength(index).second; size != 1)
      return op.emitOpError() << "'operandSegmentSizes' must give operand group #" << index << " one value, but gives it " << size;
  return mlir::success();
}

} // namespace lutra

#endif // LUTRA_SUPPORT_OPERANDSEGMENTS_H
