//===- Passes.h - from tensors to a callable library ------------*- C++ -*-===//
#ifndef LUTRA_CODEGEN_PASSES_H
#define LUTRA_CODEGEN_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir {
class ModuleOp;
namespace func {
class FuncOp;
} // namespace func
} // namespace mlir

namespace lutra {

#define GEN_PASS_DECL
#include "lib/Codegen/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Codegen/Passes.h.inc"

/// Names of what the passes leave on the module for the writers of the artifact.
namespace codegen {
/// The entry function of a model.
inline constexpr llvm::StringLiteral kEntryName = "main";
/// Array of dictionaries {name, offset, size, value | pack}: the content of the weights file.
inline constexpr llvm::StringLiteral kWeightsAttr = "lutra.weights";
/// Bytes of all weights together.
inline constexpr llvm::StringLiteral kWeightsSizeAttr = "lutra.weights_size";
/// Arrays of dictionaries {name, dtype, shape}: the arguments of the entry after the weights, inputs then outputs.
inline constexpr llvm::StringLiteral kInputsAttr = "lutra.inputs", kOutputsAttr = "lutra.outputs";
/// Messages of run-time checks; `lutra_status[0]` is 1 + an index into it.
inline constexpr llvm::StringLiteral kChecksAttr = "lutra.checks";
/// Unit attribute of an argument of the entry that a result is stored to.
inline constexpr llvm::StringLiteral kOutputAttr = "lutra.output";
/// Exported int32[2] of a compiled library: the failed check, and 0.
inline constexpr llvm::StringLiteral kStatusName = "lutra_status";
/// Function of the library, not exported: memory for so many bytes of a call's buffers.
inline constexpr llvm::StringLiteral kArenaName = "lutra_arena";
} // namespace codegen
} // namespace lutra

#endif // LUTRA_CODEGEN_PASSES_H
