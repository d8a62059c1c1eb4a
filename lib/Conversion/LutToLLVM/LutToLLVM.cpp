//===- LutToLLVM.cpp - lut vector ops to the LLVM dialect -----------------===//
//
// The pass, and what machines without fma do instead. Code generation of a whole
// module uses the patterns instead, together with those of the other dialects.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLLVM/LutToLLVM.h"
#include "lib/Conversion/LutToLLVM/Patterns.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/DialectConversion.h"

namespace lutra {
#define GEN_PASS_DEF_CONVERTLUTTOLLVM
#include "lib/Conversion/LutToLLVM/Passes.h.inc"
} // namespace lutra

using namespace mlir;
using namespace lutra;
using namespace lutra::lutllvm;

namespace {
/// A vector fma without the instruction: exact all the same, through the C library's fma.
template <typename OpTy>
struct CallFma : ConvertOpToLLVMPattern<OpTy> {
  explicit CallFma(const LLVMTypeConverter &converter) : ConvertOpToLLVMPattern<OpTy>(converter, /*benefit=*/2) {}

  LogicalResult matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || type.getRank() != 1 || type.isScalable() || !type.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "not a vector of f32");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value result = callByLane(b, "fma_", type, adaptor.getOperands(), [&](ValueRange operands, Value lane) -> Value {
      SmallVector<Value> scalars;
      for (Value operand : operands)
        scalars.push_back(LLVM::ExtractElementOp::create(b, operand, lane));
      return LLVM::FMAOp::create(b, scalars[0], scalars[1], scalars[2]);
    });
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct ConvertLutToLLVMPass : lutra::impl::ConvertLutToLLVMBase<ConvertLutToLLVMPass> {
  using ConvertLutToLLVMBase::ConvertLutToLLVMBase;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    LLVMTypeConverter converter(context);
    LLVMConversionTarget target(*context);
    // Other dialects may still be there: only what the patterns are for must go.
    target.addIllegalDialect<lut::LutDialect>();
    SmallVector<std::string> names(features.begin(), features.end());
    LutInstructions instructions = LutInstructions::fromFeatures(names);
    RewritePatternSet patterns(context);
    populateLutToLLVMConversionPatterns(converter, instructions, patterns);
    target.addDynamicallyLegalOp<arith::ExtFOp>(
        [&](arith::ExtFOp op) { return isHalvesCastLegal(op.getIn().getType(), op.getType(), instructions); });
    target.addDynamicallyLegalOp<arith::TruncFOp>(
        [&](arith::TruncFOp op) { return isHalvesCastLegal(op.getType(), op.getIn().getType(), instructions); });
    if (failed(applyPartialConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

void lutra::populateLutToLLVMConversionPatterns(const LLVMTypeConverter &converter, const LutInstructions &instructions,
                                                RewritePatternSet &patterns) {
  populateLookupPatterns(converter, instructions, patterns);
  populateAccumulatePatterns(converter, instructions, patterns);
  populateFieldsPatterns(converter, instructions, patterns);
  populateDotPatterns(converter, instructions, patterns);
  populateHalvesPatterns(converter, instructions, patterns);
  if (!instructions.fusedMultiplyAdd)
    patterns.add<CallFma<math::FmaOp>, CallFma<vector::FMAOp>>(converter);
}
