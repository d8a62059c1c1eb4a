//===- Activations.cpp - functions of one number ------------------------------ ===//
//
// Each is one function from an element to an element; the table at the end says which operator has which.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Elementwise.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;

namespace lutra {

Value createSigmoid(ImplicitLocOpBuilder &b, Value x) {
  Value one = createScalar(b, x.getType(), 1.0);
  Value exp = math::ExpOp::create(b, arith::NegFOp::create(b, x));
  return arith::DivFOp::create(b, one, arith::AddFOp::create(b, one, exp));
}

namespace {

using Unary = Value (*)(ImplicitLocOpBuilder &, Value);

/// y = build(x) on floats.
template <Unary build>
LogicalResult lowerUnary(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {})) || failed(node.requireF32(0)))
    return failure();
  return setElementwise(node, node.getInputs(), node.getF32Type(),
                        [](ImplicitLocOpBuilder &b, ValueRange x) { return build(b, x[0]); });
}

template <typename OpTy>
Value createOp(ImplicitLocOpBuilder &b, Value x) {
  return OpTy::create(b, x);
}

/// Neg, Abs, Sign and Relu: one function for floats and one for signed integers; unsigned ones stay as they are, or
/// have a function of their own.
template <Unary onFloats, Unary onSigned, Unary onUnsigned>
LogicalResult lowerNumericUnary(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {})) || failed(node.requireNumber(0)))
    return failure();
  Type element = node.getInputType(0).getElementType();
  Unary build = isa<FloatType>(element) ? onFloats : node.isUnsigned(node.getInput(0)) ? onUnsigned : onSigned;
  return setElementwise(node, node.getInputs(), element,
                        [&](ImplicitLocOpBuilder &b, ValueRange x) { return build(b, x[0]); });
}

Value keep(ImplicitLocOpBuilder &, Value x) { return x; }

Value negate(ImplicitLocOpBuilder &b, Value x) {
  return b.createOrFold<arith::SubIOp>(createScalar(b, x.getType(), 0), x);
}

Value createIntegerAbs(ImplicitLocOpBuilder &b, Value x) { return arith::MaxSIOp::create(b, x, negate(b, x)); }

/// -1, 0 or 1; NaN has the sign 0.
Value createSign(ImplicitLocOpBuilder &b, Value x) {
  Type type = x.getType();
  Value zero = createScalar(b, type, 0);
  auto compare = [&](arith::CmpFPredicate onFloats, arith::CmpIPredicate onIntegers) -> Value {
    if (isa<FloatType>(type))
      return arith::CmpFOp::create(b, onFloats, x, zero);
    return arith::CmpIOp::create(b, onIntegers, x, zero);
  };
  Value isPositive = compare(arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt);
  Value isNegative = compare(arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt);
  Value low = arith::SelectOp::create(b, isNegative, createScalar(b, type, -1), zero);
  return arith::SelectOp::create(b, isPositive, createScalar(b, type, 1), low);
}

Value createUnsignedSign(ImplicitLocOpBuilder &b, Value x) {
  return arith::MinUIOp::create(b, x, createScalar(b, x.getType(), 1));
}

Value createRelu(ImplicitLocOpBuilder &b, Value x) {
  return arith::MaximumFOp::create(b, x, createScalar(b, x.getType(), 0.0));
}

Value createIntegerRelu(ImplicitLocOpBuilder &b, Value x) {
  return arith::MaxSIOp::create(b, x, createScalar(b, x.getType(), 0));
}

Value createReciprocal(ImplicitLocOpBuilder &b, Value x) {
  return arith::DivFOp::create(b, createScalar(b, x.getType(), 1.0), x);
}

/// ln(1 + exp(x)), as max(x, 0) + ln(1 + exp(-|x|)): nothing overflows.
Value createSoftplus(ImplicitLocOpBuilder &b, Value x) {
  Value small = math::ExpOp::create(b, arith::NegFOp::create(b, math::AbsFOp::create(b, x)));
  return arith::AddFOp::create(b, createRelu(b, x), math::Log1pOp::create(b, small));
}

/// x / (1 + |x|).
Value createSoftsign(ImplicitLocOpBuilder &b, Value x) {
  Value one = createScalar(b, x.getType(), 1.0);
  return arith::DivFOp::create(b, x, arith::AddFOp::create(b, one, math::AbsFOp::create(b, x)));
}

/// x tanh(softplus(x)).
Value createMish(ImplicitLocOpBuilder &b, Value x) {
  return arith::MulFOp::create(b, x, math::TanhOp::create(b, createSoftplus(b, x)));
}

/// max(0, min(1, alpha x + beta)).
Value createHardSigmoid(ImplicitLocOpBuilder &b, Value x, float alpha, float beta) {
  Type type = x.getType();
  Value line = arith::AddFOp::create(b, arith::MulFOp::create(b, x, createScalar(b, type, alpha)),
                                     createScalar(b, type, beta));
  Value low = arith::MaximumFOp::create(b, line, createScalar(b, type, 0.0));
  return arith::MinimumFOp::create(b, low, createScalar(b, type, 1.0));
}

Value createHardSwish(ImplicitLocOpBuilder &b, Value x) {
  return arith::MulFOp::create(b, x, createHardSigmoid(b, x, 1.0f / 6.0f, 0.5f));
}

LogicalResult lowerHardSigmoid(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {"alpha:f", "beta:f"})) || failed(node.requireF32(0)))
    return failure();
  float alpha = node.getFloat("alpha", 0.2f), beta = node.getFloat("beta", 0.5f);
  return setElementwise(node, node.getInputs(), node.getF32Type(), [&](ImplicitLocOpBuilder &b, ValueRange x) {
    return createHardSigmoid(b, x[0], alpha, beta);
  });
}

/// x where x is positive, and something of alpha and x elsewhere: alpha x, or alpha (exp(x) - 1).
template <bool isExponential>
LogicalResult lowerLeaky(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {"alpha:f"})) || failed(node.requireF32(0)))
    return failure();
  float alpha = node.getFloat("alpha", isExponential ? 1.0f : 0.01f);
  return setElementwise(node, node.getInputs(), node.getF32Type(), [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Type type = x[0].getType();
    Value isNegative = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x[0], createScalar(b, type, 0.0));
    Value other = isExponential ? Value(math::ExpM1Op::create(b, x[0])) : x[0];
    Value below = arith::MulFOp::create(b, createScalar(b, type, alpha), other);
    return arith::SelectOp::create(b, isNegative, below, x[0]);
  });
}

LogicalResult lowerIsNaN(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {})) || failed(node.requireF32(0)))
    return failure();
  return setElementwise(node, node.getInputs(), node.getI1Type(), [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x[0], x[0]);
  });
}

LogicalResult lowerIsInf(Node &node) {
  if (failed(node.check({"X"}, {"Y"}, {"detect_negative:i", "detect_positive:i"})) || failed(node.requireF32(0)))
    return failure();
  bool negative = node.getInt("detect_negative", 1), positive = node.getInt("detect_positive", 1);
  return setElementwise(node, node.getInputs(), node.getI1Type(), [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    double infinity = std::numeric_limits<double>::infinity();
    Value result = createScalar(b, b.getI1Type(), 0);
    for (auto [isAsked, limit] : {std::pair(negative, -infinity), std::pair(positive, infinity)})
      if (isAsked)
        result = b.createOrFold<arith::OrIOp>(
            result, arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x[0], createScalar(b, x[0].getType(), limit)));
    return result;
  });
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
  // Swish is the standard's name for it, with another default.
  if (failed(node.check({"X"}, {"Y"}, {"alpha:f"})) || failed(node.requireF32(0)))
    return failure();
  float alpha = node.getFloat("alpha", node.getOpType() == "Swish" ? 1.0f : 1.702f);
  return setElementwise(node, node.getInputs(), node.getF32Type(), [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value scaled = arith::MulFOp::create(b, x[0], createScalar(b, x[0].getType(), alpha));
    return arith::MulFOp::create(b, x[0], createSigmoid(b, scaled));
  });
}

} // namespace

void addActivations(Registry &registry) {
  const std::pair<StringRef, Lowering> table[] = {
      {"Tanh", lowerUnary<createOp<math::TanhOp>>},
      {"Sqrt", lowerUnary<createOp<math::SqrtOp>>},
      {"Exp", lowerUnary<createOp<math::ExpOp>>},
      {"Log", lowerUnary<createOp<math::LogOp>>},
      {"Erf", lowerUnary<createOp<math::ErfOp>>},
      {"Sin", lowerUnary<createOp<math::SinOp>>},
      {"Cos", lowerUnary<createOp<math::CosOp>>},
      {"Floor", lowerUnary<createOp<math::FloorOp>>},
      {"Ceil", lowerUnary<createOp<math::CeilOp>>},
      {"Round", lowerUnary<createOp<math::RoundEvenOp>>},
      {"Sigmoid", lowerUnary<createSigmoid>},
      {"Reciprocal", lowerUnary<createReciprocal>},
      {"Softplus", lowerUnary<createSoftplus>},
      {"Softsign", lowerUnary<createSoftsign>},
      {"Mish", lowerUnary<createMish>},
      {"HardSwish", lowerUnary<createHardSwish>},
      {"HardSigmoid", lowerHardSigmoid},
      {"LeakyRelu", lowerLeaky</*isExponential=*/false>},
      {"Elu", lowerLeaky</*isExponential=*/true>},
      {"Abs", lowerNumericUnary<createOp<math::AbsFOp>, createIntegerAbs, keep>},
      {"Neg", lowerNumericUnary<createOp<arith::NegFOp>, negate, negate>},
      {"Sign", lowerNumericUnary<createSign, createSign, createUnsignedSign>},
      {"Relu", lowerNumericUnary<createRelu, createIntegerRelu, keep>},
      {"IsNaN", lowerIsNaN},
      {"IsInf", lowerIsInf},
      {"Gelu", lowerGelu},
      {"Swish", lowerQuickGelu},
  };
  for (auto [name, lowering] : table)
    registry.add("", name, lowering, Halves::InF32);
  const std::pair<StringRef, Lowering> microsoft[] = {
      {"Gelu", lowerGelu},
      {"FastGelu", lowerGeluWithBias<createTanhGelu>},
      {"BiasGelu", lowerGeluWithBias<createErfGelu>},
      {"QuickGelu", lowerQuickGelu},
  };
  for (auto [name, lowering] : microsoft)
    registry.add(microsoftDomain, name, lowering, Halves::InF32);
}

} // namespace lutra
