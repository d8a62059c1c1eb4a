//===- Halves.cpp - f16 and bf16 from and to f32, in integers -------------===//
//
// What LLVM would call a library for, with the same bits: f16 on an x86 without f16c; and bf16 everywhere, since the
// instruction that some machines have for it drops subnormals. Vectors of rank 1, and scalars.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLLVM/Patterns.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutllvm;

/// `type` with elements of `element`.
static Type withElement(Type type, Type element) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(vector.clone(element)) : element;
}

namespace {
/// Integer arithmetic on lanes of 32 bits, one for each element.
class Lanes {
public:
  Lanes(ImplicitLocOpBuilder &b, Type like)
      : b(b), i16(withElement(like, b.getI16Type())), i32(withElement(like, b.getI32Type())),
        f32(withElement(like, b.getF32Type())) {}

  Value constant(int64_t value) {
    APInt bits(32, value, /*isSigned=*/false, /*implicitTrunc=*/true);
    if (auto vector = dyn_cast<VectorType>(i32))
      return LLVM::ConstantOp::create(b, i32, DenseElementsAttr::get(vector, bits));
    return LLVM::ConstantOp::create(b, i32, b.getIntegerAttr(i32, bits));
  }
  Value constant(float value) {
    if (auto vector = dyn_cast<VectorType>(f32))
      return LLVM::ConstantOp::create(b, f32, DenseElementsAttr::get(vector, value));
    return LLVM::ConstantOp::create(b, f32, b.getF32FloatAttr(value));
  }
  Value both(Value a, int64_t mask) { return LLVM::AndOp::create(b, a, constant(mask)); }
  Value either(Value a, Value c) { return LLVM::OrOp::create(b, a, c); }
  Value add(Value a, Value c) { return LLVM::AddOp::create(b, a, c); }
  Value up(Value a, int64_t bits) { return LLVM::ShlOp::create(b, a, constant(bits)); }
  Value down(Value a, int64_t bits) { return LLVM::LShrOp::create(b, a, constant(bits)); }
  Value isAbove(Value a, int64_t bound) {
    return LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ugt, a, constant(bound));
  }
  Value select(Value condition, Value a, Value c) { return LLVM::SelectOp::create(b, condition, a, c); }
  Value asInt(Value a) { return LLVM::BitcastOp::create(b, i32, a); }
  Value asFloat(Value a) { return LLVM::BitcastOp::create(b, f32, a); }
  /// The 16 bits of each half, in 32, and back.
  Value load(Value halves) { return LLVM::ZExtOp::create(b, i32, LLVM::BitcastOp::create(b, i16, halves)); }
  Value store(Value lanes, Type type) {
    return LLVM::BitcastOp::create(b, type, LLVM::TruncOp::create(b, i16, lanes));
  }

private:
  ImplicitLocOpBuilder &b;
  Type i16, i32, f32;
};

/// Whether the op goes between f32 and `half`, scalars or rank-1 vectors.
static bool converts(Type narrow, Type wide, bool isBFloat) {
  auto vector = dyn_cast<VectorType>(narrow);
  if (vector && (vector.getRank() != 1 || vector.isScalable()))
    return false;
  Type half = getElementTypeOrSelf(narrow);
  return getElementTypeOrSelf(wide).isF32() && (isBFloat ? half.isBF16() : half.isF16());
}

struct WidenHalves : ConvertOpToLLVMPattern<arith::ExtFOp> {
  WidenHalves(const LLVMTypeConverter &converter, bool isBFloat)
      : ConvertOpToLLVMPattern(converter, /*benefit=*/2), isBFloat(isBFloat) {}

  LogicalResult matchAndRewrite(arith::ExtFOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (!converts(op.getIn().getType(), op.getType(), isBFloat))
      return rewriter.notifyMatchFailure(op, "not these halves to f32");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Lanes lanes(b, op.getType());
    Value bits = lanes.load(adaptor.getIn());
    rewriter.replaceOp(op, isBFloat ? lanes.asFloat(lanes.up(bits, 16)) : widenF16(b, lanes, bits));
    return success();
  }

private:
  /// Shifted by 13 bits, exponent and mantissa of a half are those of the float 2^112 times smaller (zeros and subnormals
  /// too); infinities and NaNs get the float's exponent instead.
  static Value widenF16(ImplicitLocOpBuilder &b, Lanes &lanes, Value bits) {
    Value magnitude = lanes.both(bits, 0x7fff), sign = lanes.up(lanes.both(bits, 0x8000), 16);
    Value shifted = lanes.up(magnitude, 13);
    Value finite = LLVM::FMulOp::create(b, lanes.asFloat(shifted), lanes.constant(0x1p112f));
    Value special = lanes.either(shifted, lanes.constant(int64_t(0x7f800000)));
    Value result = lanes.select(lanes.isAbove(magnitude, 0x7bff), special, lanes.asInt(finite));
    return lanes.asFloat(lanes.either(result, sign));
  }

  bool isBFloat;
};

struct NarrowToHalves : ConvertOpToLLVMPattern<arith::TruncFOp> {
  NarrowToHalves(const LLVMTypeConverter &converter, bool isBFloat)
      : ConvertOpToLLVMPattern(converter, /*benefit=*/2), isBFloat(isBFloat) {}

  LogicalResult matchAndRewrite(arith::TruncFOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!converts(op.getType(), op.getIn().getType(), isBFloat))
      return rewriter.notifyMatchFailure(op, "not f32 to these halves");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Lanes lanes(b, op.getType());
    Value bits = lanes.asInt(adaptor.getIn());
    Value magnitude = lanes.both(bits, 0x7fffffff), sign = lanes.down(lanes.both(bits, 0x80000000), 16);
    Value half = isBFloat ? narrowToBF16(lanes, magnitude) : narrowToF16(b, lanes, magnitude);
    rewriter.replaceOp(op, lanes.store(lanes.either(half, sign), op.getType()));
    return success();
  }

private:
  /// Adds half of the last place that stays, less one where its bit is 0 (ties to even), and cuts off `bits` bits.
  static Value cut(Lanes &lanes, Value magnitude, int64_t bits) {
    Value odd = lanes.both(lanes.down(magnitude, bits), 1);
    Value rounded = lanes.add(lanes.add(magnitude, lanes.constant((int64_t(1) << (bits - 1)) - 1)), odd);
    return lanes.down(rounded, bits);
  }

  static Value narrowToBF16(Lanes &lanes, Value magnitude) {
    return lanes.select(lanes.isAbove(magnitude, 0x7f800000), lanes.constant(int64_t(0x7fc0)), cut(lanes, magnitude, 16));
  }

  static Value narrowToF16(ImplicitLocOpBuilder &b, Lanes &lanes, Value magnitude) {
    // From 2^-14 on: the exponent is 112 less. Beyond the greatest half all is infinity, 0x7c00.
    Value normal = lanes.add(cut(lanes, magnitude, 13), lanes.constant(-(int64_t(112) << 10)));
    normal = lanes.select(lanes.isAbove(normal, 0x7c00), lanes.constant(int64_t(0x7c00)), normal);
    // Below, the last place is 2^-24, which is that of 1/2 as an f32: adding 1/2 rounds.
    Value sum = LLVM::FAddOp::create(b, lanes.asFloat(magnitude), lanes.constant(0.5f));
    Value subnormal = lanes.add(lanes.asInt(sum), lanes.constant(-int64_t(0x3f000000)));
    Value half = lanes.select(lanes.isAbove(magnitude, 0x387fffff), normal, subnormal);
    return lanes.select(lanes.isAbove(magnitude, 0x7f800000), lanes.constant(int64_t(0x7e00)), half);
  }

  bool isBFloat;
};
} // namespace

void lutllvm::populateHalvesPatterns(const LLVMTypeConverter &converter, const LutInstructions &instructions,
                                     RewritePatternSet &patterns) {
  patterns.add<WidenHalves, NarrowToHalves>(converter, /*isBFloat=*/true);
  if (!instructions.halfConversion)
    patterns.add<WidenHalves, NarrowToHalves>(converter, /*isBFloat=*/false);
}

bool lutllvm::isHalvesCastLegal(Type narrow, Type wide, const LutInstructions &instructions) {
  return !converts(narrow, wide, /*isBFloat=*/true) &&
         (instructions.halfConversion || !converts(narrow, wide, /*isBFloat=*/false));
}
