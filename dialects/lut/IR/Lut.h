//===- Lut.h - the lut dialect ----------------------------------*- C++ -*-===//
#ifndef LUTRA_DIALECTS_LUT_IR_LUT_H
#define LUTRA_DIALECTS_LUT_IR_LUT_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"

#include "dialects/lut/IR/LutDialect.h.inc"

#define GET_OP_CLASSES
#include "dialects/lut/IR/LutOps.h.inc"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace lutra::lut {
/// Lets one-shot bufferization turn the structured ops into ops on buffers.
void registerBufferizableOpInterfaceExternalModels(mlir::DialectRegistry &registry);
} // namespace lutra::lut

#endif // LUTRA_DIALECTS_LUT_IR_LUT_H
