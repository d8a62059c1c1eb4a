//===- LutToLoops.cpp - structured lut ops on buffers to loops ------------===//
#include "lib/Conversion/LutToLoops/LutToLoops.h"
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

namespace lutra {
#define GEN_PASS_DEF_CONVERTLUTTOLOOPS
#include "lib/Conversion/LutToLoops/Passes.h.inc"
} // namespace lutra

using namespace mlir;
using namespace lutra;

namespace {
struct ConvertLutToLoopsPass : lutra::impl::ConvertLutToLoopsBase<ConvertLutToLoopsPass> {
  using ConvertLutToLoopsBase::ConvertLutToLoopsBase;

  void runOnOperation() override {
    ConvertLutToLoopsOptions options{accumulatorBits, vectorRows, prefetchBytes, streamPrefetchBytes, streams, chunkRows, lookupEntries, prefetchLevel, readsAhead, rowPasses, headBytes, quickPermutes};
    if (options.accumulatorBits != 16 && options.accumulatorBits != 32) {
      getOperation().emitError() << "accumulator-bits must be 16 or 32, but is " << options.accumulatorBits;
      return signalPassFailure();
    }
    if (options.vectorRows < 1 || options.prefetchBytes < 0 || options.streamPrefetchBytes < 0 || options.streams < 1 || options.chunkRows < 1) {
      getOperation().emitError("vector-rows, streams and chunk-rows must be positive, and prefetch-bytes and stream-prefetch-bytes not negative");
      return signalPassFailure();
    }
    if (options.headBytes < 0) {
      getOperation().emitError() << "head-bytes must not be negative, but is " << options.headBytes;
      return signalPassFailure();
    }
    if (options.rowPasses < 1) {
      getOperation().emitError() << "row-passes must be positive, but is " << options.rowPasses;
      return signalPassFailure();
    }
    if (options.prefetchLevel < 1 || options.prefetchLevel > 3) {
      getOperation().emitError() << "prefetch-level must be 1, 2 or 3, but is " << options.prefetchLevel;
      return signalPassFailure();
    }
    if (options.lookupEntries != 16 && options.lookupEntries != 64) {
      getOperation().emitError() << "lookup-entries must be 16 or 64, but is " << options.lookupEntries;
      return signalPassFailure();
    }
    SmallVector<Operation *> ops;
    Operation *refused = nullptr;
    getOperation().walk([&](Operation *op) {
      if (isa<lut::PrecomputeOp, lut::MatmulOp, lut::PrepareCodesOp, lut::IntegerMatmulOp, lut::DenseMatmulOp, lut::QuantizeOp>(op))
        ops.push_back(op);
      if (isa<lut::NormPrecomputeOp>(op))
        refused = op;
    });
    if (refused) {
      refused->emitOpError("is for targets that make tables in kernels of their own, but found loops asked for; leave lut-fuse-norms out of the pipeline");
      return signalPassFailure();
    }
    lutloops::KernelFunctions functions(getOperation(), options);
    for (Operation *op : ops) {
      LogicalResult lowered =
          llvm::TypeSwitch<Operation *, LogicalResult>(op)
              .Case<lut::PrecomputeOp, lut::MatmulOp, lut::PrepareCodesOp, lut::IntegerMatmulOp, lut::DenseMatmulOp, lut::QuantizeOp>(
                  [&](auto structured) { return functions.lower(structured); });
      if (failed(lowered))
        return signalPassFailure();
    }
    functions.askForNextProducts();
  }
};
} // namespace
