//===- Dot.cpp - lut.dot to multiply-add instructions ---------------------===//
//
// vpdpbusd multiplies unsigned by signed bytes; vpmaddubsw does too, but saturates sums of two, which weights up to 127 cannot reach:
// 2 * 127 * 128 = 32512. sdot reads both as signed, which such weights are as well. Of greater weights the top bit is multiplied by itself: as 128 its sums of
// two are -32768 to 2 * 128 * 127 = 32512, still within 16 bits; to sdot it is -128, and its sum is taken off. Elsewhere bytes are brought to 32 bits by shifts.
//
// Lanes of 16 bits hold sums of two, of weights up to 127: vpmaddubsw, or NEON's smull and addp, or shifts.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLLVM/Patterns.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutllvm;

namespace {
/// The greatest weight that is the same number read as signed, and that two products of a saturating multiply-add hold; one more is the top bit of a byte.
constexpr int64_t kLargestSigned = 127;

struct DotLowering : ConvertOpToLLVMPattern<lut::DotOp> {
  DotLowering(const LLVMTypeConverter &converter, const LutInstructions &instructions)
      : ConvertOpToLLVMPattern(converter), instructions(instructions) {}

  LogicalResult matchAndRewrite(lut::DotOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    int64_t bytes = op.getWeights().getType().getDimSize(0);
    if (op.getType().getElementType().isInteger(16)) {
      rewriter.replaceOp(op, addPairs(b, adaptor.getWeights(), adaptor.getCodes(), adaptor.getAccumulator()));
      return success();
    }
    bool fits = static_cast<int64_t>(op.getLargest()) <= kLargestSigned;
    struct Form {
      bool enabled;
      int64_t bytes;
      StringRef dot, pairs, quads;
    };
    const Form forms[] = {
        {instructions.avx512vnni, 64, "llvm.x86.avx512.vpdpbusd.512", "", ""},
        {instructions.avx512bw, 64, "", "llvm.x86.avx512.pmaddubs.w.512", "llvm.x86.avx512.pmaddw.d.512"},
        {instructions.vnni256, 32, "llvm.x86.avx512.vpdpbusd.256", "", ""},
        {instructions.avx2, 32, "", "llvm.x86.avx2.pmadd.ub.sw", "llvm.x86.avx2.pmadd.wd"},
        {instructions.vnni256, 16, "llvm.x86.avx512.vpdpbusd.128", "", ""},
        {instructions.ssse3, 16, "", "llvm.x86.ssse3.pmadd.ub.sw.128", "llvm.x86.sse2.pmadd.wd"},
        {instructions.dotprod, 16, "llvm.aarch64.neon.sdot.v4i32.v16i8", "", ""},
    };
    const Form *form = llvm::find_if(forms, [&](const Form &candidate) {
      return candidate.enabled && bytes % candidate.bytes == 0 && llvm::isPowerOf2_64(bytes / candidate.bytes);
    });
    if (form == std::end(forms)) {
      rewriter.replaceOp(op, byShifts(b, adaptor.getWeights(), adaptor.getCodes(), adaptor.getAccumulator()));
      return success();
    }
    SmallVector<Value> parts;
    for (int64_t begin = 0; begin < bytes; begin += form->bytes) {
      Value weights = slice(b, adaptor.getWeights(), begin, form->bytes);
      Value codes = slice(b, adaptor.getCodes(), begin, form->bytes);
      Value sum = slice(b, adaptor.getAccumulator(), begin / 4, form->bytes / 4);
      bool isWhole = fits || form->dot.starts_with("llvm.x86");
      auto bytesType = cast<VectorType>(weights.getType());
      Value low = isWhole ? weights : LLVM::AndOp::create(b, weights, splat(b, bytesType, kLargestSigned)).getResult();
      Value top = isWhole ? Value() : LLVM::AndOp::create(b, weights, splat(b, bytesType, kLargestSigned + 1)).getResult();
      if (!form->dot.empty()) {
        sum = callIntrinsic(b, form->dot, sum.getType(), {sum, low, codes});
        if (top) {
          Value zero = splat(b, cast<VectorType>(sum.getType()), 0);
          sum = LLVM::SubOp::create(b, sum, callIntrinsic(b, form->dot, sum.getType(), {zero, top, codes}));
        }
        parts.push_back(sum);
        continue;
      }
      auto halves = VectorType::get({form->bytes / 2}, b.getI16Type());
      for (Value part : {low, top}) {
        if (!part)
          continue;
        Value pairs = callIntrinsic(b, form->pairs, halves, {part, codes});
        sum = LLVM::AddOp::create(b, sum, callIntrinsic(b, form->quads, sum.getType(), {pairs, splat(b, halves, 1)}));
      }
      parts.push_back(sum);
    }
    rewriter.replaceOp(op, concat(b, parts));
    return success();
  }

private:
  /// Sums of two products, in lanes of 16 bits.
  Value addPairs(ImplicitLocOpBuilder &b, Value weights, Value codes, Value sum) const {
    struct Form {
      bool enabled;
      int64_t bytes;
      StringRef pairs;
    };
    const Form forms[] = {{instructions.avx512bw, 64, "llvm.x86.avx512.pmaddubs.w.512"},
                          {instructions.avx2, 32, "llvm.x86.avx2.pmadd.ub.sw"},
                          {instructions.ssse3, 16, "llvm.x86.ssse3.pmadd.ub.sw.128"},
                          {instructions.neon, 16, ""}};
    const int64_t bytes = cast<VectorType>(weights.getType()).getDimSize(0);
    const Form *form = llvm::find_if(forms, [&](const Form &candidate) {
      return candidate.enabled && bytes % candidate.bytes == 0 && llvm::isPowerOf2_64(bytes / candidate.bytes);
    });
    if (form == std::end(forms))
      return pairsByShifts(b, weights, codes, sum);
    SmallVector<Value> parts;
    for (int64_t begin = 0; begin < bytes; begin += form->bytes) {
      auto lanes = VectorType::get({form->bytes / 2}, b.getI16Type());
      Value weightsOfPart = slice(b, weights, begin, form->bytes), codesOfPart = slice(b, codes, begin, form->bytes);
      Value pairs = form->pairs.empty() ? pairsOfNeon(b, weightsOfPart, codesOfPart)
                                        : callIntrinsic(b, form->pairs, lanes, {weightsOfPart, codesOfPart});
      parts.push_back(LLVM::AddOp::create(b, slice(b, sum, begin / 2, form->bytes / 2), pairs));
    }
    return concat(b, parts);
  }

  /// 16 products of 16 bits, and the sums of neighbours.
  static Value pairsOfNeon(ImplicitLocOpBuilder &b, Value weights, Value codes) {
    auto lanes = VectorType::get({8}, b.getI16Type());
    Value products[2];
    for (int64_t half : {0, 1})
      products[half] = callIntrinsic(b, "llvm.aarch64.neon.smull.v8i16", lanes, {slice(b, weights, 8 * half, 8), slice(b, codes, 8 * half, 8)});
    return callIntrinsic(b, "llvm.aarch64.neon.addp.v8i16", lanes, {products[0], products[1]});
  }

  /// Any machine: both bytes of a lane of 16 bits, one after the other.
  static Value pairsByShifts(ImplicitLocOpBuilder &b, Value weights, Value codes, Value sum) {
    auto type = cast<VectorType>(sum.getType());
    Value weightLanes = LLVM::BitcastOp::create(b, type, weights), codeLanes = LLVM::BitcastOp::create(b, type, codes);
    Value eight = splat(b, type, 8);
    Value low = LLVM::MulOp::create(b, LLVM::AndOp::create(b, weightLanes, splat(b, type, 255)),
                                    LLVM::AShrOp::create(b, LLVM::ShlOp::create(b, codeLanes, eight), eight));
    Value high = LLVM::MulOp::create(b, LLVM::LShrOp::create(b, weightLanes, eight), LLVM::AShrOp::create(b, codeLanes, eight));
    return LLVM::AddOp::create(b, LLVM::AddOp::create(b, sum, low), high);
  }

  /// Any machine: byte i of a lane is shifted down, with zeros or with its sign.
  static Value byShifts(ImplicitLocOpBuilder &b, Value weights, Value codes, Value sum) {
    auto type = cast<VectorType>(sum.getType());
    Value unsignedLanes = LLVM::BitcastOp::create(b, type, weights), signedLanes = LLVM::BitcastOp::create(b, type, codes);
    for (int64_t byte = 0; byte < 4; ++byte) {
      Value weight = LLVM::LShrOp::create(b, unsignedLanes, splat(b, type, 8 * byte));
      weight = LLVM::AndOp::create(b, weight, splat(b, type, 255));
      Value code = LLVM::ShlOp::create(b, signedLanes, splat(b, type, 24 - 8 * byte));
      code = LLVM::AShrOp::create(b, code, splat(b, type, 24));
      sum = LLVM::AddOp::create(b, sum, LLVM::MulOp::create(b, weight, code));
    }
    return sum;
  }

  LutInstructions instructions;
};
} // namespace

void lutllvm::populateDotPatterns(const LLVMTypeConverter &converter, const LutInstructions &instructions,
                                  RewritePatternSet &patterns) {
  patterns.add<DotLowering>(converter, instructions);
}
