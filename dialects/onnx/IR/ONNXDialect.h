//===- ONNXDialect.h - an ONNX graph as imported ----------------*- C++ -*-===//
#ifndef LUTRA_DIALECTS_ONNX_IR_ONNXDIALECT_H
#define LUTRA_DIALECTS_ONNX_IR_ONNXDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/onnx/IR/ONNXDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/onnx/IR/ONNXTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/onnx/IR/ONNXOps.h.inc"

#endif // LUTRA_DIALECTS_ONNX_IR_ONNXDIALECT_H
