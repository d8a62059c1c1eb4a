//===- Cast.cpp - Cast and CastLike ------------------------------------------- ===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Elementwise.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "lib/Conversion/ONNXToLowbit/SmallTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lutra {

Type getElementType(Builder &builder, int64_t code) {
  switch (code) {
  case 1: return builder.getF32Type();
  case 2: return builder.getIntegerType(8, /*isSigned=*/false);
  case 3: return builder.getIntegerType(8);
  case 6: return builder.getI32Type();
  case 7: return builder.getI64Type();
  case 9: return builder.getI1Type();
  case 4: return builder.getIntegerType(16, /*isSigned=*/false);
  case 5: return builder.getIntegerType(16);
  case 10: return builder.getF16Type();
  case 11: return builder.getF64Type();
  case 12: return builder.getIntegerType(32, /*isSigned=*/false);
  case 13: return builder.getIntegerType(64, /*isSigned=*/false);
  case 16: return builder.getBF16Type();
  case 17: return builder.getType<Float8E4M3FNType>();
  case 18: return builder.getType<Float8E4M3FNUZType>();
  case 19: return builder.getType<Float8E5M2Type>();
  case 20: return builder.getType<Float8E5M2FNUZType>();
  case 21: return builder.getIntegerType(4, /*isSigned=*/false);
  case 22: return builder.getIntegerType(4);
  case 23: return builder.getType<Float4E2M1FNType>();
  case 24: return builder.getType<Float8E8M0FNUType>();
  case 25: return builder.getIntegerType(2, /*isSigned=*/false);
  case 26: return builder.getIntegerType(2);
  default: return {};
  }
}

/// An f64 as f32, rounded to odd: toward zero, with the last bit set where that is not exact. What is rounded again, to
/// fewer digits, is then what rounding once gives.
static Value createRoundToOdd(ImplicitLocOpBuilder &b, Value x) {
  Type f64 = b.getF64Type(), i32 = b.getI32Type();
  Value near = arith::TruncFOp::create(b, b.getF32Type(), x), back = arith::ExtFOp::create(b, f64, near);
  Value bits = arith::BitcastOp::create(b, i32, near), one = createScalar(b, i32, 1);
  auto compare = [&](arith::CmpFPredicate predicate, Value left, Value right) {
    return arith::CmpFOp::create(b, predicate, left, right);
  };
  Value isAway = compare(arith::CmpFPredicate::OGT, math::AbsFOp::create(b, back), math::AbsFOp::create(b, x));
  Value isInexact = compare(arith::CmpFPredicate::ONE, back, x);
  Value toZero = arith::SelectOp::create(b, isAway, arith::SubIOp::create(b, bits, one), bits);
  Value odd = arith::SelectOp::create(b, isInexact, arith::OrIOp::create(b, toZero, one), bits);
  return arith::BitcastOp::create(b, b.getF32Type(), odd);
}

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
    if (auto fromFloat = dyn_cast<FloatType>(from)) {
      if (fromFloat.getWidth() == toFloat.getWidth())
        return arith::TruncFOp::create(b, to, arith::ExtFOp::create(b, b.getF32Type(), x));
      // From f64 to a half, code generation would call a function of the C runtime.
      if (from.isF64() && toFloat.getWidth() == 16)
        return arith::TruncFOp::create(b, to, createRoundToOdd(b, x));
      return fromFloat.getWidth() < toFloat.getWidth() ? Value(arith::ExtFOp::create(b, to, x))
                                                       : Value(arith::TruncFOp::create(b, to, x));
    }
    return isZeroExtended ? Value(arith::UIToFPOp::create(b, to, x)) : Value(arith::SIToFPOp::create(b, to, x));
  }
  if (isa<FloatType>(from)) {
    // Through 32 bits, as C++ compilers convert a float to a narrow integer.
    unsigned width = to.getIntOrFloatBitWidth();
    if (toUnsigned && width == 64)
      return arith::FPToUIOp::create(b, to, x);
    Type wide = width < 32 ? Type(b.getI32Type()) : width == 32 && toUnsigned ? Type(b.getI64Type()) : to;
    return createCast(b, arith::FPToSIOp::create(b, wide, x), false, to, toUnsigned);
  }
  if (to.getIntOrFloatBitWidth() < from.getIntOrFloatBitWidth())
    return b.createOrFold<arith::TruncIOp>(to, x);
  return isZeroExtended ? b.createOrFold<arith::ExtUIOp>(to, x) : b.createOrFold<arith::ExtSIOp>(to, x);
}

namespace {

/// The attributes that say how numbers are rounded to small floats.
FailureOr<SmallRounding> getRounding(Node &node) {
  StringRef mode = node.getString("round_mode", "up");
  SmallRounding rounding;
  rounding.isSaturated = node.getInt("saturate", 1) != 0;
  if (mode == "nearest")
    rounding.powers = SmallRounding::Nearest;
  else if (mode == "down")
    rounding.powers = SmallRounding::Down;
  else if (mode != "up")
    return node.error() << "attribute 'round_mode' must be 'up', 'down' or 'nearest', but is '" << mode << "'";
  return rounding;
}

LogicalResult lowerCast(Node &node) {
  if (failed(node.check({"input"}, {"output"}, {"to:i!", "saturate:i", "round_mode:s"})))
    return failure();
  FailureOr<SmallRounding> rounding = getRounding(node);
  if (failed(rounding))
    return failure();
  Type declared = getElementType(node, node.getInt("to"));
  Value source = node.getInput(0);
  if (declared && node.getSmallType(source) == getSignless(declared) &&
      node.isUnsigned(source) == declared.isUnsignedInteger())
    return node.setOutput(0, source, declared.isUnsignedInteger());
  FailureOr<Value> numbers = buildNumbers(node, source);
  if (failed(numbers))
    return failure();
  Type from = cast<RankedTensorType>(numbers->getType()).getElementType();
  auto isSupported = [&](Type type) {
    return type.isF32() || type.isF16() || type.isBF16() || type.isF64() || type.isInteger(1) ||
           (type.isInteger() && type.getIntOrFloatBitWidth() >= 8);
  };
  if (!declared || !isSupported(from))
    return node.error() << "a cast from " << from << " to ONNX element type " << node.getInt("to")
                        << " is not supported: floats of 4 to 64 bits, integers of 2 to 64 bits and bool are";
  bool fromUnsigned = node.isUnsigned(*numbers), toUnsigned = declared.isUnsignedInteger();
  Type to = getSignless(declared), i8 = node.getI8Type();
  if (from == to && fromUnsigned == toUnsigned && *numbers == source)
    return node.setOutput(0, source, toUnsigned);
  if (!isSmallType(to))
    return setElementwise(
        node, *numbers, to,
        [&](ImplicitLocOpBuilder &b, ValueRange x) { return createCast(b, x[0], fromUnsigned, to, toUnsigned); },
        toUnsigned);

  FailureOr<Value> codes = buildElementwise(node, *numbers, i8, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    if (auto integer = dyn_cast<IntegerType>(to))
      return createSmallInteger(b, createCast(b, x[0], fromUnsigned, i8, toUnsigned), integer);
    Value number = from.isF64() ? createRoundToOdd(b, x[0]) : createCast(b, x[0], fromUnsigned, b.getF32Type(), false);
    return createSmallFloat(b, number, cast<FloatType>(to), *rounding);
  });
  if (failed(codes))
    return failure();
  node.setSmallType(*codes, to);
  return node.setOutput(0, *codes, toUnsigned);
}

} // namespace

void addCast(Registry &registry) { registry.add("", "Cast", lowerCast); }

} // namespace lutra
