//===- SmallTypes.cpp - arrays of elements of less than a byte, and 8-bit floats -===//

#include "lib/Conversion/ONNXToLowbit/SmallTypes.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/QuantizedElement.h"
#include "lib/Conversion/ONNXToLowbit/QuantizedWeight.h"
#include "lib/Conversion/ONNXToLowbit/WeightParts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lutra {

bool isSmallType(Type type) {
  if (auto number = dyn_cast<FloatType>(type))
    return number.getWidth() <= 8;
  auto integer = dyn_cast<IntegerType>(type);
  return integer && (integer.getWidth() == 2 || integer.getWidth() == 4);
}

std::string getSmallTypeName(Type type, bool isUnsigned) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return (isUnsigned ? "u" : "i") + std::to_string(integer.getWidth());
  return llvm::TypeSwitch<Type, std::string>(type)
      .Case([](Float4E2M1FNType) { return "e2m1"; })
      .Case([](Float8E4M3FNType) { return "e4m3"; })
      .Case([](Float8E4M3FNUZType) { return "e4m3fnuz"; })
      .Case([](Float8E5M2Type) { return "e5m2"; })
      .Case([](Float8E5M2FNUZType) { return "e5m2fnuz"; })
      .Case([](Float8E8M0FNUType) { return "e8m0"; });
}

/// The number of each code of `codes`, which `extract` gives as i32 or i8.
static Value buildDecoded(Node &node, Value value, Type small, Body extract) {
  auto number = dyn_cast<FloatType>(small);
  Value table = number ? createFloatTable(node, number) : Value();
  Type element = number ? Type(node.getF32Type()) : node.getI8Type();
  Value result = buildGenerate(node, node.getDims(value), element, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value code = extract(b, at);
    if (!table)
      return code;
    return tensor::ExtractOp::create(b, table, Value(arith::IndexCastUIOp::create(b, b.getIndexType(), code)));
  });
  if (!number && node.isUnsigned(value))
    node.setUnsigned(result);
  return result;
}

FailureOr<Value> buildNumbers(Node &node, Value value) {
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  bool isUnsigned = node.isUnsigned(value);
  if (Type small = node.getSmallType(value)) {
    unsigned unused = 8 - small.getIntOrFloatBitWidth();
    return buildDecoded(node, value, small, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
      Value byte = tensor::ExtractOp::create(b, value, at);
      if (unused == 0)
        return byte;
      // The low bits, extended by zeros or by their sign.
      Value shift = createScalar(b, b.getI8Type(), unused), high = arith::ShLIOp::create(b, byte, shift);
      if (isa<FloatType>(small) || isUnsigned)
        return arith::ShRUIOp::create(b, high, shift);
      return arith::ShRSIOp::create(b, high, shift);
    });
  }
  if (!isSmallType(element))
    return value;
  ElementsAttr constant = getConstant(value);
  std::optional<PackedCodes> codes =
      constant ? PackedCodes::create(node, constant, /*isSigned=*/!isUnsigned && isa<IntegerType>(element))
               : std::nullopt;
  if (!codes)
    return node.error() << "a constant of " << element << " has no data that can be read";
  return buildDecoded(node, value, element, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    return arith::TruncIOp::create(b, b.getI8Type(), codes->extract(b, at));
  });
}

FailureOr<Value> buildCodes(Node &node, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!isSmallType(type.getElementType()))
    return value;
  ElementsAttr constant = getConstant(value);
  std::optional<SmallVector<char>> codes = constant ? unpackCodes(constant, /*isUnsigned=*/true) : std::nullopt;
  if (!codes)
    return node.error() << "a constant of " << type.getElementType() << " has no data that can be read";
  ElementsAttr bytes = createElements(type.clone(node.getI8Type()), *codes, "codes");
  Value result = arith::ConstantOp::create(node, cast<TypedAttr>(bytes));
  node.setSmallType(result, type.getElementType());
  if (node.isUnsigned(value))
    node.setUnsigned(result);
  return result;
}

/// The code of an f32 as a power of two: its exponent, which the fraction may raise by one.
static Value createPower(ImplicitLocOpBuilder &b, Value bits, SmallRounding rounding) {
  Type i32 = b.getI32Type();
  auto scalar = [&](int64_t value) { return createScalar(b, i32, value); };
  auto compare = [&](arith::CmpIPredicate predicate, Value left, int64_t right) -> Value {
    return arith::CmpIOp::create(b, predicate, left, scalar(right));
  };
  using P = arith::CmpIPredicate;
  constexpr int64_t half = 1 << 22;
  Value exponent = arith::AndIOp::create(b, arith::ShRUIOp::create(b, bits, scalar(23)), scalar(0xff));
  Value fraction = arith::AndIOp::create(b, bits, scalar((1 << 23) - 1));
  Value isSpecial = compare(P::eq, exponent, 0xff), isTiny = compare(P::eq, exponent, 0);
  Value aboveHalf = compare(P::ugt, fraction, half), code = exponent;
  if (rounding.powers != SmallRounding::Down) {
    Value fromHalf = compare(P::uge, fraction, rounding.powers == SmallRounding::Up ? 1 : half);
    // Below 2^-126 the fraction counts from 2^-127 on, the smallest power there is, which is half of this binade.
    Value isRaised = arith::SelectOp::create(b, isTiny, aboveHalf, fromHalf);
    code = arith::AddIOp::create(b, exponent, arith::ExtUIOp::create(b, i32, isRaised));
  }
  Value nan = scalar(0xff), largest = scalar(0xfe);
  if (rounding.isSaturated) {
    Value isNaN = arith::AndIOp::create(b, isSpecial, compare(P::ne, fraction, 0));
    return arith::SelectOp::create(b, isNaN, nan, arith::MinUIOp::create(b, code, largest));
  }
  Value isBelow = arith::AndIOp::create(b, isTiny, compare(P::ult, fraction, half));
  code = arith::MinUIOp::create(b, code, nan);
  return arith::SelectOp::create(b, arith::OrIOp::create(b, isSpecial, isBelow), nan, code);
}

Value createSmallFloat(ImplicitLocOpBuilder &b, Value x, FloatType to, SmallRounding rounding) {
  const llvm::fltSemantics &semantics = to.getFloatSemantics();
  Type i32 = b.getI32Type(), i8 = b.getI8Type(), f32 = b.getF32Type();
  auto scalar = [&](int64_t value) { return createScalar(b, i32, value); };
  Value bits = arith::BitcastOp::create(b, i32, x);
  if (isa<Float8E8M0FNUType>(to))
    return arith::TruncIOp::create(b, i8, createPower(b, bits, rounding));

  int digits = static_cast<int>(APFloat::semanticsPrecision(semantics)) - 1;
  int lowest = APFloat::semanticsMinExponent(semantics);
  int64_t largest = APFloat::getLargest(semantics).bitcastToAPInt().getZExtValue();
  bool hasNegativeZero = !APFloat::getZero(semantics, /*Negative=*/true).bitcastToAPInt().isZero();
  bool hasNaN = APFloat::semanticsHasNaN(semantics);
  // Codes of a sign count up as the numbers do: a binade of 2^digits codes after the other, the first of them the
  // subnormal numbers. A magnitude beyond all is capped, so that nothing below is infinite; so is a NaN.
  Value magnitude = math::AbsFOp::create(b, x), cap = createScalar(b, f32, 1 << 20);
  Value isWithin = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, magnitude, cap);
  Value capped = arith::SelectOp::create(b, isWithin, magnitude, cap);
  Value field = arith::ShRUIOp::create(b, arith::BitcastOp::create(b, i32, capped), scalar(23));
  Value exponent = arith::MaxSIOp::create(b, arith::SubIOp::create(b, field, scalar(127)), scalar(lowest));
  Value scaleBits = arith::ShLIOp::create(b, arith::SubIOp::create(b, scalar(127 + digits), exponent), scalar(23));
  Value scaled = arith::MulFOp::create(b, capped, arith::BitcastOp::create(b, f32, scaleBits));
  Value steps = arith::FPToSIOp::create(b, i32, math::RoundEvenOp::create(b, scaled));
  Value binades = arith::ShLIOp::create(b, arith::SubIOp::create(b, exponent, scalar(lowest)), scalar(digits));
  Value code = arith::AddIOp::create(b, binades, steps);

  Value isOver = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, code, scalar(largest));
  Value sign = arith::ShLIOp::create(b, arith::ShRUIOp::create(b, bits, scalar(31)), scalar(to.getWidth() - 1));
  // A type without NaN has 0 for it.
  int64_t nan = hasNaN ? APFloat::getNaN(semantics).bitcastToAPInt().getZExtValue() : 0, over = largest;
  if (!rounding.isSaturated && hasNaN)
    over = APFloat::semanticsHasInf(semantics) ? APFloat::getInf(semantics).bitcastToAPInt().getZExtValue() : nan;
  code = arith::SelectOp::create(b, isOver, scalar(over), code);
  Value isNaN = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x);
  code = arith::SelectOp::create(b, isNaN, scalar(nan), code);
  Value isSigned = arith::OrIOp::create(b, code, sign);
  if (!hasNegativeZero) {
    // What would be the negative zero is the one NaN.
    Value isZero = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, code, scalar(0));
    isSigned = arith::SelectOp::create(b, isZero, code, isSigned);
  }
  return arith::TruncIOp::create(b, i8, isSigned);
}

Value createSmallInteger(ImplicitLocOpBuilder &b, Value x, IntegerType to) {
  return arith::AndIOp::create(b, x, createScalar(b, b.getI8Type(), (1 << to.getWidth()) - 1));
}

} // namespace lutra
