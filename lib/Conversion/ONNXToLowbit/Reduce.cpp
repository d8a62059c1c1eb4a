//===- Reduce.cpp - ReduceSum, ReduceMean, ReduceMax and Softmax ----------===//
//
// f32 is summed in f64, in any order, and rounded once (numerics.md, "Sums of floats").
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lutra {
namespace {

enum class Reduction { Sum, Mean, Max, Min };

/// What a reduction of `element` accumulates in.
Type getAccumulator(Builder &builder, Reduction kind, Type element) {
  bool isSum = kind == Reduction::Sum || kind == Reduction::Mean;
  return isSum && isa<FloatType>(element) ? Type(builder.getF64Type()) : element;
}

/// The value that a reduction starts from. Of bools, the greatest is "or" and the least "and".
TypedAttr getInitial(Builder &builder, Reduction kind, Type element, bool isUnsigned = false) {
  bool isMax = kind == Reduction::Max;
  if (!isMax && kind != Reduction::Min)
    return builder.getZeroAttr(getAccumulator(builder, kind, element));
  if (auto type = dyn_cast<FloatType>(element))
    return builder.getFloatAttr(type, APFloat::getInf(type.getFloatSemantics(), /*Negative=*/isMax));
  unsigned width = element.getIntOrFloatBitWidth();
  if (isUnsigned || width == 1)
    return builder.getIntegerAttr(element, isMax ? APInt::getMinValue(width) : APInt::getMaxValue(width));
  return builder.getIntegerAttr(element, isMax ? APInt::getSignedMinValue(width) : APInt::getSignedMaxValue(width));
}

Value createStep(ImplicitLocOpBuilder &b, Reduction kind, Value x, Value y, bool isUnsigned = false) {
  bool isFloat = isa<FloatType>(x.getType());
  isUnsigned |= x.getType().isInteger(1);
  switch (kind) {
  case Reduction::Max:
    if (isFloat)
      return arith::MaximumFOp::create(b, x, y);
    return isUnsigned ? Value(arith::MaxUIOp::create(b, x, y)) : Value(arith::MaxSIOp::create(b, x, y));
  case Reduction::Min:
    if (isFloat)
      return arith::MinimumFOp::create(b, x, y);
    return isUnsigned ? Value(arith::MinUIOp::create(b, x, y)) : Value(arith::MinSIOp::create(b, x, y));
  case Reduction::Sum:
  case Reduction::Mean:
    return isFloat ? createReassociableAdd(b, arith::ExtFOp::create(b, y.getType(), x), y)
                   : Value(arith::AddIOp::create(b, x, y));
  }
  llvm_unreachable("a reduction");
}

/// The axes that the node reduces, sorted: an input since opset 13 (ReduceSum) or 18, an attribute before. No axes
/// means all of them, or none when noop_with_empty_axes.
FailureOr<SmallVector<int64_t>> getAxes(Node &node) {
  int64_t rank = node.getInputType(0).getRank();
  SmallVector<int64_t> axes;
  if (node.hasInput(1)) {
    std::optional<SmallVector<int64_t>> constant = getConstantInts(node.getInput(1));
    if (!constant)
      return node.error() << "input 'axes' must be a constant list of integers";
    axes = *constant;
  } else {
    axes = node.getInts("axes").value_or(SmallVector<int64_t>());
  }
  for (int64_t &axis : axes) {
    FailureOr<int64_t> normalized = normalizeAxis(node, axis, rank);
    if (failed(normalized))
      return failure();
    axis = *normalized;
  }
  if (axes.empty() && !node.getInt("noop_with_empty_axes"))
    axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  llvm::sort(axes);
  axes.erase(llvm::unique(axes), axes.end());
  return axes;
}

template <Reduction kind>
LogicalResult lowerReduce(Node &node) {
  Type f32 = node.getF32Type(), i64 = node.getI64Type();
  if (failed(node.check({"data", "axes?"}, {"reduced"}, {"axes:is", "keepdims:i", "noop_with_empty_axes:i"})))
    return failure();
  bool isExtremum = kind == Reduction::Max || kind == Reduction::Min;
  if (failed(kind == Reduction::Mean ? node.requireF32(0) : node.requireNumber(0, /*allowBool=*/isExtremum)))
    return failure();
  bool isUnsigned = node.isUnsigned(node.getInput(0));
  FailureOr<SmallVector<int64_t>> axes = getAxes(node);
  if (failed(axes))
    return failure();
  if (axes->empty())
    return node.setOutput(0, node.getInput(0));

  Value data = node.getInput(0);
  Type element = node.getInputType(0).getElementType();
  Value reduced = buildReduce(node, data, *axes, getInitial(node, kind, element, isUnsigned),
                              [&](ImplicitLocOpBuilder &b, ValueRange x) {
                                return createStep(b, kind, x[0], x[1], isUnsigned);
                              });
  Dims sizes = node.getDims(data), count, kept;
  for (auto [index, size] : llvm::enumerate(sizes)) {
    bool isReduced = llvm::is_contained(*axes, static_cast<int64_t>(index));
    if (isReduced)
      count.push_back(size);
    if (!isReduced || node.getInt("keepdims", 1))
      kept.push_back(isReduced ? OpFoldResult(node.getIndexAttr(1)) : size);
  }
  if (Type accumulator = getAccumulator(node, kind, element); accumulator != element) {
    Value divisor;
    if (kind == Reduction::Mean)
      divisor = arith::SIToFPOp::create(node, accumulator, createScalarFromSize(node, multiplySizes(node, count), i64));
    FailureOr<Value> rounded = buildElementwise(node, reduced, f32, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
      Value sum = divisor ? Value(arith::DivFOp::create(b, x[0], divisor)) : x[0];
      return arith::TruncFOp::create(b, f32, sum);
    });
    if (failed(rounded))
      return failure();
    reduced = *rounded;
  }
  return node.setOutput(0, buildReshape(node, reduced, kept));
}

/// exp(x - max) / sum exp(x - max) along one axis.
LogicalResult lowerSoftmax(Node &node) {
  if (failed(node.check({"input"}, {"output"}, {"axis:i"})) || failed(node.requireF32(0)))
    return failure();
  Value input = node.getInput(0);
  int64_t rank = node.getInputType(0).getRank();
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", node.getVersion() < 13 ? 1 : -1), rank);
  if (failed(axis))
    return failure();
  if (node.getVersion() < 13 && *axis != rank - 1)
    return node.error() << "before opset 13, only the last axis is supported, but axis is " << *axis
                        << ": convert the model to opset 13 or newer";
  Type f32 = node.getF32Type();
  Dims kept = node.getDims(input);
  kept[*axis] = node.getIndexAttr(1);
  auto reduce = [&](Value value, Reduction kind) {
    Value reduced = buildReduce(node, value, *axis, getInitial(node, kind, f32),
                                [&](ImplicitLocOpBuilder &b, ValueRange x) { return createStep(b, kind, x[0], x[1]); });
    return buildReshape(node, reduced, kept);
  };
  FailureOr<Value> exps = buildElementwise(node, {input, reduce(input, Reduction::Max)}, f32,
                                           [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
                                             return math::ExpOp::create(b, arith::SubFOp::create(b, x[0], x[1]));
                                           });
  if (failed(exps))
    return failure();
  FailureOr<Value> result = buildElementwise(
      node, {*exps, reduce(*exps, Reduction::Sum)}, f32,
      [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
        return arith::DivFOp::create(b, x[0], arith::TruncFOp::create(b, f32, x[1]));
      });
  if (failed(result))
    return failure();
  return node.setOutput(0, *result);
}

} // namespace

void addReduce(Registry &registry) {
  registry.add("", "ReduceSum", lowerReduce<Reduction::Sum>, Halves::InF32);
  registry.add("", "ReduceMean", lowerReduce<Reduction::Mean>, Halves::InF32);
  registry.add("", "ReduceMin", lowerReduce<Reduction::Min>, Halves::InF32);
  registry.add("", "ReduceMax", lowerReduce<Reduction::Max>, Halves::InF32);
  registry.add("", "Softmax", lowerSoftmax, Halves::InF32);
}

} // namespace lutra
