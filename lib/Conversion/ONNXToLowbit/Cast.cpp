//===- Cast.cpp - Cast and CastLike ------------------------------------------- ===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Elementwise.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
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

LogicalResult lowerCast(Node &node) {
  // `saturate` and `round_mode` concern 8-bit floats, which are refused.
  if (failed(node.check({"input"}, {"output"}, {"to:i!", "saturate:i", "round_mode:s"})))
    return failure();
  Type declared = getElementType(node, node.getInt("to"));
  Type from = node.getInputType(0).getElementType();
  auto isSupported = [&](Type type) {
    return type.isF32() || type.isF16() || type.isBF16() || type.isF64() || type.isInteger(1) ||
           (type.isInteger() && type.getIntOrFloatBitWidth() >= 8);
  };
  if (!declared || !isSupported(from))
    return node.error()
           << "a cast from " << from << " to ONNX element type " << node.getInt("to")
           << " is not supported: double, float32, float16, bfloat16, integers of 8 to 64 bits and bool are";
  bool fromUnsigned = node.isUnsigned(node.getInput(0)), toUnsigned = declared.isUnsignedInteger();
  Type to = getSignless(declared);
  if (from == to && fromUnsigned == toUnsigned)
    return node.setOutput(0, node.getInput(0), toUnsigned);
  return setElementwise(
      node, node.getInputs(), to,
      [&](ImplicitLocOpBuilder &b, ValueRange x) { return createCast(b, x[0], fromUnsigned, to, toUnsigned); },
      toUnsigned);
}

} // namespace

void addCast(Registry &registry) { registry.add("", "Cast", lowerCast); }

} // namespace lutra
