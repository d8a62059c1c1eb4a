//===- ONNXToLowbit.h - ONNX nodes to lowbit, linalg and tensor -*- C++ -*-===//
//
// The conversion pass, and the question of which operators it converts.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_ONNXTOLOWBIT_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_ONNXTOLOWBIT_H

#include "mlir/Pass/Pass.h"

namespace lutra {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/Conversion/ONNXToLowbit/Passes.h.inc"

/// Whether `convert-onnx-to-lowbit` has a lowering for this operator. The answer comes from the table that the pass
/// itself dispatches on; a node may still be refused for an attribute, an optional input or a type.
bool isSupportedONNXNode(llvm::StringRef domain, llvm::StringRef opType);
} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_ONNXTOLOWBIT_H
