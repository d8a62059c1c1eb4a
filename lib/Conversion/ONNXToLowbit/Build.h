//===- Build.h - tensor code that many lowerings share ----------*- C++ -*-===//
//
// Everything is linalg.generic with plain arith and math bodies, so that linalg-fuse-elementwise-ops can fuse it. Small
// integer tensors whose elements are known scalars (shapes, mostly) stay `tensor.from_elements`, and integer arithmetic
// on them is arithmetic on scalars: that is how a size computed from Shape, Gather and Concat stays visible.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_BUILD_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_BUILD_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// Computes one element from one element of each operand, at `builder`.
using Body = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &builder, mlir::ValueRange elements)>;

mlir::Value createEmpty(Node &node, llvm::ArrayRef<mlir::OpFoldResult> dims, mlir::Type element);
mlir::Value createFilled(Node &node, llvm::ArrayRef<mlir::OpFoldResult> dims, mlir::TypedAttr element);

/// `body` applied to each element, with ONNX (numpy) broadcasting. Two dynamic sizes must agree at run time: a dynamic
/// size that happens to be 1 is not broadcast against another.
mlir::FailureOr<mlir::Value> buildElementwise(Node &node, mlir::ValueRange operands, mlir::Type element, Body body);

/// `value` broadcast to `dims`, with which its sizes must agree where they are not 1.
mlir::Value buildBroadcast(Node &node, mlir::Value value, llvm::ArrayRef<mlir::OpFoldResult> dims);

/// A tensor of sizes `dims` whose elements `body` computes from their indices.
mlir::Value buildGenerate(Node &node, llvm::ArrayRef<mlir::OpFoldResult> dims, mlir::Type element, Body body);

/// Reduces `axes` (sorted, in range): `body` takes an element and the running value. The result has no dimension for
/// `axes`.
mlir::Value buildReduce(Node &node, mlir::Value operand, llvm::ArrayRef<int64_t> axes, mlir::TypedAttr init, Body body);

/// `value` with other sizes, in the same row-major order. The caller has made sure that the number of elements agrees.
mlir::Value buildReshape(Node &node, mlir::Value value, llvm::ArrayRef<mlir::OpFoldResult> dims);

/// The same, where a list of integers whose elements are known stays one.
mlir::Value buildScalarReshape(Node &node, mlir::Value value, llvm::ArrayRef<mlir::OpFoldResult> dims);

/// [d0, ..., dn-1, K] as [M, K].
mlir::Value buildFlatten(Node &node, mlir::Value value);

/// The part of `value` along `axis` from `offset`, `size` elements, every `step`-th.
mlir::Value buildSlice(Node &node, mlir::Value value, int64_t axis, mlir::OpFoldResult offset, mlir::OpFoldResult size,
                       int64_t step = 1);

/// The positions 0..count-1 that `indices` stand for: negative ones count from the end. One out of range ends the run
/// with an error that names `axis`; what it reads is clamped, so in bounds.
mlir::FailureOr<mlir::Value> buildPositions(Node &node, mlir::Value indices, mlir::OpFoldResult count,
                                            const llvm::Twine &axis);

/// x + y for f32 that may be summed in any order (so that a reduction can be vectorized).
mlir::Value createReassociableAdd(mlir::ImplicitLocOpBuilder &builder, mlir::Value x, mlir::Value y);
/// A constant of `type` (a float or integer type).
mlir::Value createScalar(mlir::ImplicitLocOpBuilder &builder, mlir::Type type, double value);

/// The product of sizes.
mlir::OpFoldResult multiplySizes(Node &node, llvm::ArrayRef<mlir::OpFoldResult> sizes);
/// Two sizes under an arith op on index values; folded when both are static.
template <typename OpTy>
mlir::OpFoldResult combineSizes(Node &node, mlir::OpFoldResult a, mlir::OpFoldResult b) {
  return mlir::getAsOpFoldResult(node.createOrFold<OpTy>(node.toValue(a), node.toValue(b)));
}

/// The elements of an integer tensor of rank 0 or 1, when each is a known scalar.
std::optional<llvm::SmallVector<mlir::Value>> getScalars(Node &node, mlir::Value tensor);
/// The same for an input of static shape: elements that are not known are read at run time. An error when the shape is
/// not static.
mlir::FailureOr<llvm::SmallVector<mlir::Value>> readScalars(Node &node, unsigned input);
/// The scalars as a tensor of rank 1, or 0 when `rank0`.
mlir::Value createFromScalars(Node &node, llvm::ArrayRef<mlir::Value> scalars, mlir::Type element, bool rank0 = false);
/// An integer scalar as a size, and back.
mlir::OpFoldResult getSize(Node &node, mlir::Value scalar);
mlir::Value createScalarFromSize(Node &node, mlir::OpFoldResult size, mlir::Type element);

/// The elements of a constant integer tensor of rank 0 or 1, or nothing.
std::optional<llvm::SmallVector<int64_t>> getConstantInts(mlir::Value tensor);
/// The constant that defines `tensor`, or null.
mlir::ElementsAttr getConstant(mlir::Value tensor);
/// The same elements with signless integers; a resource keeps its blob. Null when that cannot be.
mlir::ElementsAttr getSignlessElements(mlir::ElementsAttr elements);
/// The bytes of a constant, in row-major order: a view into its blob, or `storage`, filled when it is a splat. Nothing
/// when the constant cannot be read.
std::optional<llvm::ArrayRef<char>> getConstantBytes(mlir::ElementsAttr constant, llvm::SmallVector<char> &storage);

/// `axis` in 0..rank-1, or an error when it is out of range.
mlir::FailureOr<int64_t> normalizeAxis(Node &node, int64_t axis, int64_t rank);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_BUILD_H
