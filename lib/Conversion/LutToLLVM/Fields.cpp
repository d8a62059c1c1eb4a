//===- Fields.cpp - lut.fields to shifts within words ---------------------===//
//
// vpmultishiftqb takes eight fields of each word of 64 bits. Elsewhere byte after byte of all words: words are turned right by that byte's places, whose low byte
// is the field.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLLVM/Patterns.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutllvm;

namespace {
struct FieldsLowering : ConvertOpToLLVMPattern<lut::FieldsOp> {
  FieldsLowering(const LLVMTypeConverter &converter, const LutInstructions &instructions)
      : ConvertOpToLLVMPattern(converter), instructions(instructions) {}

  LogicalResult matchAndRewrite(lut::FieldsOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    VectorType type = op.getType();
    if (instructions.avx512vbmi && type.getDimSize(0) == 64) {
      rewriter.replaceOp(op, callIntrinsic(b, "llvm.x86.avx512.pmultishift.qb.512", type, {adaptor.getPlaces(), adaptor.getSource()}));
      return success();
    }
    auto words = VectorType::get({type.getDimSize(0) / 8}, b.getI64Type());
    Value source = LLVM::BitcastOp::create(b, words, adaptor.getSource()), places = LLVM::BitcastOp::create(b, words, adaptor.getPlaces());
    Value result;
    for (int64_t byte = 0; byte < 8; ++byte) {
      Value amount = LLVM::AndOp::create(b, LLVM::LShrOp::create(b, places, splat(b, words, 8 * byte)), splat(b, words, 63));
      Value field = LLVM::AndOp::create(b, LLVM::FshrOp::create(b, source, source, amount), splat(b, words, 255));
      field = LLVM::ShlOp::create(b, field, splat(b, words, 8 * byte));
      result = result ? LLVM::OrOp::create(b, result, field).getResult() : field;
    }
    rewriter.replaceOpWithNewOp<LLVM::BitcastOp>(op, type, result);
    return success();
  }

private:
  LutInstructions instructions;
};
} // namespace

void lutllvm::populateFieldsPatterns(const LLVMTypeConverter &converter, const LutInstructions &instructions,
                                    RewritePatternSet &patterns) {
  patterns.add<FieldsLowering>(converter, instructions);
}
