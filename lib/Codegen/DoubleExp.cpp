//===- DoubleExp.cpp - exp in f64 as arithmetic ---------------------------===//
//
// e^x = 2^n e^r with n the integer nearest to x / ln 2, |r| <= ln 2 / 2: Taylor's polynomial of degree 13 leaves out less than
// 2^-57, and ln 2 is subtracted in two parts whose first times n is exact. Within two units in the last place of f64, so that
// e^x rounded to f32 is what any good library gives, but for one number in some 10^8. 2^n is multiplied in two halves: results
// that overflow or are subnormal come out as they should. Only integer operations that every vector unit has on 64 bits are
// used (no conversions, no arithmetic shifts).
//
//===----------------------------------------------------------------------===//
#include "DoubleExp.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace {
struct ExpandDoubleExp : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::ExpOp op, PatternRewriter &rewriter) const override {
    Type type = op.getType();
    auto shaped = dyn_cast<VectorType>(type);
    if (!getElementTypeOrSelf(type).isF64() || (isa<ShapedType>(type) && !shaped))
      return rewriter.notifyMatchFailure(op, "not f64, or a tensor");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type i64 = b.getI64Type(), integers = shaped ? Type(shaped.clone(i64)) : i64;
    auto constant = [&](TypedAttr value) -> Value {
      if (shaped)
        value = DenseElementsAttr::get(shaped.clone(value.getType()), ArrayRef<Attribute>(value));
      return arith::ConstantOp::create(b, value);
    };
    auto real = [&](double value) { return constant(b.getF64FloatAttr(value)); };
    auto integer = [&](int64_t value) { return constant(b.getI64IntegerAttr(value)); };
    // Fused where the machine can: the sums below are as good either way.
    auto multiplyAdd = [&](Value x, Value y, Value z) -> Value {
      auto contract = arith::FastMathFlags::contract;
      return arith::AddFOp::create(b, arith::MulFOp::create(b, x, y, contract), z, contract);
    };

    // Beyond these bounds the result is 0 or infinity; a NaN takes the lower one until the end.
    Value input = op.getOperand(), least = real(-750.0), most = real(715.0);
    Value isAbove = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, input, least);
    Value x = arith::SelectOp::create(b, isAbove, input, least);
    Value isBelow = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, most);
    x = arith::SelectOp::create(b, isBelow, x, most);

    // Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits.
    constexpr double kRounder = 0x1.8p52, kLog2E = 0x1.71547652b82fep+0;
    const int64_t rounderBits = llvm::bit_cast<int64_t>(kRounder);
    auto nearest = [&](double factor) { return multiplyAdd(x, real(factor), real(kRounder)); };
    auto bits = [&](Value rounded) -> Value {
      return arith::SubIOp::create(b, arith::BitcastOp::create(b, integers, rounded), integer(rounderBits));
    };
    Value whole = nearest(kLog2E);
    Value n = arith::SubFOp::create(b, whole, real(kRounder));
    // ln 2 = 0x1.62e42feep-1 (33 bits) + the rest.
    Value r = multiplyAdd(n, real(-0x1.62e42feep-1), x);
    r = multiplyAdd(n, real(-0x1.a39ef35793c76p-33), r);

    constexpr int kDegree = 13;
    double factorials[kDegree + 1] = {1};
    for (int i = 1; i <= kDegree; ++i)
      factorials[i] = factorials[i - 1] * i;
    Value power = real(1 / factorials[kDegree]);
    for (int i = kDegree - 1; i >= 0; --i)
      power = multiplyAdd(power, r, real(1 / factorials[i]));

    auto powerOfTwo = [&](Value exponent) -> Value {
      Value biased = arith::AddIOp::create(b, exponent, integer(1023));
      return arith::BitcastOp::create(b, type, arith::ShLIOp::create(b, biased, integer(52)));
    };
    Value firstHalf = bits(nearest(kLog2E / 2));
    Value secondHalf = arith::SubIOp::create(b, bits(whole), firstHalf);
    Value result = arith::MulFOp::create(b, power, powerOfTwo(firstHalf));
    result = arith::MulFOp::create(b, result, powerOfTwo(secondHalf));
    Value isNaN = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, input, input);
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, isNaN, input, result);
    return success();
  }
};
} // namespace

void lutra::populateDoubleExpPatterns(RewritePatternSet &patterns) { patterns.add<ExpandDoubleExp>(patterns.getContext()); }
