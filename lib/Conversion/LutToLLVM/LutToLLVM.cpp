//===- LutToLLVM.cpp - lut vector ops to the LLVM dialect -----------------===//
//
// The pass, and what machines without f16 conversion or without fma do instead. Code generation of a whole
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
/// f16 to f32 in integers, exactly. Shifted by 13 bits, exponent and mantissa of a half are those of the float
/// 2^112 times smaller (zeros and subnormals too); infinities and NaNs get the float's exponent instead.
struct WidenHalfs : ConvertOpToLLVMPattern<arith::ExtFOp> {
  explicit WidenHalfs(const LLVMTypeConverter &converter) : ConvertOpToLLVMPattern(converter, /*benefit=*/2) {}

  LogicalResult matchAndRewrite(arith::ExtFOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    auto source = dyn_cast<VectorType>(op.getIn().getType());
    auto result = dyn_cast<VectorType>(op.getType());
    if (!source || source.getRank() != 1 || source.isScalable() || !source.getElementType().isF16() ||
        !result.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "not a vector of f16 to f32");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto i16Type = VectorType::get(source.getShape(), b.getI16Type());
    auto i32Type = VectorType::get(source.getShape(), b.getI32Type());
    auto f32Splat = [&](float value) -> Value {
      return LLVM::ConstantOp::create(b, result, DenseElementsAttr::get(result, value));
    };
    Value bits = LLVM::ZExtOp::create(b, i32Type, LLVM::BitcastOp::create(b, i16Type, adaptor.getIn()));
    Value magnitude = LLVM::AndOp::create(b, bits, splat(b, i32Type, 0x7fff));
    Value sign = LLVM::ShlOp::create(b, LLVM::AndOp::create(b, bits, splat(b, i32Type, 0x8000)), splat(b, i32Type, 16));
    Value shifted = LLVM::ShlOp::create(b, magnitude, splat(b, i32Type, 13));
    Value finite = LLVM::FMulOp::create(b, LLVM::BitcastOp::create(b, result, shifted), f32Splat(0x1p112f));
    Value special = LLVM::OrOp::create(b, shifted, splat(b, i32Type, 0x7f800000));
    Value isSpecial = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::uge, magnitude, splat(b, i32Type, 0x7c00));
    Value unsignedBits =
        LLVM::SelectOp::create(b, isSpecial, special, LLVM::BitcastOp::create(b, i32Type, finite).getResult());
    rewriter.replaceOpWithNewOp<LLVM::BitcastOp>(op, result, LLVM::OrOp::create(b, unsignedBits, sign));
    return success();
  }
};

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
    if (!instructions.halfConversion)
      target.addDynamicallyLegalOp<arith::ExtFOp>([](arith::ExtFOp op) {
        auto source = dyn_cast<VectorType>(op.getIn().getType());
        return !source || source.getRank() != 1 || source.isScalable() || !source.getElementType().isF16() ||
               !getElementTypeOrSelf(op.getType()).isF32();
      });
    if (failed(applyPartialConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

void lutra::populateLutToLLVMConversionPatterns(const LLVMTypeConverter &converter, const LutInstructions &instructions,
                                                RewritePatternSet &patterns) {
  populateLookupPatterns(converter, instructions, patterns);
  populateAccumulatePatterns(converter, instructions, patterns);
  if (!instructions.halfConversion)
    patterns.add<WidenHalfs>(converter);
  if (!instructions.fusedMultiplyAdd)
    patterns.add<CallFma<math::FmaOp>, CallFma<vector::FMAOp>>(converter);
}
