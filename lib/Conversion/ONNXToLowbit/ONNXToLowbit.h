//===- ONNXToLowbit.h - ONNX nodes to lowbit, linalg and tensor -*- C++ -*-===//
//
// The conversion pass, and the question of which operators it converts.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_ONNXTOLOWBIT_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_ONNXTOLOWBIT_H

#include "mlir/Pass/Pass.h"

#include <string>
#include <vector>

namespace lutra {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/Conversion/ONNXToLowbit/Passes.h.inc"

/// Whether `convert-onnx-to-lowbit` has a lowering for this operator. The answer comes from the table that the pass
/// itself dispatches on; a node may still be refused for an attribute, an optional input or a type.
bool isSupportedONNXNode(llvm::StringRef domain, llvm::StringRef opType);

/// What the lowering of an operator understands, in its own words: whatever else a node carries is refused by name.
/// Inputs and outputs: `name?` may be left out, `name!` must be, `name*` takes all the rest. Attributes: `name:kind`
/// with kind i (INT), f (FLOAT), s (STRING), is (INTS), fs (FLOATS), t (TENSOR); `name:kind!` must be there.
struct ONNXOperator {
  std::string domain, opType;
  llvm::SmallVector<std::string> inputs, outputs, attributes;
};

/// All operators that `convert-onnx-to-lowbit` has a lowering for, sorted by domain and name, as nodes of the standard
/// opset `opset` (other domains: of version 1) may use them.
std::vector<ONNXOperator> describeONNXOperators(mlir::MLIRContext &context, int64_t opset);
} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_ONNXTOLOWBIT_H
