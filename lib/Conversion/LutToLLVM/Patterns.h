//===- Patterns.h - what the conversion's files share -----------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LUTTOLLVM_PATTERNS_H
#define LUTRA_CONVERSION_LUTTOLLVM_PATTERNS_H

#include "dialects/lut/IR/Lut.h"
#include "lib/Conversion/LutToLLVM/LutToLLVM.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace lutra::lutllvm {

/// Adds the patterns of lut.dot.
void populateDotPatterns(const mlir::LLVMTypeConverter &converter, const LutInstructions &instructions,
                         mlir::RewritePatternSet &patterns);

/// Adds the patterns of lut.lookup, of lut.accumulate.
void populateLookupPatterns(const mlir::LLVMTypeConverter &converter, const LutInstructions &instructions,
                            mlir::RewritePatternSet &patterns);
void populateAccumulatePatterns(const mlir::LLVMTypeConverter &converter, const LutInstructions &instructions,
                                mlir::RewritePatternSet &patterns);

/// Adds the patterns of lut.fields.
void populateFieldsPatterns(const mlir::LLVMTypeConverter &converter, const LutInstructions &instructions,
                            mlir::RewritePatternSet &patterns);

/// Adds the patterns of casts between halves and f32 that need them on this machine.
void populateHalvesPatterns(const mlir::LLVMTypeConverter &converter, const LutInstructions &instructions,
                            mlir::RewritePatternSet &patterns);
/// Whether no such pattern is for a cast between `narrow` and `wide`.
bool isHalvesCastLegal(mlir::Type narrow, mlir::Type wide, const LutInstructions &instructions);

/// A call of the LLVM intrinsic `name`.
mlir::Value callIntrinsic(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name, mlir::Type result, mlir::ValueRange operands);

/// A vector constant with every lane `value`.
mlir::Value splat(mlir::ImplicitLocOpBuilder &b, mlir::VectorType type, int64_t value);

/// Lanes `begin`, ..., `begin + count` of `vector`.
mlir::Value slice(mlir::ImplicitLocOpBuilder &b, mlir::Value vector, int64_t begin, int64_t count);

/// The lanes of `parts` one after another; their number is a power of two.
mlir::Value concat(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> parts);

/// A call of a function `name`<lanes> that computes its result lane by lane, made when the module has none yet:
/// `computeLane(operands, lane)`. For what the machine has no instruction for: such code is long, and inlined many times in an
/// unrolled kernel it would take LLVM minutes.
mlir::Value callByLane(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name, mlir::VectorType resultType,
                       mlir::ValueRange operands,
                       llvm::function_ref<mlir::Value(mlir::ValueRange, mlir::Value)> computeLane);

} // namespace lutra::lutllvm

#endif // LUTRA_CONVERSION_LUTTOLLVM_PATTERNS_H
