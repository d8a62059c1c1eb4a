//===- FreeBuffers.cpp - free each buffer after its last use --------------===//
//
// The functions of this compiler are straight lines of operations on buffers, so that the last use of a buffer is
// simply the last operation of its block that uses the buffer or an alias of it. A choice (scf.if) whose branches
// compute new tensors hands buffers to the block around it: there, whichever branch runs makes the result a buffer of
// its own, so that who frees it is known when the model is compiled. Upstream's ownership-based deallocation solves the
// general problem at the price of run-time ownership flags; here a buffer that leaves its block in any other way is an
// error.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/SetVector.h"

namespace lutra {
#define GEN_PASS_DEF_FREEBUFFERS
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

namespace {

/// The buffer that `value` is a view of.
Value getViewed(Value value) {
  while (auto view = value.getDefiningOp<ViewLikeOpInterface>())
    value = view.getViewSource();
  return value;
}

struct FreeBuffers : lutra::impl::FreeBuffersBase<FreeBuffers> {
  void runOnOperation() override {
    owners.clear();
    handedOn.clear();
    getOperation().walk([&](memref::AllocOp op) { owners.insert(op.getResult()); });
    // Post-order: what an inner choice makes its own, the one around it may hand on.
    getOperation().walk([&](scf::IfOp choice) { ownResults(choice); });
    BufferViewFlowAnalysis aliases(getOperation());
    for (Value owner : owners)
      if (!handedOn.contains(owner) && failed(freeAfterLastUse(owner, aliases)))
        return signalPassFailure();
  }

  /// Makes each result that a branch allocates the choice's own: the other branch yields a copy of what outlives it.
  void ownResults(scf::IfOp choice) {
    if (choice.getNumResults() == 0)
      return;
    scf::YieldOp yields[] = {choice.thenYield(), choice.elseYield()};
    for (OpResult result : choice.getResults()) {
      unsigned index = result.getResultNumber();
      auto isAllocated = [&](scf::YieldOp yield) {
        Value viewed = getViewed(yield.getOperand(index));
        return owners.contains(viewed) && viewed.getParentBlock() == yield->getBlock();
      };
      if (!isa<MemRefType>(result.getType()) || llvm::none_of(yields, isAllocated))
        continue;
      for (scf::YieldOp yield : yields) {
        OpOperand &handed = yield->getOpOperand(index);
        // One buffer under two results would be freed twice.
        if (!isAllocated(yield) || !handedOn.insert(getViewed(handed.get())))
          copy(handed);
      }
      owners.insert(result);
    }
  }

  /// Replaces what `use` hands on by a new buffer with the same elements.
  void copy(OpOperand &use) {
    ImplicitLocOpBuilder builder(use.getOwner()->getLoc(), use.getOwner());
    Value source = use.get();
    auto type = cast<MemRefType>(source.getType());
    SmallVector<Value> sizes;
    for (auto [dim, size] : llvm::enumerate(type.getShape()))
      if (ShapedType::isDynamic(size))
        sizes.push_back(memref::DimOp::create(builder, source, dim));
    auto plain =
        MemRefType::get(type.getShape(), type.getElementType(), MemRefLayoutAttrInterface(), type.getMemorySpace());
    Value target = memref::AllocOp::create(builder, plain, sizes);
    memref::CopyOp::create(builder, source, target);
    owners.insert(target);
    handedOn.insert(target);
    use.set(plain == type ? target : Value(memref::CastOp::create(builder, type, target)));
  }

  /// Frees `owner` behind the last operation of its block that uses it or a view of it.
  LogicalResult freeAfterLastUse(Value owner, BufferViewFlowAnalysis &aliases) {
    Operation *definition = owner.getDefiningOp(), *last = definition;
    Block *block = definition->getBlock();
    for (Value alias : aliases.resolve(owner)) {
      for (Operation *user : alias.getUsers()) {
        if (isa<memref::DeallocOp>(user))
          return success();
        Operation *inBlock = block->findAncestorOpInBlock(*user);
        if (!inBlock || inBlock->hasTrait<OpTrait::IsTerminator>()) {
          InFlightDiagnostic diag =
              definition->emitError("this buffer leaves the block that allocates it, so nothing can free it");
          diag.attachNote(user->getLoc()) << "it leaves here: store it into a buffer that outlives the block instead";
          return diag;
        }
        if (last->isBeforeInBlock(inBlock))
          last = inBlock;
      }
    }
    OpBuilder builder(owner.getContext());
    builder.setInsertionPointAfter(last);
    memref::DeallocOp::create(builder, definition->getLoc(), owner);
    return success();
  }

  /// Values that somebody has to free, in the order of their definitions; and those that a choice hands on.
  llvm::SetVector<Value> owners, handedOn;
};
} // namespace
