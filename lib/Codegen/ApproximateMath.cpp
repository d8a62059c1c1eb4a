//===- ApproximateMath.cpp - transcendental functions that vectorize ------===//
//
// A call of libm in a loop keeps LLVM from vectorizing it. The list below is deliberate: what is not named keeps its exact or
// libm meaning.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "DoubleExp.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/StringSwitch.h"

namespace lutra {
#define GEN_PASS_DEF_APPROXIMATEMATH
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

static bool isApproximated(StringRef op) {
  return llvm::StringSwitch<bool>(op)
      .Cases({math::ExpOp::getOperationName(), math::ExpM1Op::getOperationName(), math::TanhOp::getOperationName(),
              math::ErfOp::getOperationName(), math::LogOp::getOperationName(), math::Log2Op::getOperationName(),
              math::Log1pOp::getOperationName()},
             true)
      .Default(false);
}

namespace {
struct ApproximateMath : lutra::impl::ApproximateMathBase<ApproximateMath> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns, isApproximated);
    lutra::populateDoubleExpPatterns(patterns);
    math::populateExpansionPatterns(patterns, {"rsqrt", "sinh", "cosh", "exp2"});
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
