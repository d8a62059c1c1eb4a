//===- Lowbit.h - the lowbit dialect ----------------------------*- C++ -*-===//
//
// Mixed-precision matrix products with low-bit weights: weights and lookup tables as values, formats as attributes.
// Weights.h evaluates them; docs/spec/numerics.md defines the arithmetic.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBIT_H
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBIT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/lowbit/IR/LowbitEnums.h.inc"

#include "dialects/lowbit/IR/LowbitAttrInterfaces.h.inc"

#include "dialects/lowbit/IR/LowbitDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/lowbit/IR/LowbitAttributes.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/lowbit/IR/LowbitTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/lowbit/IR/LowbitOps.h.inc"

namespace lutra::lowbit {

/// Activations of one table: the k of the paper.
inline constexpr int64_t kTableWidth = 4;

/// Tables of 4 activations per group of `group` elements: an even number, since a code byte indexes two.
inline int64_t getTablesPerGroup(int64_t group) { return (group + 7) / 8 * 2; }

/// Whether `format` is made of bit planes (bipolar or BCQ), and so can be looked up and packed.
inline bool isPlanesFormat(WeightFormatInterface format) { return mlir::isa<BipolarAttr, BCQAttr>(format); }

/// Makes `lowbit.attention` bufferizable.
void registerBufferizableOpInterfaceExternalModels(mlir::DialectRegistry &registry);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBIT_H
