//===- Lowbit.h - the lowbit dialect ----------------------------*- C++ -*-===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBIT_H
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBIT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
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

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBIT_H
