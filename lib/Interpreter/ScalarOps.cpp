//===- ScalarOps.cpp - arith and math on scalars --------------------------===//
//
// f32 arithmetic is done in float, each operation rounded once. The same op on arrays (elementwise) is applied to each
// element. exp, tanh and erf of f32 are those of numerics.md, "Functions"; others are the C library's: compiled code may differ in the last bits.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

#include "lutra/Support/Functions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace lutra;

namespace {
using Operands = llvm::ArrayRef<Scalar>;
/// The value of an op from its operands, or nothing when the op is unknown.
using Result = std::optional<Scalar>;
} // namespace

static Scalar integer(int64_t value) { return {value, 0}; }

/// `fn` in the precision of `type`, rounded once. For f16 and bf16 it is done in f32 and rounded again, which gives the
/// same number for + - * / and square roots (f32 has more than twice their digits and two).
template <typename Fn>
static Scalar floatOf(Type type, Operands in, Fn &&fn) {
  if (type.isF64())
    return {0, fn(in[0].f, in.size() > 1 ? in[1].f : 0.0)};
  float x = static_cast<float>(in[0].f), y = in.size() > 1 ? static_cast<float>(in[1].f) : 0.0f;
  return {0, roundTo(type, fn(x, y))};
}

static bool compareFloats(arith::CmpFPredicate predicate, double a, double b) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::AlwaysFalse: return false;
  case P::AlwaysTrue: return true;
  case P::ORD: return !unordered;
  case P::UNO: return unordered;
  case P::OEQ: return a == b;
  case P::OGT: return a > b;
  case P::OGE: return a >= b;
  case P::OLT: return a < b;
  case P::OLE: return a <= b;
  case P::ONE: return !unordered && a != b;
  case P::UEQ: return unordered || a == b;
  case P::UGT: return unordered || a > b;
  case P::UGE: return unordered || a >= b;
  case P::ULT: return unordered || a < b;
  case P::ULE: return unordered || a <= b;
  case P::UNE: return a != b;
  }
  llvm_unreachable("every predicate is handled");
}

static bool compareIntegers(arith::CmpIPredicate predicate, int64_t a, int64_t b) {
  using P = arith::CmpIPredicate;
  uint64_t ua = a, ub = b; // Sign extension keeps the unsigned order too.
  switch (predicate) {
  case P::eq: return a == b;
  case P::ne: return a != b;
  case P::slt: return a < b;
  case P::sle: return a <= b;
  case P::sgt: return a > b;
  case P::sge: return a >= b;
  case P::ult: return ua < ub;
  case P::ule: return ua <= ub;
  case P::ugt: return ua > ub;
  case P::uge: return ua >= ub;
  }
  llvm_unreachable("every predicate is handled");
}

/// A value zero-extended from its type's width.
static uint64_t zeroExtended(int64_t value, Type type) {
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  return width >= 64 ? value : static_cast<uint64_t>(value) & llvm::maskTrailingOnes<uint64_t>(width);
}

static Result floatArith(Operation *op, Type type, Operands in) {
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<arith::AddFOp>([&](auto) { return floatOf(type, in, [](auto x, auto y) { return x + y; }); })
      .Case<arith::SubFOp>([&](auto) { return floatOf(type, in, [](auto x, auto y) { return x - y; }); })
      .Case<arith::MulFOp>([&](auto) { return floatOf(type, in, [](auto x, auto y) { return x * y; }); })
      .Case<arith::DivFOp>([&](auto) { return floatOf(type, in, [](auto x, auto y) { return x / y; }); })
      .Case<arith::RemFOp>([&](auto) { return floatOf(type, in, [](auto x, auto y) { return std::fmod(x, y); }); })
      .Case<arith::NegFOp>([&](auto) { return floatOf(type, in, [](auto x, auto) { return -x; }); })
      .Case<arith::MaximumFOp>([&](auto) {
        return floatOf(type, in, [](auto x, auto y) {
          return std::isnan(x) || std::isnan(y) ? x + y : (x > y || (x == y && !std::signbit(x)) ? x : y);
        });
      })
      .Case<arith::MinimumFOp>([&](auto) {
        return floatOf(type, in, [](auto x, auto y) {
          return std::isnan(x) || std::isnan(y) ? x + y : (x < y || (x == y && std::signbit(x)) ? x : y);
        });
      })
      .Case<arith::MaxNumFOp>([&](auto) { return floatOf(type, in, [](auto x, auto y) { return std::fmax(x, y); }); })
      .Case<arith::MinNumFOp>([&](auto) { return floatOf(type, in, [](auto x, auto y) { return std::fmin(x, y); }); })
      .Default([](auto) { return std::nullopt; });
}

static Result integerArith(Operation *op, Type type, Operands in) {
  int64_t a = in.empty() ? 0 : in[0].i, b = in.size() > 1 ? in[1].i : 0;
  Type from = op->getNumOperands() ? getElementTypeOrSelf(op->getOperand(0).getType()) : type;
  auto wrap = [&](int64_t value) -> Result { return integer(wrapInteger(value, type)); };
  auto modular = [&](auto fn) {
    return wrap(static_cast<int64_t>(fn(static_cast<uint64_t>(a), static_cast<uint64_t>(b))));
  };
  // Division by zero and INT_MIN / -1 are undefined in arith: 0 here, so that the interpreter itself stays defined.
  bool undefined = b == 0 || (b == -1 && a == INT64_MIN);
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<arith::AddIOp>([&](auto) { return modular([](uint64_t x, uint64_t y) { return x + y; }); })
      .Case<arith::SubIOp>([&](auto) { return modular([](uint64_t x, uint64_t y) { return x - y; }); })
      .Case<arith::MulIOp>([&](auto) { return modular([](uint64_t x, uint64_t y) { return x * y; }); })
      .Case<arith::DivSIOp>([&](auto) { return wrap(undefined ? 0 : a / b); })
      .Case<arith::RemSIOp>([&](auto) { return wrap(undefined ? 0 : a % b); })
      .Case<arith::FloorDivSIOp>([&](auto) { return wrap(undefined ? 0 : llvm::divideFloorSigned(a, b)); })
      .Case<arith::CeilDivSIOp>([&](auto) { return wrap(undefined ? 0 : llvm::divideCeilSigned(a, b)); })
      .Case<arith::DivUIOp>([&](auto) { return wrap(undefined ? 0 : zeroExtended(a, from) / zeroExtended(b, from)); })
      .Case<arith::RemUIOp>([&](auto) { return wrap(undefined ? 0 : zeroExtended(a, from) % zeroExtended(b, from)); })
      .Case<arith::AndIOp>([&](auto) { return wrap(a & b); })
      .Case<arith::OrIOp>([&](auto) { return wrap(a | b); })
      .Case<arith::XOrIOp>([&](auto) { return wrap(a ^ b); })
      .Case<arith::ShLIOp>(
          [&](auto) { return wrap(b >= 0 && b < 64 ? static_cast<int64_t>(static_cast<uint64_t>(a) << b) : 0); })
      .Case<arith::ShRSIOp>([&](auto) { return wrap(b >= 0 && b < 64 ? a >> b : 0); })
      .Case<arith::ShRUIOp>(
          [&](auto) { return wrap(b >= 0 && b < 64 ? static_cast<int64_t>(zeroExtended(a, from) >> b) : 0); })
      .Case<arith::MaxSIOp>([&](auto) { return wrap(std::max(a, b)); })
      .Case<arith::MinSIOp>([&](auto) { return wrap(std::min(a, b)); })
      .Case<arith::MaxUIOp>([&](auto) { return wrap(zeroExtended(a, from) > zeroExtended(b, from) ? a : b); })
      .Case<arith::MinUIOp>([&](auto) { return wrap(zeroExtended(a, from) < zeroExtended(b, from) ? a : b); })
      .Case<arith::ExtSIOp>([&](auto) { return wrap(from.isInteger(1) ? -a : a); })
      .Case<arith::IndexCastOp>([&](auto) { return wrap(from.isInteger(1) ? -a : a); })
      .Case<arith::ExtUIOp, arith::IndexCastUIOp>(
          [&](auto) { return wrap(static_cast<int64_t>(zeroExtended(a, from))); })
      .Case<arith::TruncIOp>([&](auto) { return wrap(a); })
      .Default([](auto) { return std::nullopt; });
}

static Result conversion(Operation *op, Type type, Operands in) {
  auto round = [&](auto value) -> Result {
    return Scalar{0, type.isF32() ? static_cast<double>(static_cast<float>(value))
                                  : roundTo(type, static_cast<double>(value))};
  };
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<arith::SIToFPOp>([&](auto) { return round(in[0].i); })
      .Case<arith::UIToFPOp>(
          [&](auto cast) { return round(zeroExtended(in[0].i, getElementTypeOrSelf(cast.getIn().getType()))); })
      .Case<arith::FPToSIOp>([&](auto) {
        // Out of range is undefined in arith; saturate.
        double value = in[0].f;
        int64_t i = std::isnan(value)  ? 0
                    : value >= 0x1p63  ? INT64_MAX
                    : value <= -0x1p63 ? INT64_MIN
                                       : static_cast<int64_t>(value);
        return Result(integer(wrapInteger(i, type)));
      })
      .Case<arith::FPToUIOp>([&](auto) {
        double value = in[0].f;
        uint64_t u = !(value > 0) ? 0 : value >= 0x1p64 ? UINT64_MAX : static_cast<uint64_t>(value);
        return Result(integer(wrapInteger(static_cast<int64_t>(u), type)));
      })
      .Case<arith::ExtFOp>([&](auto) { return Result(in[0]); })
      .Case<arith::TruncFOp>([&](auto) {
        return Result(Scalar{0, roundTo(type, in[0].f)});
      })
      .Case<arith::CmpFOp>(
          [&](auto cmp) { return Result(integer(compareFloats(cmp.getPredicate(), in[0].f, in[1].f))); })
      .Case<arith::CmpIOp>(
          [&](auto cmp) { return Result(integer(compareIntegers(cmp.getPredicate(), in[0].i, in[1].i))); })
      .Case<arith::SelectOp>([&](auto) { return Result(in[0].i ? in[1] : in[2]); })
      .Case<arith::BitcastOp>([&](auto cast) {
        auto from = dyn_cast<FloatType>(getElementTypeOrSelf(cast.getIn().getType()));
        auto to = dyn_cast<FloatType>(type);
        if (!from == !to)
          return from ? Result(std::nullopt) : Result(in[0]);
        const llvm::fltSemantics &semantics = (from ? from : to).getFloatSemantics();
        bool loses;
        if (from) {
          llvm::APFloat value(in[0].f);
          value.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &loses);
          return Result(integer(wrapInteger(static_cast<int64_t>(value.bitcastToAPInt().getZExtValue()), type)));
        }
        llvm::APFloat value(semantics, llvm::APInt(to.getWidth(), static_cast<uint64_t>(in[0].i), false, /*implicitTrunc=*/true));
        value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &loses);
        return Result(Scalar{0, value.convertToDouble()});
      })
      .Default([](auto) { return std::nullopt; });
}

static Result function(Operation *op, Type type, Operands in) {
  auto unary = [&](auto fn) -> Result { return floatOf(type, in, [&](auto x, auto) { return fn(x); }); };
  // A function whose bits are fixed in f32; in f64 it is the C library's.
  auto fixed = [&](float (*inSingle)(float), double (*inDouble)(double)) -> Result {
    return type.isF64() ? Result(Scalar{0, inDouble(in[0].f)}) : unary([&](auto x) { return inSingle(static_cast<float>(x)); });
  };
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<math::ExpOp>([&](auto) { return fixed(expOf, std::exp); })
      .Case<math::Exp2Op>([&](auto) { return unary([](auto x) { return std::exp2(x); }); })
      .Case<math::LogOp>([&](auto) { return unary([](auto x) { return std::log(x); }); })
      .Case<math::SqrtOp>([&](auto) { return unary([](auto x) { return std::sqrt(x); }); })
      .Case<math::RsqrtOp>([&](auto) { return unary([](auto x) { return 1 / std::sqrt(x); }); })
      .Case<math::TanhOp>([&](auto) { return fixed(tanhOf, std::tanh); })
      .Case<math::ErfOp>([&](auto) { return fixed(erfOf, std::erf); })
      .Case<math::SinOp>([&](auto) { return unary([](auto x) { return std::sin(x); }); })
      .Case<math::CosOp>([&](auto) { return unary([](auto x) { return std::cos(x); }); })
      .Case<math::AbsFOp>([&](auto) { return unary([](auto x) { return std::fabs(x); }); })
      .Case<math::FloorOp>([&](auto) { return unary([](auto x) { return std::floor(x); }); })
      .Case<math::CeilOp>([&](auto) { return unary([](auto x) { return std::ceil(x); }); })
      .Case<math::RoundOp>([&](auto) { return unary([](auto x) { return std::round(x); }); })
      .Case<math::RoundEvenOp>([&](auto) { return unary([](auto x) { return std::nearbyint(x); }); })
      .Case<math::TruncOp>([&](auto) { return unary([](auto x) { return std::trunc(x); }); })
      .Case<math::PowFOp>(
          [&](auto) { return Result(floatOf(type, in, [](auto x, auto y) { return std::pow(x, y); })); })
      .Case<math::FmaOp>([&](auto) -> Result {
        // Narrower types in f64: their products are exact there.
        if (!type.isF32())
          return Scalar{0, roundTo(type, std::fma(in[0].f, in[1].f, in[2].f))};
        return Scalar{0,
                      std::fma(static_cast<float>(in[0].f), static_cast<float>(in[1].f), static_cast<float>(in[2].f))};
      })
      .Case<math::AbsIOp>([&](auto) { return Result(integer(wrapInteger(std::abs(in[0].i), type))); })
      .Default([](auto) { return std::nullopt; });
}

static Result compute(Operation *op, Operands in) {
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  if (Result result = conversion(op, type, in))
    return result;
  return isa<FloatType>(type)
             ? (isa<math::MathDialect>(op->getDialect()) ? function(op, type, in) : floatArith(op, type, in))
         : isa<math::MathDialect>(op->getDialect()) ? function(op, type, in)
                                                    : integerArith(op, type, in);
}

/// The op applied to each element of its array operands (scalars are repeated: the condition of a select).
static Step executeElementwise(Operation *op, Environment &env) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  std::optional<DType> dtype = dtypeOfType(type.getElementType());
  ArrayRef<int64_t> shape;
  for (Value operand : op->getOperands())
    if (isa<TensorType>(operand.getType()))
      shape = env.array(operand)->shape;
  if (!dtype)
    return Step::Unknown;
  auto result = std::make_shared<NpyArray>(NpyArray::zeros(*dtype, shape));
  for (int64_t i = 0, e = result->numElements(); i < e; ++i) {
    SmallVector<Scalar, 3> in;
    for (Value operand : op->getOperands())
      in.push_back(isa<TensorType>(operand.getType()) ? loadElement(*env.array(operand), i) : env.scalar(operand));
    Result value = compute(op, in);
    if (!value)
      return Step::Unknown;
    storeElement(*result, i, *value);
  }
  env.set(op->getResult(0), result);
  return Step::Done;
}

Step lutra::executeScalarOp(Operation *op, Environment &env) {
  if (!isa_and_present<arith::ArithDialect, math::MathDialect>(op->getDialect()) || isa<arith::ConstantOp>(op) ||
      op->getNumResults() != 1)
    return Step::Unknown;
  if (isa<RankedTensorType>(op->getResult(0).getType()))
    return executeElementwise(op, env);
  SmallVector<Scalar, 3> in;
  for (Value operand : op->getOperands())
    in.push_back(env.scalar(operand));
  Result value = compute(op, in);
  if (!value)
    return Step::Unknown;
  env.set(op->getResult(0), *value);
  return Step::Done;
}
