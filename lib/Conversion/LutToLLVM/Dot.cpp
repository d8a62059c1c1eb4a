//===- Dot.cpp - lut.dot to multiply-add instructions ---------------------===//
//
// vpdpbusd multiplies unsigned by signed bytes; vpmaddubsw does too, but saturates sums of two, which weights up to 127 cannot reach:
// 2 * 127 * 128 = 32512. sdot reads both as signed, which such weights are as well. Of greater weights the top bit is multiplied by itself: as 128 its sums of
// two are -32768 to 2 * 128 * 127 = 32512, still within 16 bits; to sdot it is -128, and its sum is taken off. Elsewhere bytes are brought to 32 bits by shifts.
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
