//===- Quantize.cpp - QuantizeLinear, DequantizeLinear and their kin ------===//
//
// A scale and a zero point belong to the tensor, to an index of an axis, or to a block of indices of an axis. What
// DequantizeLinear makes of a constant is remembered, so that a product with it can be a lookup.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Elementwise.h"
#include "lib/Conversion/ONNXToLowbit/QuantizedWeight.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "lib/Conversion/ONNXToLowbit/SmallTypes.h"
#include "lib/Conversion/ONNXToLowbit/WeightParts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lutra {
namespace {

/// How scales belong to elements.
struct Sharing {
  /// -1: one for the whole tensor.
  int64_t axis = -1;
  /// 0: one for each index of the axis.
  int64_t block = 0;
};

FailureOr<Sharing> getSharing(Node &node, Value scale) {
  RankedTensorType type = node.getInputType(0), scaleType = cast<RankedTensorType>(scale.getType());
  Sharing sharing;
  sharing.block = node.getInt("block_size", 0);
  if (sharing.block < 0)
    return node.error() << "attribute 'block_size' must not be negative, but is " << sharing.block;
  if (sharing.block == 0 &&
      (scaleType.getRank() == 0 || (scaleType.hasStaticShape() && scaleType.getNumElements() == 1)))
    return sharing;
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 1), type.getRank());
  if (failed(axis))
    return failure();
  sharing.axis = *axis;
  int64_t rank = sharing.block ? type.getRank() : 1;
  if (scaleType.getRank() != rank)
    return node.error() << "the scale must have " << rank << " dimensions, but is " << scaleType;
  if (!sharing.block)
    return sharing;
  for (auto [dim, size, own] : llvm::enumerate(type.getShape(), scaleType.getShape())) {
    bool isBlocked = static_cast<int64_t>(dim) == sharing.axis;
    int64_t wanted = ShapedType::isDynamic(size) || !isBlocked ? size : llvm::divideCeil(size, sharing.block);
    if (ShapedType::isDynamic(own) || ShapedType::isDynamic(wanted) || own != wanted)
      return node.error() << "the scale of blocks of " << sharing.block << " along axis " << sharing.axis
                          << " must have the static sizes of " << type << " in blocks, but is " << scaleType;
  }
  return sharing;
}

/// A scale or zero point, broadcast to the elements of input 0.
FailureOr<Value> spread(Node &node, Value parameter, const Sharing &sharing) {
  Dims dims = node.getDims(node.getInput(0));
  if (sharing.axis < 0)
    return buildReshape(node, parameter, {});
  if (sharing.block == 0) {
    Dims own(dims.size(), node.getIndexAttr(1));
    FailureOr<OpFoldResult> size = node.unify(dims[sharing.axis], node.getDims(parameter)[0],
                                              "sizes of the input along its axis and of the scale");
    if (failed(size))
      return failure();
    own[sharing.axis] = *size;
    return buildReshape(node, node.refine(parameter, {*size}), own);
  }
  Type element = cast<RankedTensorType>(parameter.getType()).getElementType();
  return buildGenerate(node, dims, element, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    SmallVector<Value> from(at);
    from[sharing.axis] = arith::DivUIOp::create(b, at[sharing.axis], arith::ConstantIndexOp::create(b, sharing.block));
    return tensor::ExtractOp::create(b, parameter, from);
  });
}

/// Refuses zero points of floats that are not all zero.
LogicalResult requireNoZeros(Node &node, Value zeros) {
  ElementsAttr constant = getConstant(zeros);
  // What is not known when compiling is subtracted.
  if (!constant)
    return success();
  auto bits = cast<RankedTensorType>(zeros.getType()).getElementTypeBitWidth();
  std::optional<SmallVector<char>> codes = unpackCodes(constant, /*isUnsigned=*/true);
  unsigned magnitude = (1u << (bits - 1)) - 1;
  if (codes && llvm::all_of(*codes, [&](char code) { return (static_cast<uint8_t>(code) & magnitude) == 0; }))
    return success();
  return node.error() << "input 'x_zero_point' must be zeros, as 'x' is of floats";
}

bool isZeroConstant(Value value) {
  auto splat = dyn_cast_if_present<SplatElementsAttr>(getConstant(value));
  return splat && isa<IntegerType>(splat.getElementType()) && splat.getSplatValue<APInt>().isZero();
}

/// The type that DequantizeLinear's result has: `output_dtype`, or else the scale's.
FailureOr<Type> getResultType(Node &node) {
  Type small = node.getSmallType(node.getInput(1));
  Type scale = small ? small : node.getInputType(1).getElementType();
  bool isPower = isa<Float8E8M0FNUType>(scale);
  if (!isPower && failed(node.requireElement(1, {node.getF32Type(), node.getF16Type(), node.getBF16Type()})))
    return failure();
  int64_t code = node.getInt("output_dtype", 0);
  if (code == 0 && isPower)
    return node.error() << "attribute 'output_dtype' is required, as scales of type " << scale << " are no results";
  Type result = code ? getElementType(node, code) : scale;
  if (result && (result.isF32() || result.isF16() || result.isBF16()))
    return result;
  return node.error() << "attribute 'output_dtype' must be 1 (float), 10 (float16) or 16 (bfloat16), but is " << code;
}

/// `value` in f32: a constant where it is one.
FailureOr<Value> widen(Node &node, Value value) {
  if (node.getSmallType(value))
    return buildNumbers(node, value);
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  if (element.isF32())
    return value;
  if (ElementsAttr constant = getConstant(value))
    if (ElementsAttr wide = widenElements(constant))
      return Value(arith::ConstantOp::create(node, cast<TypedAttr>(wide)));
  return buildElementwise(node, value, node.getF32Type(), [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return arith::ExtFOp::create(b, b.getF32Type(), x[0]);
  });
}

/// The element type of a value, that of the codes where its elements are codes.
Type getStoredElement(Node &node, Value value) {
  Type small = node.getSmallType(value);
  return small ? small : cast<RankedTensorType>(value.getType()).getElementType();
}

/// What a product may know about the result: nothing when a part of it is not constant.
std::optional<QuantizedConstant> getQuantizedConstant(Node &node, Value zeros, const Sharing &sharing) {
  QuantizedConstant result = {getConstant(node.getInput(0)),
                              getConstant(node.getInput(1)),
                              {},
                              {},
                              node.isUnsigned(node.getInput(0)),
                              sharing.axis,
                              sharing.block};
  // Scales that are quantized themselves, with one scale for all of them (NVFP4).
  const QuantizedConstant *inner = node.getQuantized(node.getInput(1));
  if (inner && !inner->isTransposed && !inner->zeros && !inner->globalScale &&
      isa<Float8E4M3FNType>(inner->codes.getElementType()) && inner->scales.getNumElements() == 1 &&
      inner->scales.getElementType().isF32()) {
    result.scales = inner->codes;
    result.globalScale = inner->scales;
  }
  if (zeros)
    result.zeros = getConstant(zeros);
  if (!result.codes || !result.scales || (zeros && !result.zeros))
    return std::nullopt;
  return result;
}

/// (x - zero) scale.
LogicalResult lowerDequantizeLinear(Node &node) {
  if (failed(node.check({"x", "x_scale", "x_zero_point?"}, {"y"}, {"axis:i", "block_size:i", "output_dtype:i"})))
    return failure();
  Type f32 = node.getF32Type(), i32 = node.getI32Type();
  FailureOr<Type> to = getResultType(node);
  if (failed(to))
    return failure();
  Value input = node.getInput(0);
  bool isUnsigned = node.isUnsigned(input);
  FailureOr<Sharing> sharing = getSharing(node, node.getInput(1));
  FailureOr<Value> codes = buildNumbers(node, input), wideScale = widen(node, node.getInput(1));
  if (failed(sharing) || failed(codes) || failed(wideScale))
    return failure();
  Type element = cast<RankedTensorType>(codes->getType()).getElementType();
  if (!element.isF32() && !(element.isInteger() && element.getIntOrFloatBitWidth() >= 8))
    return node.error() << "input 'x' must be integers or floats of 4 or 8 bits, but is " << node.getInputType(0);
  FailureOr<Value> scale = spread(node, *wideScale, *sharing);
  if (failed(scale))
    return failure();
  SmallVector<Value> operands = {*codes, *scale};
  Value zeros = node.getInput(2);
  if (zeros && getStoredElement(node, zeros) != getStoredElement(node, input))
    return node.error() << "input 'x_zero_point' must be of the type of 'x', " << node.getInputType(0) << ", but is "
                        << zeros.getType();
  if (zeros && !element.isInteger() && failed(requireNoZeros(node, zeros)))
    return failure();
  bool hasZeros = zeros && (element.isInteger() ? !isZeroConstant(zeros) : !getConstant(zeros));
  if (hasZeros) {
    FailureOr<Value> wide = buildNumbers(node, zeros);
    FailureOr<Value> zero = failed(wide) ? wide : spread(node, *wide, *sharing);
    if (failed(zero))
      return failure();
    operands.push_back(*zero);
  }
  FailureOr<Value> result = buildElementwise(node, operands, *to, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value number = x[0];
    if (x.size() == 3 && !element.isInteger())
      number = arith::SubFOp::create(b, x[0], x[2]);
    else if (x.size() == 3)
      number = arith::SubIOp::create(b, createCast(b, x[0], isUnsigned, i32, false),
                                     createCast(b, x[2], isUnsigned, i32, false));
    number = createCast(b, number, isUnsigned && x.size() == 2, f32, false);
    return createCast(b, arith::MulFOp::create(b, number, x[1]), false, *to, false);
  });
  if (failed(result))
    return failure();
  if (auto constant = getQuantizedConstant(node, hasZeros ? zeros : Value(), *sharing))
    node.setQuantized(*result, *constant);
  return node.setOutput(0, *result, /*isUnsigned=*/false);
}

/// clamp(round(x / scale) + zero) in the range of the integer type `to`, in its bytes; `zero` may be null.
Value createCode(ImplicitLocOpBuilder &b, Value quotient, Value zero, Type to, bool isUnsigned) {
  unsigned bits = to.getIntOrFloatBitWidth();
  double low = isUnsigned ? 0 : -static_cast<double>(1 << (bits - 1));
  double high = isUnsigned ? (1 << bits) - 1 : (1 << (bits - 1)) - 1;
  Value rounded = math::RoundEvenOp::create(b, quotient);
  if (zero)
    rounded = arith::AddFOp::create(b, rounded, createCast(b, zero, isUnsigned, b.getF32Type(), false));
  Value above = arith::MaximumFOp::create(b, rounded, createScalar(b, b.getF32Type(), low));
  Value within = arith::MinimumFOp::create(b, above, createScalar(b, b.getF32Type(), high));
  if (isSmallType(to))
    return createSmallInteger(b, createCast(b, within, false, b.getI8Type(), isUnsigned), cast<IntegerType>(to));
  return createCast(b, within, false, to, isUnsigned);
}

LogicalResult lowerQuantizeLinear(Node &node) {
  if (failed(node.check({"x", "y_scale", "y_zero_point?"}, {"y"},
                        {"axis:i", "block_size:i", "output_dtype:i", "saturate:i", "precision:i"})) ||
      failed(node.requireF32(0)) || failed(node.requireF32(1)))
    return failure();
  int64_t precision = node.getInt("precision", 0);
  if (precision != 0 && precision != 1)
    return node.error() << "attribute 'precision' must be 0 or 1 (float32), but is " << precision;
  Type to = node.getIntegerType(8);
  bool isUnsigned = true;
  if (node.hasInput(2)) {
    to = getStoredElement(node, node.getInput(2));
    isUnsigned = node.isUnsigned(node.getInput(2));
  } else if (int64_t code = node.getInt("output_dtype", 0)) {
    Type declared = getElementType(node, code);
    if (!declared)
      return node.error() << "attribute 'output_dtype' = " << code
                          << " is not supported: integers of 2 to 16 bits and floats of 4 and 8 are";
    isUnsigned = declared.isUnsignedInteger();
    to = getSignless(declared);
  }
  if (!(to.isInteger(8) || to.isInteger(16) || isSmallType(to)) || isa<Float8E8M0FNUType>(to))
    return node.error() << "quantizing to " << to
                        << " is not supported: integers of 2 to 16 bits and floats of 4 and 8 are";
  FailureOr<Sharing> sharing = getSharing(node, node.getInput(1));
  if (failed(sharing))
    return failure();
  FailureOr<Value> scale = spread(node, node.getInput(1), *sharing);
  if (failed(scale))
    return failure();
  SmallVector<Value> operands = {node.getInput(0), *scale};
  if (node.hasInput(2) && !isZeroConstant(node.getInput(2))) {
    FailureOr<Value> numbers = buildNumbers(node, node.getInput(2));
    FailureOr<Value> zero = failed(numbers) ? numbers : spread(node, *numbers, *sharing);
    if (failed(zero))
      return failure();
    operands.push_back(*zero);
  }
  SmallRounding rounding;
  rounding.isSaturated = node.getInt("saturate", 1) != 0;
  Type stored = isSmallType(to) ? node.getI8Type() : to;
  FailureOr<Value> codes = buildElementwise(node, operands, stored, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value quotient = arith::DivFOp::create(b, x[0], x[1]), zero = x.size() == 3 ? x[2] : Value();
    auto number = dyn_cast<FloatType>(to);
    if (!number)
      return createCode(b, quotient, zero, to, isUnsigned);
    if (zero)
      quotient = arith::AddFOp::create(b, quotient, zero);
    return createSmallFloat(b, quotient, number, rounding);
  });
  if (failed(codes))
    return failure();
  if (isSmallType(to))
    node.setSmallType(*codes, to);
  return node.setOutput(0, *codes, isUnsigned);
}

/// One number of all elements, starting from 0.
template <typename OpTy>
Value reduceAll(Node &node, Value input) {
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, cast<RankedTensorType>(input.getType()).getRank()));
  return buildReduce(node, input, axes, node.getF32FloatAttr(0.0f),
                     [](ImplicitLocOpBuilder &b, ValueRange x) -> Value { return OpTy::create(b, x[0], x[1]); });
}

/// uint8 codes of x, with the scale and zero point of its range, which is made to hold 0.
LogicalResult lowerDynamicQuantizeLinear(Node &node) {
  if (failed(node.check({"x"}, {"y", "y_scale", "y_zero_point"}, {})) || failed(node.requireF32(0)))
    return failure();
  Value input = node.getInput(0);
  Type f32 = node.getF32Type(), i8 = node.getI8Type();
  Value low = reduceAll<arith::MinimumFOp>(node, input), high = reduceAll<arith::MaximumFOp>(node, input);
  FailureOr<Value> scale = buildElementwise(node, {low, high}, f32, [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value span = arith::SubFOp::create(b, x[1], x[0]), zero = createScalar(b, x[0].getType(), 0);
    Value isFlat = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, span, zero);
    Value scale = arith::DivFOp::create(b, span, createScalar(b, x[0].getType(), 255));
    return arith::SelectOp::create(b, isFlat, createScalar(b, x[0].getType(), 1), scale);
  });
  if (failed(scale))
    return failure();
  FailureOr<Value> zero = buildElementwise(node, {low, *scale}, i8, [&](ImplicitLocOpBuilder &b, ValueRange x) {
    Value shift = arith::NegFOp::create(b, arith::DivFOp::create(b, x[0], x[1]));
    return createCode(b, shift, {}, i8, /*isUnsigned=*/true);
  });
  if (failed(zero))
    return failure();
  FailureOr<Value> codes =
      buildElementwise(node, {input, *scale, *zero}, i8, [&](ImplicitLocOpBuilder &b, ValueRange x) {
        return createCode(b, arith::DivFOp::create(b, x[0], x[1]), x[2], i8, /*isUnsigned=*/true);
      });
  if (failed(codes))
    return failure();
  return failure(failed(node.setOutput(0, *codes, /*isUnsigned=*/true)) || failed(node.setOutput(1, *scale)) ||
                 failed(node.setOutput(2, *zero, /*isUnsigned=*/true)));
}

} // namespace

void addQuantize(Registry &registry) {
  registry.add("", "DequantizeLinear", lowerDequantizeLinear);
  registry.add("", "QuantizeLinear", lowerQuantizeLinear, Halves::InF32);
  registry.add("", "DynamicQuantizeLinear", lowerDynamicQuantizeLinear);
}

} // namespace lutra
