//===- Lmma.h - instructions of a LUT tensor core ---------------*- C++ -*-===//
#ifndef LUTRA_DIALECTS_LMMA_IR_LMMA_H
#define LUTRA_DIALECTS_LMMA_IR_LMMA_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <optional>

#include "dialects/lmma/IR/LmmaDialect.h.inc"

namespace lutra::lmma {
class YieldOp;
} // namespace lutra::lmma

#define GET_ATTRDEF_CLASSES
#include "dialects/lmma/IR/LmmaAttributes.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/lmma/IR/LmmaTypes.h.inc"

namespace lutra::lmma {
/// The tile that a store into `buffer` takes: of i32 for a buffer of i32, of f32 for others.
mlir::Type tileOf(mlir::Type buffer);
} // namespace lutra::lmma

#define GET_OP_CLASSES
#include "dialects/lmma/IR/LmmaOps.h.inc"

namespace lutra::lmma {

/// An index of an access as a linear form: the coefficient of each input of `map`, then the constant. Nothing when it
/// is not linear, which an address can not be.
std::optional<llvm::SmallVector<int64_t>> getLinearForm(mlir::AffineMap map, unsigned result);

} // namespace lutra::lmma

#endif // LUTRA_DIALECTS_LMMA_IR_LMMA_H
