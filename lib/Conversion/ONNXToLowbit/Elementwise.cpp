//===- Elementwise.cpp - arithmetic, comparison, logic and choice ------------- ===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Elementwise.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lutra {
namespace {

/// One operation on floats, signed and unsigned integers.
template <typename FloatOp, typename SignedOp, typename UnsignedOp>
Value createNumeric(ImplicitLocOpBuilder &b, Value x, Value y, bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return b.createOrFold<FloatOp>(x, y);
  return isUnsigned ? b.createOrFold<UnsignedOp>(x, y) : b.createOrFold<SignedOp>(x, y);
}

/// Refuses inputs from `first` on that are no numbers, or of types that differ from the first one's.
LogicalResult requireSameNumbers(Node &node, unsigned first = 0, bool allowBool = false) {
  for (unsigned i = first; i < node.getNumInputs(); ++i) {
    if (failed(node.requireNumber(i, allowBool)))
      return failure();
    Type element = node.getInputType(i).getElementType(), wanted = node.getInputType(first).getElementType();
    if (element != wanted || node.isUnsigned(node.getInput(i)) != node.isUnsigned(node.getInput(first)))
      return node.error() << "inputs '" << node.getInputName(first) << "' and '" << node.getInputName(i)
                          << "' must be of one type, but are " << wanted << " and " << element;
  }
  return success();
}

bool isUnsignedNode(Node &node, unsigned index = 0) { return node.isUnsigned(node.getInput(index)); }

template <typename FloatOp, typename SignedOp, typename UnsignedOp = SignedOp>
LogicalResult lowerBinary(Node &node) {
  if (failed(node.check({"A", "B"}, {"C"}, {})) || failed(requireSameNumbers(node)))
    return failure();
  bool isUnsigned = isUnsignedNode(node);
  return setElementwise(node, node.getInputs(), node.getInputType(0).getElementType(),
                        [&](ImplicitLocOpBuilder &b, ValueRange x) {
                          return createNumeric<FloatOp, SignedOp, UnsignedOp>(b, x[0], x[1], isUnsigned);
                        });
}

/// Division of integers is towards zero.
LogicalResult lowerDiv(Node &node) { return lowerBinary<arith::DivFOp, arith::DivSIOp, arith::DivUIOp>(node); }

/// The remainder: with the sign of the divisor, or (`fmod`) of the dividend.
LogicalResult lowerMod(Node &node) {
  if (failed(node.check({"A", "B"}, {"C"}, {"fmod:i"})) || failed(requireSameNumbers(node)))
    return failure();
  Type element = node.getInputType(0).getElementType();
  bool isUnsigned = isUnsignedNode(node), isFmod = node.getInt("fmod") != 0;
  return setElementwise(node, node.getInputs(), element, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value rest = createNumeric<arith::RemFOp, arith::RemSIOp, arith::RemUIOp>(b, x[0], x[1], isUnsigned);
    if (isFmod || isUnsigned)
      return rest;
    Value zero = createScalar(b, element, 0);
    if (isa<FloatType>(element)) {
      auto isBelow = [&](Value value) { return arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, value, zero); };
      Value isNotZero = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, rest, zero);
      Value differs = arith::XOrIOp::create(b, isBelow(rest), isBelow(x[1]));
      Value sum = arith::AddFOp::create(b, rest, x[1]);
      Value wrapped = arith::SelectOp::create(b, arith::AndIOp::create(b, differs, isNotZero), sum, rest);
      // A zero has the divisor's sign.
      return arith::SelectOp::create(b, isNotZero, wrapped, math::CopySignOp::create(b, rest, x[1]));
    }
    Value differs = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, arith::XOrIOp::create(b, rest, x[1]), zero);
    Value isRest = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, rest, zero);
    Value wraps = arith::AndIOp::create(b, differs, isRest);
    return arith::SelectOp::create(b, wraps, arith::AddIOp::create(b, rest, x[1]), rest);
  });
}

/// x^y in the type of x; integers go through f64, which is exact as far as 2^53.
LogicalResult lowerPow(Node &node) {
  if (failed(node.check({"X", "Y"}, {"Z"}, {})) || failed(node.requireNumber(0)) || failed(node.requireNumber(1)))
    return failure();
  Type base = node.getInputType(0).getElementType(), exponent = node.getInputType(1).getElementType();
  bool baseUnsigned = isUnsignedNode(node, 0), exponentUnsigned = isUnsignedNode(node, 1);
  // A constant power of 2, as in a mean of squares, is a product.
  auto power = dyn_cast_if_present<SplatElementsAttr>(getConstant(node.getInput(1)));
  bool isSquare = power && (isa<FloatType>(exponent) ? power.getSplatValue<APFloat>().isExactlyValue(2.0)
                                                     : power.getSplatValue<APInt>() == 2);
  return setElementwise(
      node, node.getInputs(), base,
      [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
        if (isSquare && isa<FloatType>(base))
          return arith::MulFOp::create(b, x[0], x[0]);
        if (isSquare)
          return arith::MulIOp::create(b, x[0], x[0]);
        Type wide = isa<FloatType>(base) ? base : Type(b.getF64Type());
        Value result = math::PowFOp::create(b, createCast(b, x[0], baseUnsigned, wide, false),
                                            createCast(b, x[1], exponentUnsigned, wide, false));
        return createCast(b, result, false, base, baseUnsigned);
      },
      baseUnsigned);
}

/// Min, Max, Sum and Mean of any number of operands.
template <typename FloatOp, typename SignedOp, typename UnsignedOp = SignedOp, bool isMean = false>
LogicalResult lowerVariadic(Node &node) {
  if (failed(node.check({"data*"}, {"result"}, {})) || failed(requireSameNumbers(node)))
    return failure();
  Type element = node.getInputType(0).getElementType();
  if (isMean && failed(node.requireF32(0)))
    return failure();
  bool isUnsigned = isUnsignedNode(node);
  return setElementwise(node, node.getInputs(), element, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value result = x[0];
    for (Value other : x.drop_front())
      result = createNumeric<FloatOp, SignedOp, UnsignedOp>(b, result, other, isUnsigned);
    return isMean ? Value(arith::DivFOp::create(b, result, createScalar(b, element, x.size()))) : result;
  });
}

LogicalResult lowerClip(Node &node) {
  if (failed(node.check({"input", "min?", "max?"}, {"output"}, {"min:f", "max:f"})) || failed(node.requireNumber(0)))
    return failure();
  Type element = node.getInputType(0).getElementType();
  bool isUnsigned = isUnsignedNode(node);
  SmallVector<Value> operands = {node.getInput(0)};
  for (unsigned i : {1u, 2u}) {
    if (!node.hasInput(i))
      continue;
    if (node.getInputType(i).getElementType() != element)
      return node.error() << "input '" << node.getInputName(i) << "' must be " << element << ", but is "
                          << node.getInputType(i);
    operands.push_back(node.getInput(i));
  }
  bool hasMin = node.hasInput(1), hasMax = node.hasInput(2);
  return setElementwise(node, operands, element, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value result = x[0];
    auto limit = [&](bool isInput, StringRef attribute, unsigned position) -> Value {
      if (isInput)
        return x[position];
      return node.getAttr(attribute) ? createScalar(b, result.getType(), node.getFloat(attribute, 0)) : Value();
    };
    if (Value low = limit(hasMin, "min", 1))
      result = createNumeric<arith::MaximumFOp, arith::MaxSIOp, arith::MaxUIOp>(b, result, low, isUnsigned);
    if (Value high = limit(hasMax, "max", hasMin ? 2 : 1))
      result = createNumeric<arith::MinimumFOp, arith::MinSIOp, arith::MinUIOp>(b, result, high, isUnsigned);
    return result;
  });
}

/// Less, Equal and the like: ordered comparisons, false for NaN.
template <arith::CmpFPredicate floatPredicate, arith::CmpIPredicate signedPredicate,
          arith::CmpIPredicate unsignedPredicate>
LogicalResult lowerCompare(Node &node) {
  bool isEquality = signedPredicate == arith::CmpIPredicate::eq;
  if (failed(node.check({"A", "B"}, {"C"}, {})) || failed(requireSameNumbers(node, 0, /*allowBool=*/isEquality)))
    return failure();
  bool isFloat = isa<FloatType>(node.getInputType(0).getElementType());
  arith::CmpIPredicate predicate = isUnsignedNode(node) ? unsignedPredicate : signedPredicate;
  return setElementwise(
      node, node.getInputs(), node.getI1Type(),
      [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
        if (isFloat)
          return b.createOrFold<arith::CmpFOp>(floatPredicate, x[0], x[1]);
        return b.createOrFold<arith::CmpIOp>(predicate, x[0], x[1]);
      },
      /*isUnsigned=*/false);
}

template <typename OpTy>
LogicalResult lowerLogical(Node &node) {
  if (failed(node.check({"A", "B"}, {"C"}, {})) || failed(node.requireElement(0, {node.getI1Type()})) ||
      failed(node.requireElement(1, {node.getI1Type()})))
    return failure();
  return setElementwise(node, node.getInputs(), node.getI1Type(), [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return b.createOrFold<OpTy>(x[0], x[1]);
  });
}

LogicalResult lowerNot(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {})) || failed(node.requireElement(0, {node.getI1Type()})))
    return failure();
  return setElementwise(node, node.getInputs(), node.getI1Type(), [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return b.createOrFold<arith::XOrIOp>(x[0], createScalar(b, x[0].getType(), 1));
  });
}

LogicalResult lowerWhere(Node &node) {
  if (failed(node.check({"condition", "X", "Y"}, {"output"}, {})) ||
      failed(node.requireElement(0, {node.getI1Type()})) || failed(requireSameNumbers(node, 1, /*allowBool=*/true)))
    return failure();
  return setElementwise(
      node, node.getInputs(), node.getInputType(1).getElementType(),
      [](ImplicitLocOpBuilder &b, ValueRange x) -> Value { return b.createOrFold<arith::SelectOp>(x[0], x[1], x[2]); },
      isUnsignedNode(node, 1));
}

} // namespace

LogicalResult setElementwise(Node &node, ValueRange operands, Type element, Body body,
                             std::optional<bool> isUnsigned) {
  FailureOr<Value> result = buildElementwise(node, operands, element, body);
  if (failed(result))
    return failure();
  return node.setOutput(0, *result, isUnsigned);
}

void addElementwise(Registry &registry) {
  using arith::CmpFPredicate, arith::CmpIPredicate;
  auto add = [&](StringRef name, Lowering lowering) { registry.add("", name, lowering, Halves::InF32); };
  add("Add", lowerBinary<arith::AddFOp, arith::AddIOp>);
  add("Sub", lowerBinary<arith::SubFOp, arith::SubIOp>);
  add("Mul", lowerBinary<arith::MulFOp, arith::MulIOp>);
  add("Div", lowerDiv);
  add("Mod", lowerMod);
  add("Pow", lowerPow);
  add("Min", lowerVariadic<arith::MinimumFOp, arith::MinSIOp, arith::MinUIOp>);
  add("Max", lowerVariadic<arith::MaximumFOp, arith::MaxSIOp, arith::MaxUIOp>);
  add("Sum", lowerVariadic<arith::AddFOp, arith::AddIOp>);
  add("Mean", lowerVariadic<arith::AddFOp, arith::AddIOp, arith::AddIOp, /*isMean=*/true>);
  add("Clip", lowerClip);
  add("Equal", lowerCompare<CmpFPredicate::OEQ, CmpIPredicate::eq, CmpIPredicate::eq>);
  add("Less", lowerCompare<CmpFPredicate::OLT, CmpIPredicate::slt, CmpIPredicate::ult>);
  add("LessOrEqual", lowerCompare<CmpFPredicate::OLE, CmpIPredicate::sle, CmpIPredicate::ule>);
  add("Greater", lowerCompare<CmpFPredicate::OGT, CmpIPredicate::sgt, CmpIPredicate::ugt>);
  add("GreaterOrEqual", lowerCompare<CmpFPredicate::OGE, CmpIPredicate::sge, CmpIPredicate::uge>);
  add("And", lowerLogical<arith::AndIOp>);
  add("Or", lowerLogical<arith::OrIOp>);
  add("Xor", lowerLogical<arith::XOrIOp>);
  add("Not", lowerNot);
  add("Where", lowerWhere);
}

} // namespace lutra
