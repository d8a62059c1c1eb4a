//===- Norms.cpp - layer norms, with and without a residual sum -----------===//
//
// A norm over the last axis: a reduction to one statistic per row, its inverse root, and an elementwise product. A
// statistic is computed in f64 and rounded to f32 once (numerics.md, "Sums of floats"), so the order of its sum, which
// is free
// (`reassoc`, so that it vectorizes), is not seen in it; nothing else is relaxed.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Norms.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lutra {
namespace {

/// The mean over the last axis of `value`, or of its squares, in f64; one dimension less.
FailureOr<Value> buildRowMean(Node &node, Value value, bool ofSquares) {
  Dims dims = node.getDims(value);
  Type f64 = node.getF64Type();
  Value sum = buildReduce(node, value, static_cast<int64_t>(dims.size()) - 1, node.getF64FloatAttr(0.0),
                          [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
                            Value term = arith::ExtFOp::create(b, f64, x[0]);
                            if (ofSquares)
                              term = arith::MulFOp::create(b, term, term);
                            return createReassociableAdd(b, x[1], term);
                          });
  Value count = arith::SIToFPOp::create(node, f64, createScalarFromSize(node, dims.back(), node.getI64Type()));
  return buildElementwise(node, sum, f64, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return arith::DivFOp::create(b, x[0], count);
  });
}

/// `value` with one more dimension of size 1 at the end.
Value appendUnit(Node &node, Value value) {
  Dims dims = node.getDims(value);
  dims.push_back(node.getIndexAttr(1));
  return buildReshape(node, value, dims);
}

/// What a norm knows of each row: one dimension less than the rows have.
struct Statistics {
  /// `mean` is null for a norm that takes it as zero.
  Value mean, inverse;
};

/// (x - mean) / sqrt(variance + epsilon) scale + bias over the last axis; with `isSimplified` the mean counts as zero.
/// `bias` may be null.
FailureOr<Value> buildNorm(Node &node, Value x, Value scale, Value bias, bool isSimplified, float epsilon,
                           Statistics *statistics = nullptr) {
  Type f32 = node.getF32Type(), f64 = node.getF64Type();
  auto rounded = [&](FailureOr<Value> statistic, Body body) -> FailureOr<Value> {
    if (failed(statistic))
      return failure();
    return buildElementwise(node, *statistic, f32, [&](ImplicitLocOpBuilder &b, ValueRange e) -> Value {
      return arith::TruncFOp::create(b, f32, body(b, e));
    });
  };
  if (!isSimplified) {
    FailureOr<Value> mean = rounded(buildRowMean(node, x, /*ofSquares=*/false),
                                    [](ImplicitLocOpBuilder &, ValueRange e) -> Value { return e[0]; });
    if (failed(mean))
      return failure();
    FailureOr<Value> centered =
        buildElementwise(node, {x, appendUnit(node, *mean)}, f32, [](ImplicitLocOpBuilder &b, ValueRange e) -> Value {
          return arith::SubFOp::create(b, e[0], e[1]);
        });
    if (failed(centered))
      return failure();
    x = *centered;
    if (statistics)
      statistics->mean = *mean;
  }
  FailureOr<Value> inverse =
      rounded(buildRowMean(node, x, /*ofSquares=*/true), [&](ImplicitLocOpBuilder &b, ValueRange e) -> Value {
        Value sum = arith::AddFOp::create(b, e[0], createScalar(b, f64, epsilon));
        return arith::DivFOp::create(b, createScalar(b, f64, 1.0), math::SqrtOp::create(b, sum));
      });
  if (failed(inverse))
    return failure();
  if (statistics)
    statistics->inverse = *inverse;
  SmallVector<Value> operands = {x, appendUnit(node, *inverse), scale};
  if (bias)
    operands.push_back(bias);
  return buildElementwise(node, operands, f32, [](ImplicitLocOpBuilder &b, ValueRange e) -> Value {
    Value result = arith::MulFOp::create(b, arith::MulFOp::create(b, e[0], e[1]), e[2]);
    return e.size() == 4 ? Value(arith::AddFOp::create(b, result, e[3])) : result;
  });
}

/// Refuses parameters that do not have the length of the rows.
LogicalResult requireRows(Node &node, ArrayRef<unsigned> parameters) {
  RankedTensorType type = node.getInputType(0);
  if (type.getRank() < 1)
    return node.error() << "input '" << node.getInputName(0) << "' must have at least one dimension, but is " << type;
  for (unsigned index : parameters)
    if (failed(node.requireF32(index)) || failed(node.requireShape(index, type.getShape().back())))
      return failure();
  return node.requireF32(0);
}

/// The norm of input 0 over its dimensions from `axis` on, which become one row; parameters have its shape.
LogicalResult lowerNorm(Node &node, bool isSimplified) {
  for (unsigned index : {0u, 1u, 2u})
    if (failed(node.requireF32(index)))
      return failure();
  Value input = node.getInput(0);
  Dims dims = node.getDims(input);
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", -1), dims.size());
  if (failed(axis))
    return failure();
  auto row = ArrayRef<OpFoldResult>(dims).drop_front(*axis);
  Dims flat(ArrayRef<OpFoldResult>(dims).take_front(*axis));
  flat.push_back(multiplySizes(node, row));
  Value parameters[2];
  for (unsigned i : {0u, 1u}) {
    if (!node.hasInput(i + 1))
      continue;
    Dims own = node.getDims(node.getInput(i + 1));
    if (own.size() != row.size())
      return node.error() << "input '" << node.getInputName(i + 1)
                          << "' must have the shape of the normalized dimensions of " << node.getInputType(0)
                          << ", but is " << node.getInputType(i + 1);
    for (auto [dim, a, b] : llvm::enumerate(own, row))
      if (failed(node.unify(
              a, b, "dimension " + Twine(dim) + " of input '" + node.getInputName(i + 1) + "' and of the rows")))
        return failure();
    parameters[i] = row.size() == 1 ? node.getInput(i + 1) : buildReshape(node, node.getInput(i + 1), flat.back());
  }
  Statistics statistics;
  FailureOr<Value> result = buildNorm(node, row.size() == 1 ? input : buildReshape(node, input, flat), parameters[0],
                                      parameters[1], isSimplified, node.getFloat("epsilon", 1e-5f), &statistics);
  if (failed(result) || failed(node.setOutput(0, buildReshape(node, *result, dims))))
    return failure();
  // Mean and the inverse deviation, or the latter alone; in the type of the computation, which `stash_type` says is
  // f32.
  Dims perRow(ArrayRef<OpFoldResult>(dims).take_front(*axis));
  perRow.append(row.size(), node.getIndexAttr(1));
  unsigned index = 1;
  for (Value statistic : {statistics.mean, statistics.inverse})
    if (statistic && index < node.getNumOutputs() &&
        failed(node.setOutput(index++, buildReshape(node, statistic, perRow), std::nullopt, /*isRounded=*/false)))
      return failure();
  return success();
}

LogicalResult lowerSimplifiedLayerNorm(Node &node) {
  if (failed(node.check({"X", "scale"}, {"Y", "inv_std_var?"}, {"axis:i", "epsilon:f", "stash_type:i"})) ||
      failed(node.requireInt("stash_type", 1)))
    return failure();
  return lowerNorm(node, /*isSimplified=*/true);
}

LogicalResult lowerLayerNorm(Node &node) {
  if (failed(node.check({"X", "Scale", "B?"}, {"Y", "Mean?", "InvStdDev?"}, {"axis:i", "epsilon:f", "stash_type:i"})) ||
      failed(node.requireInt("stash_type", 1)))
    return failure();
  return lowerNorm(node, /*isSimplified=*/false);
}

/// s = input + skip (+ bias); outputs: the norm of s, and s at index 3.
LogicalResult lowerSkipNorm(Node &node, Value beta, Value bias, bool isSimplified) {
  Value input = node.getInput(0), skip = node.getInput(1);
  RankedTensorType type = node.getInputType(0);
  if (failed(node.requireF32(1)) || failed(node.requireRank(1, type.getRank())) ||
      failed(node.requireShape(1, type.getShape())))
    return failure();
  SmallVector<Value> operands = {input, skip};
  if (bias)
    operands.push_back(bias);
  FailureOr<Value> sum =
      buildElementwise(node, operands, node.getF32Type(), [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
        Value result = arith::AddFOp::create(b, x[0], x[1]);
        return x.size() == 3 ? Value(arith::AddFOp::create(b, result, x[2])) : result;
      });
  if (failed(sum))
    return failure();
  FailureOr<Value> result =
      buildNorm(node, *sum, node.getInput(2), beta, isSimplified, node.getFloat("epsilon", 1e-12f));
  if (failed(result) || failed(node.setOutput(0, *result)))
    return failure();
  return node.setOutput(3, *sum);
}

static constexpr StringRef skipOutputs[] = {"output", "mean!", "inv_std_var!", "input_skip_bias_sum?"};

LogicalResult lowerSkipSimplifiedLayerNorm(Node &node) {
  if (failed(node.check({"input", "skip", "gamma", "bias?"}, skipOutputs, {"epsilon:f"})) ||
      failed(requireRows(node, {2, 3})))
    return failure();
  return lowerSkipNorm(node, {}, node.getInput(3), /*isSimplified=*/true);
}

LogicalResult lowerSkipLayerNorm(Node &node) {
  if (failed(node.check({"input", "skip", "gamma", "beta?", "bias?"}, skipOutputs, {"epsilon:f"})) ||
      failed(requireRows(node, {2, 3, 4})))
    return failure();
  return lowerSkipNorm(node, node.getInput(3), node.getInput(4), /*isSimplified=*/false);
}

} // namespace

FailureOr<Value> buildRmsNorm(Node &node, Value x, Value scale, float epsilon) {
  return buildNorm(node, x, scale, {}, /*isSimplified=*/true, epsilon);
}

void addNorms(Registry &registry) {
  // ONNX Runtime registers SimplifiedLayerNormalization in the standard domain; RMSNormalization is opset 23's name for
  // it.
  registry.add({"SimplifiedLayerNormalization", "RMSNormalization"}, lowerSimplifiedLayerNorm, Halves::InF32);
  registry.add(microsoftDomain, "SimplifiedLayerNormalization", lowerSimplifiedLayerNorm, Halves::InF32);
  registry.add("", "LayerNormalization", lowerLayerNorm, Halves::InF32);
  registry.add(microsoftDomain, "SkipSimplifiedLayerNormalization", lowerSkipSimplifiedLayerNorm, Halves::InF32);
  registry.add(microsoftDomain, "SkipLayerNormalization", lowerSkipLayerNorm, Halves::InF32);
}

} // namespace lutra
