//===- Elementwise.cpp - operators that work element by element -----------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lutra {
namespace {

/// Builds `body` over `operands` as output 0.
LogicalResult setElementwise(Node &node, ValueRange operands, Type element, Body body,
                             std::optional<bool> isUnsigned = std::nullopt) {
  FailureOr<Value> result = buildElementwise(node, operands, element, body);
  if (failed(result))
    return failure();
  return node.setOutput(0, *result, isUnsigned);
}

/// Refuses inputs of other element types than `allowed`, or of types that differ from the first one's.
LogicalResult requireSameElements(Node &node, ArrayRef<Type> allowed, unsigned first = 0) {
  for (unsigned i = first; i < node.getNumInputs(); ++i)
    if (failed(
            node.requireElement(i, i == first ? allowed : ArrayRef<Type>(node.getInputType(first).getElementType()))))
      return failure();
  return success();
}

template <typename FloatOp, typename IntOp>
LogicalResult lowerBinary(Node &node) {
  Type f32 = node.getF32Type(), i64 = node.getI64Type(), i32 = node.getI32Type();
  if (failed(node.check({"A", "B"}, {"C"}, {})) || failed(requireSameElements(node, {f32, i64, i32})))
    return failure();
  Type element = node.getInputType(0).getElementType();
  return setElementwise(node, node.getInputs(), element, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    if (isa<FloatType>(element))
      return b.createOrFold<FloatOp>(x[0], x[1]);
    return b.createOrFold<IntOp>(x[0], x[1]);
  });
}

LogicalResult lowerPow(Node &node) {
  Type f32 = node.getF32Type(), i64 = node.getI64Type(), i32 = node.getI32Type();
  if (failed(node.check({"X", "Y"}, {"Z"}, {})) || failed(node.requireF32(0)) ||
      failed(node.requireElement(1, {f32, i64, i32})))
    return failure();
  bool isFloatPower = node.getInputType(1).getElementType() == f32;
  // A constant power of 2, as in a mean of squares, is a product.
  auto power = dyn_cast_if_present<SplatElementsAttr>(getConstant(node.getInput(1)));
  bool isSquare = power && (isFloatPower ? power.getSplatValue<APFloat>().isExactlyValue(2.0)
                                         : power.getSplatValue<APInt>().getSExtValue() == 2);
  return setElementwise(node, node.getInputs(), f32, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    if (isSquare)
      return arith::MulFOp::create(b, x[0], x[0]);
    return math::PowFOp::create(b, x[0], isFloatPower ? x[1] : Value(arith::SIToFPOp::create(b, f32, x[1])));
  });
}

template <typename OpTy>
LogicalResult lowerUnary(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {})) || failed(node.requireF32(0)))
    return failure();
  return setElementwise(node, node.getInputs(), node.getF32Type(),
                        [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value { return OpTy::create(b, x[0]); });
}

/// 1 / (1 + exp(-x)).
Value createSigmoid(ImplicitLocOpBuilder &b, Value x) {
  Value one = createScalar(b, x.getType(), 1.0);
  Value exp = math::ExpOp::create(b, arith::NegFOp::create(b, x));
  return arith::DivFOp::create(b, one, arith::AddFOp::create(b, one, exp));
}

LogicalResult lowerSigmoid(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {})) || failed(node.requireF32(0)))
    return failure();
  return setElementwise(node, node.getInputs(), node.getF32Type(),
                        [](ImplicitLocOpBuilder &b, ValueRange x) { return createSigmoid(b, x[0]); });
}

LogicalResult lowerRelu(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {})) || failed(node.requireF32(0)))
    return failure();
  return setElementwise(node, node.getInputs(), node.getF32Type(), [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return arith::MaximumFOp::create(b, x[0], createScalar(b, x[0].getType(), 0.0));
  });
}

LogicalResult lowerReciprocal(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {})) || failed(node.requireF32(0)))
    return failure();
  return setElementwise(node, node.getInputs(), node.getF32Type(), [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return arith::DivFOp::create(b, createScalar(b, x[0].getType(), 1.0), x[0]);
  });
}

LogicalResult lowerNeg(Node &node) {
  Type f32 = node.getF32Type(), i64 = node.getI64Type(), i32 = node.getI32Type();
  if (failed(node.check({"X"}, {"Y"}, {})) || failed(node.requireElement(0, {f32, i64, i32})))
    return failure();
  Type element = node.getInputType(0).getElementType();
  return setElementwise(node, node.getInputs(), element, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    if (isa<FloatType>(element))
      return arith::NegFOp::create(b, x[0]);
    return b.createOrFold<arith::SubIOp>(createScalar(b, element, 0), x[0]);
  });
}

/// Min and Max of any number of operands.
template <typename FloatOp, typename IntOp>
LogicalResult lowerExtremum(Node &node) {
  Type f32 = node.getF32Type(), i64 = node.getI64Type(), i32 = node.getI32Type();
  if (failed(node.check({"data*"}, {"result"}, {})) || failed(requireSameElements(node, {f32, i64, i32})))
    return failure();
  Type element = node.getInputType(0).getElementType();
  return setElementwise(node, node.getInputs(), element, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value result = x[0];
    for (Value other : x.drop_front())
      result = isa<FloatType>(element) ? b.createOrFold<FloatOp>(result, other) : b.createOrFold<IntOp>(result, other);
    return result;
  });
}

LogicalResult lowerClip(Node &node) {
  if (failed(node.check({"input", "min?", "max?"}, {"output"}, {"min:f", "max:f"})) || failed(node.requireF32(0)) ||
      failed(node.requireF32(1)) || failed(node.requireF32(2)))
    return failure();
  SmallVector<Value> operands = {node.getInput(0)};
  for (unsigned i : {1u, 2u})
    if (node.hasInput(i))
      operands.push_back(node.getInput(i));
  bool hasMin = node.hasInput(1), hasMax = node.hasInput(2);
  return setElementwise(node, operands, node.getF32Type(), [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value result = x[0];
    auto limit = [&](bool isInput, StringRef attribute, unsigned position) -> Value {
      if (isInput)
        return x[position];
      return node.getAttr(attribute) ? createScalar(b, result.getType(), node.getFloat(attribute, 0)) : Value();
    };
    if (Value low = limit(hasMin, "min", 1))
      result = arith::MaximumFOp::create(b, result, low);
    if (Value high = limit(hasMax, "max", hasMin ? 2 : 1))
      result = arith::MinimumFOp::create(b, result, high);
    return result;
  });
}

/// Less, Equal and the like: ordered comparisons, false for NaN.
template <arith::CmpFPredicate floatPredicate, arith::CmpIPredicate intPredicate>
LogicalResult lowerCompare(Node &node) {
  Type f32 = node.getF32Type(), i64 = node.getI64Type(), i32 = node.getI32Type(), i1 = node.getI1Type();
  if (failed(node.check({"A", "B"}, {"C"}, {})) || failed(requireSameElements(node, {f32, i64, i32, i1})))
    return failure();
  bool isFloat = isa<FloatType>(node.getInputType(0).getElementType());
  return setElementwise(node, node.getInputs(), i1, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    if (isFloat)
      return arith::CmpFOp::create(b, floatPredicate, x[0], x[1]);
    return arith::CmpIOp::create(b, intPredicate, x[0], x[1]);
  });
}

template <typename OpTy>
LogicalResult lowerLogical(Node &node) {
  if (failed(node.check({"A", "B"}, {"C"}, {})) || failed(requireSameElements(node, {node.getI1Type()})))
    return failure();
  return setElementwise(node, node.getInputs(), node.getI1Type(),
                        [](ImplicitLocOpBuilder &b, ValueRange x) -> Value { return OpTy::create(b, x[0], x[1]); });
}

LogicalResult lowerNot(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {})) || failed(node.requireElement(0, {node.getI1Type()})))
    return failure();
  return setElementwise(node, node.getInputs(), node.getI1Type(), [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return arith::XOrIOp::create(b, x[0], createScalar(b, x[0].getType(), 1));
  });
}

LogicalResult lowerWhere(Node &node) {
  Type f32 = node.getF32Type(), i64 = node.getI64Type(), i32 = node.getI32Type(), i1 = node.getI1Type();
  if (failed(node.check({"condition", "X", "Y"}, {"output"}, {})) || failed(node.requireElement(0, {i1})) ||
      failed(requireSameElements(node, {f32, i64, i32, i1}, 1)))
    return failure();
  return setElementwise(
      node, node.getInputs(), node.getInputType(1).getElementType(),
      [](ImplicitLocOpBuilder &b, ValueRange x) -> Value { return b.createOrFold<arith::SelectOp>(x[0], x[1], x[2]); });
}

/// The builtin type of an ONNX element type number, or null; unsigned types keep their sign.
Type getElementType(Node &node, int64_t code) {
  switch (code) {
  case 1:
    return node.getF32Type();
  case 2:
    return node.getIntegerType(8, /*isSigned=*/false);
  case 3:
    return node.getIntegerType(8);
  case 6:
    return node.getI32Type();
  case 7:
    return node.getI64Type();
  case 9:
    return node.getI1Type();
  case 10:
    return node.getF16Type();
  default:
    return {};
  }
}

/// `x` as `to`: truncation towards zero from floats, modulo 2^n between integers, "is not zero" to bool.
Value createCast(ImplicitLocOpBuilder &b, Value x, bool fromUnsigned, Type to, bool toUnsigned) {
  Type from = x.getType();
  bool isZeroExtended = fromUnsigned || from.isInteger(1);
  if (from == to)
    return x;
  if (to.isInteger(1)) {
    Value zero = createScalar(b, from, 0);
    if (isa<FloatType>(from))
      return arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, x, zero);
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, x, zero);
  }
  if (auto toFloat = dyn_cast<FloatType>(to)) {
    if (auto fromFloat = dyn_cast<FloatType>(from))
      return fromFloat.getWidth() < toFloat.getWidth() ? Value(arith::ExtFOp::create(b, to, x))
                                                       : Value(arith::TruncFOp::create(b, to, x));
    return isZeroExtended ? Value(arith::UIToFPOp::create(b, to, x)) : Value(arith::SIToFPOp::create(b, to, x));
  }
  if (isa<FloatType>(from)) {
    // Through 32 bits, as C++ compilers convert a float to a narrow integer.
    Type wide = to.getIntOrFloatBitWidth() < 32 ? Type(b.getI32Type()) : to;
    return createCast(b, arith::FPToSIOp::create(b, wide, x), false, to, toUnsigned);
  }
  if (to.getIntOrFloatBitWidth() < from.getIntOrFloatBitWidth())
    return b.createOrFold<arith::TruncIOp>(to, x);
  return isZeroExtended ? b.createOrFold<arith::ExtUIOp>(to, x) : b.createOrFold<arith::ExtSIOp>(to, x);
}

LogicalResult lowerCast(Node &node) {
  // `saturate` and `round_mode` concern 8-bit floats, which are refused.
  if (failed(node.check({"input"}, {"output"}, {"to:i!", "saturate:i", "round_mode:s"})))
    return failure();
  Type declared = getElementType(node, node.getInt("to"));
  Type from = node.getInputType(0).getElementType();
  auto isSupported = [&](Type type) {
    return type.isF32() || type.isF16() || type.isInteger(1) || type.isInteger(8) || type.isInteger(32) ||
           type.isInteger(64);
  };
  if (!declared || !isSupported(from))
    return node.error() << "a cast from " << from << " to ONNX element type " << node.getInt("to")
                        << " is not supported: float32, float16, int64, int32, int8, uint8 and bool are";
  bool fromUnsigned = node.isUnsigned(node.getInput(0)), toUnsigned = declared.isUnsignedInteger();
  Type to = getSignless(declared);
  if (from == to && fromUnsigned == toUnsigned)
    return node.setOutput(0, node.getInput(0), toUnsigned);
  return setElementwise(
      node, node.getInputs(), to,
      [&](ImplicitLocOpBuilder &b, ValueRange x) { return createCast(b, x[0], fromUnsigned, to, toUnsigned); },
      toUnsigned);
}

/// x/2 (1 + erf(x / sqrt 2)).
Value createErfGelu(ImplicitLocOpBuilder &b, Value x) {
  Type f32 = x.getType();
  Value erf = math::ErfOp::create(b, arith::MulFOp::create(b, x, createScalar(b, f32, 0.70710678118654752)));
  Value half = arith::MulFOp::create(b, x, createScalar(b, f32, 0.5));
  return arith::MulFOp::create(b, half, arith::AddFOp::create(b, createScalar(b, f32, 1.0), erf));
}

/// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
Value createTanhGelu(ImplicitLocOpBuilder &b, Value x) {
  Type f32 = x.getType();
  Value square = arith::MulFOp::create(b, x, x);
  Value factor = arith::AddFOp::create(b, createScalar(b, f32, 0.79788456080286536),
                                       arith::MulFOp::create(b, square, createScalar(b, f32, 0.035677408136300125)));
  Value tanh = math::TanhOp::create(b, arith::MulFOp::create(b, x, factor));
  Value half = arith::MulFOp::create(b, x, createScalar(b, f32, 0.5));
  return arith::MulFOp::create(b, half, arith::AddFOp::create(b, createScalar(b, f32, 1.0), tanh));
}

LogicalResult lowerGelu(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {"approximate:s"})) || failed(node.requireF32(0)))
    return failure();
  StringRef approximate = node.getString("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    return node.error() << "attribute 'approximate' must be 'none' or 'tanh', but is '" << approximate << "'";
  return setElementwise(node, node.getInputs(), node.getF32Type(), [&](ImplicitLocOpBuilder &b, ValueRange x) {
    return approximate == "tanh" ? createTanhGelu(b, x[0]) : createErfGelu(b, x[0]);
  });
}

/// FastGelu and BiasGelu: a gelu of x + bias.
template <Value (*createGelu)(ImplicitLocOpBuilder &, Value)>
LogicalResult lowerGeluWithBias(Node &node) {
  if (failed(node.check({"X", "bias?"}, {"Y"}, {})) || failed(node.requireF32(0)) || failed(node.requireF32(1)))
    return failure();
  SmallVector<Value> operands = {node.getInput(0)};
  if (node.hasInput(1))
    operands.push_back(node.getInput(1));
  return setElementwise(node, operands, node.getF32Type(), [](ImplicitLocOpBuilder &b, ValueRange x) {
    return createGelu(b, x.size() == 2 ? Value(arith::AddFOp::create(b, x[0], x[1])) : x[0]);
  });
}

/// x sigmoid(alpha x).
LogicalResult lowerQuickGelu(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {"alpha:f"})) || failed(node.requireF32(0)))
    return failure();
  float alpha = node.getFloat("alpha", 1.702f);
  return setElementwise(node, node.getInputs(), node.getF32Type(), [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value scaled = arith::MulFOp::create(b, x[0], createScalar(b, x[0].getType(), alpha));
    return arith::MulFOp::create(b, x[0], createSigmoid(b, scaled));
  });
}

} // namespace

void addElementwise(Registry &registry) {
  using arith::CmpFPredicate, arith::CmpIPredicate;
  registry.add("", "Add", lowerBinary<arith::AddFOp, arith::AddIOp>);
  registry.add("", "Sub", lowerBinary<arith::SubFOp, arith::SubIOp>);
  registry.add("", "Mul", lowerBinary<arith::MulFOp, arith::MulIOp>);
  registry.add("", "Div", lowerBinary<arith::DivFOp, arith::DivSIOp>);
  registry.add("", "Pow", lowerPow);
  registry.add("", "Min", lowerExtremum<arith::MinimumFOp, arith::MinSIOp>);
  registry.add("", "Max", lowerExtremum<arith::MaximumFOp, arith::MaxSIOp>);
  registry.add("", "Clip", lowerClip);
  registry.add("", "Tanh", lowerUnary<math::TanhOp>);
  registry.add("", "Sqrt", lowerUnary<math::SqrtOp>);
  registry.add("", "Exp", lowerUnary<math::ExpOp>);
  registry.add("", "Log", lowerUnary<math::LogOp>);
  registry.add("", "Abs", lowerUnary<math::AbsFOp>);
  registry.add("", "Erf", lowerUnary<math::ErfOp>);
  registry.add("", "Sin", lowerUnary<math::SinOp>);
  registry.add("", "Cos", lowerUnary<math::CosOp>);
  registry.add("", "Floor", lowerUnary<math::FloorOp>);
  registry.add("", "Ceil", lowerUnary<math::CeilOp>);
  registry.add("", "Round", lowerUnary<math::RoundEvenOp>);
  registry.add("", "Sigmoid", lowerSigmoid);
  registry.add("", "Relu", lowerRelu);
  registry.add("", "Reciprocal", lowerReciprocal);
  registry.add("", "Neg", lowerNeg);
  registry.add("", "Equal", lowerCompare<CmpFPredicate::OEQ, CmpIPredicate::eq>);
  registry.add("", "Less", lowerCompare<CmpFPredicate::OLT, CmpIPredicate::slt>);
  registry.add("", "LessOrEqual", lowerCompare<CmpFPredicate::OLE, CmpIPredicate::sle>);
  registry.add("", "Greater", lowerCompare<CmpFPredicate::OGT, CmpIPredicate::sgt>);
  registry.add("", "GreaterOrEqual", lowerCompare<CmpFPredicate::OGE, CmpIPredicate::sge>);
  registry.add("", "And", lowerLogical<arith::AndIOp>);
  registry.add("", "Or", lowerLogical<arith::OrIOp>);
  registry.add("", "Xor", lowerLogical<arith::XOrIOp>);
  registry.add("", "Not", lowerNot);
  registry.add("", "Where", lowerWhere);
  registry.add("", "Cast", lowerCast);
  registry.add("", "Gelu", lowerGelu);
  registry.add(microsoftDomain, "Gelu", lowerGelu);
  registry.add(microsoftDomain, "FastGelu", lowerGeluWithBias<createTanhGelu>);
  registry.add(microsoftDomain, "BiasGelu", lowerGeluWithBias<createErfGelu>);
  registry.add(microsoftDomain, "QuickGelu", lowerQuickGelu);
}

} // namespace lutra
