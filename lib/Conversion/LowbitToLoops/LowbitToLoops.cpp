//===- LowbitToLoops.cpp - lowbit ops on buffers to loops -----------------===//

#include "lib/Conversion/LowbitToLoops/LowbitToLoops.h"

#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lut/IR/Lut.h"
#include "lib/Conversion/LowbitToLoops/AttentionKernel.h"
#include "lib/Conversion/LowbitToLoops/CacheBeginnings.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace lutra {
#define GEN_PASS_DEF_CONVERTLOWBITTOLOOPS
#include "lib/Conversion/LowbitToLoops/Passes.h.inc"

namespace {

/// What two attention ops must agree on to share a function.
using Signature = std::pair<ArrayAttr, DictionaryAttr>;

Signature getSignature(lowbit::AttentionOp op) {
  Builder builder(op.getContext());
  return {builder.getTypeArrayAttr(SmallVector<Type>(op->getOperandTypes())), op->getAttrDictionary()};
}

/// Whether `op` stands in a choice whose other branch makes tables of floats: there activations are quantized for speed (lowbit-select-strategy, by-rows).
bool hasFloatsInstead(Operation *op) {
  auto choice = op->getParentOfType<scf::IfOp>();
  return choice && !choice.getElseRegion().empty() && choice.getElseRegion().walk([](lut::PrecomputeOp tables) {
    return tables.getActScales() ? WalkResult::advance() : WalkResult::interrupt();
  }).wasInterrupted();
}

/// Whether products are of codes, through tables or multiplied: the model was trained with quantized activations, or is run so for any number of rows.
bool quantizesActivations(ModuleOp module) {
  return module
      .walk([](Operation *op) {
        auto precompute = dyn_cast<lut::PrecomputeOp>(op);
        bool ofCodes = precompute ? getElementTypeOrSelf(precompute->getOperand(0).getType()).isInteger()
                                  : op->getName().getStringRef() == "lut.prepare_codes";
        return ofCodes && !hasFloatsInstead(op) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

struct ConvertLowbitToLoops : impl::ConvertLowbitToLoopsBase<ConvertLowbitToLoops> {
  using ConvertLowbitToLoopsBase::ConvertLowbitToLoopsBase;

  void runOnOperation() override {
    if (sums != "auto" && sums != "f32" && sums != "f64") {
      getOperation().emitError("convert-lowbit-to-loops: option 'sums' is '") << sums << "', expected auto, f32 or f64";
      return signalPassFailure();
    }
    if (headBytes < 0) {
      getOperation().emitError("convert-lowbit-to-loops: option 'head-bytes' must not be negative, but is ") << headBytes.getValue();
      return signalPassFailure();
    }
    inF64 = sums == "f64" || (sums == "auto" && quantizesActivations(getOperation()));
    SmallVector<lowbit::AttentionOp> ops;
    WalkResult walked = getOperation().walk([&](lowbit::AttentionOp op) {
      if (!op.hasPureBufferSemantics()) {
        op.emitOpError("must be on buffers: run one-shot-bufferize before convert-lowbit-to-loops");
        return WalkResult::interrupt();
      }
      if (failed(AttentionKernel::verify(op)))
        return WalkResult::interrupt();
      ops.push_back(op);
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();

    SymbolTable symbols(getOperation());
    llvm::DenseMap<Signature, func::FuncOp> functions;
    for (lowbit::AttentionOp op : ops) {
      func::FuncOp &function = functions[getSignature(op)];
      if (!function)
        function = createFunction(op, symbols);
      OpBuilder builder(op);
      func::CallOp::create(builder, op.getLoc(), function, op->getOperands());
      op->erase();
    }

    // The 16 x 16 transposes of key tiles become shuffles here, where their shape is known to be worth it.
    for (auto &[signature, function] : functions) {
      RewritePatternSet patterns(&getContext());
      vector::populateVectorTransposeLoweringPatterns(patterns, vector::VectorTransposeLowering::Shuffle16x16);
      if (failed(applyPatternsGreedily(function, std::move(patterns))))
        return signalPassFailure();
    }
  }

  func::FuncOp createFunction(lowbit::AttentionOp op, SymbolTable &symbols) {
    OpBuilder builder(&getContext());
    auto type = builder.getFunctionType(op->getOperandTypes(), {});
    auto function = func::FuncOp::create(op.getLoc(), "attention", type);
    function.setPrivate();
    symbols.insert(function, getOperation().getBody()->end());
    Block *body = function.addEntryBlock();
    builder.setInsertionPointToStart(body);
    FloatType element = inF64 ? FloatType(builder.getF64Type()) : builder.getF32Type();
    if (headBytes > 0)
      readCacheBeginnings(op, body->getArguments(), headBytes, builder);
    AttentionKernel(op, body->getArguments(), element, prefetchBytes, builder).emit();
    func::ReturnOp::create(builder, op.getLoc());
    return function;
  }

  bool inF64 = false;
};

} // namespace
} // namespace lutra
