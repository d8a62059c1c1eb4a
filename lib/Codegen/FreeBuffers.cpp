//===- FreeBuffers.cpp - free each buffer after its last use --------------===//
//
// The functions of this compiler are straight lines of operations on buffers, so that the last use of a buffer is simply the
// last operation of its block that uses the buffer or an alias of it. Upstream's ownership-based deallocation solves the
// general problem at the price of run-time ownership flags; here a buffer that leaves its block is an error.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace lutra {
#define GEN_PASS_DEF_FREEBUFFERS
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

namespace {
struct FreeBuffers : lutra::impl::FreeBuffersBase<FreeBuffers> {
  void runOnOperation() override {
    BufferViewFlowAnalysis aliases(getOperation());
    SmallVector<memref::AllocOp> allocs;
    getOperation().walk([&](memref::AllocOp op) { allocs.push_back(op); });
    for (memref::AllocOp alloc : allocs)
      if (failed(freeAfterLastUse(alloc, aliases)))
        return signalPassFailure();
  }

  LogicalResult freeAfterLastUse(memref::AllocOp alloc, BufferViewFlowAnalysis &aliases) {
    Block *block = alloc->getBlock();
    Operation *last = alloc;
    for (Value alias : aliases.resolve(alloc.getResult())) {
      for (Operation *user : alias.getUsers()) {
        if (isa<memref::DeallocOp>(user))
          return success();
        Operation *inBlock = block->findAncestorOpInBlock(*user);
        if (!inBlock || inBlock->hasTrait<OpTrait::IsTerminator>()) {
          InFlightDiagnostic diag = alloc.emitError("this buffer leaves the block that allocates it, so nothing can free it");
          diag.attachNote(user->getLoc()) << "it leaves here: store it into a buffer that outlives the block instead";
          return diag;
        }
        if (last->isBeforeInBlock(inBlock))
          last = inBlock;
      }
    }
    OpBuilder builder(alloc.getContext());
    builder.setInsertionPointAfter(last);
    memref::DeallocOp::create(builder, alloc.getLoc(), alloc.getResult());
    return success();
  }
};
} // namespace
