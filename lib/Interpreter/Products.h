//===- Products.h - tables and lookup products of runtime values ----------===//
//
// Private to lib/Interpreter: what the ops of lowbit and lut have in common.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_INTERPRETER_PRODUCTS_H
#define LUTRA_LIB_INTERPRETER_PRODUCTS_H

#include "Values.h"

namespace lutra {

namespace lut {
class DenseMatmulOp;
class PrepareCodesOp;
class QuantizeOp;
class IntegerMatmulOp;
} // namespace lut

/// Groups beyond the bound of the specification would overflow 32-bit sums.
llvm::LogicalResult checkGroup(mlir::Operation *op, int64_t group);

/// The elements of an array of floats as f32.
std::vector<float> widen(const NpyArray &array);

/// The entries, scales and sums of tables as the arrays that `lut.precompute` writes.
llvm::SmallVector<Array> partsOfTables(const LookupTables &tables);

/// Tables from those arrays; a diagnostic on `op` when their shapes disagree.
mlir::FailureOr<LookupTables> tablesOfParts(mlir::Operation *op, const NpyArray &entries, const NpyArray &scales,
                                            const NpyArray &sums, int64_t cols, int64_t group,
                                            lowbit::TableKind kind);

/// The tables of float activations (widened to f32) or of codes with `scales` (else null), of `kind`.
mlir::FailureOr<LookupTables> makeTables(mlir::Operation *op, const NpyArray &activations, const NpyArray *scales,
                                         int64_t cols, int64_t group, lowbit::TableKind kind);

/// A reader of the packed weight of type `type` in `bytes`, which must be as many as the type asks for.
lowbit::WeightReader readPacked(lowbit::WeightType type, Array bytes);

/// y = tables w^T, each output through `epilogue` (which may be empty), as the value of the op's result.
Step multiply(mlir::Operation *op, const LookupTables &tables, const lowbit::WeightReader &weight,
              mlir::Region &epilogue, mlir::ValueRange epilogueOperands, Environment &env);

/// Each output of `out`, with its element of every operand (per channel, or its own), through the region.
llvm::LogicalResult applyEpilogue(mlir::Operation *op, mlir::Region &epilogue, mlir::ValueRange operands, NpyArray &out,
                                  Environment &env);

/// The ops of products without tables, on tensors.
Step executeDenseMatmul(lut::DenseMatmulOp op, Environment &env);
Step executeQuantize(lut::QuantizeOp op, Environment &env);
Step executePrepareCodes(lut::PrepareCodesOp op, Environment &env);
Step executeIntegerMatmul(lut::IntegerMatmulOp op, Environment &env);

/// A product with a composite weight or a codebook, as the passes over weights rewrite it.
Step executeRewritten(lowbit::MatmulOp op, Environment &env);

/// The values of a weight.
Step dequantize(lowbit::DequantizeOp op, Environment &env);

} // namespace lutra

#endif // LUTRA_LIB_INTERPRETER_PRODUCTS_H
