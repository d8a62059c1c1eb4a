//===- NarrowCache.cpp - key-value caches of f16 --------------------------===//
//
// The types of a cache are those of its arguments of @main: the caller sees them in the manifest and allocates what it says. The
// attention rounds what it appends and widens what it reads, so nothing else in the program changes.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"

namespace lutra {
#define GEN_PASS_DEF_NARROWCACHE
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

/// The argument of @main that `value`, a result of an attention, is written to and that nothing else uses; or nothing.
static BlockArgument destinationOf(Value value) {
  if (!value.hasOneUse())
    return {};
  auto write = dyn_cast<bufferization::MaterializeInDestinationOp>(*value.user_begin());
  auto argument = write ? dyn_cast<BlockArgument>(write.getDest()) : BlockArgument();
  return argument && argument.hasOneUse() && isa<MemRefType>(argument.getType()) ? argument : BlockArgument();
}

/// Whether `past` is an argument that only `op` reads (and others ask for the size of).
static bool isOwnPast(Value past, Operation *op) {
  return isa<BlockArgument>(past) && llvm::all_of(past.getUsers(), [&](Operation *user) {
           return user == op || isa<tensor::DimOp>(user);
         });
}

static Type withElement(Type type, Type element) { return cast<ShapedType>(type).clone(element); }

namespace {
struct NarrowCache : lutra::impl::NarrowCacheBase<NarrowCache> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>(lutra::codegen::kEntryName);
    if (!main || main.isExternal())
      return;
    main.walk([&](lutra::lowbit::AttentionOp op) {
      if (op.hasPureTensorSemantics())
        narrow(op);
    });
    main.setType(FunctionType::get(&getContext(), main.front().getArgumentTypes(), main.getResultTypes()));
  }

  void narrow(lutra::lowbit::AttentionOp op) {
    Type element = Float16Type::get(&getContext());
    Value pasts[] = {op.getPastKey(), op.getPastValue()};
    BlockArgument presents[] = {destinationOf(op.getResult(1)), destinationOf(op.getResult(2))};
    auto isNarrow = [&](Value value) { return getElementTypeOrSelf(value.getType()) == element; };
    if (llvm::all_of(pasts, isNarrow))
      return;
    for (int i : {0, 1})
      if (!isOwnPast(pasts[i], op) || !presents[i] || op->getParentOp() != op->getParentOfType<func::FuncOp>()) {
        op.emitWarning("keeps its cache in f32: expected its past and present to be inputs and outputs of the model that nothing "
                       "else uses; keep the cache outside of the model to narrow it");
        return;
      }
    OpBuilder builder(op);
    MutableArrayRef<OpOperand> inits = op.getDpsInitsMutable();
    for (int i : {0, 1}) {
      OpOperand &init = inits[i + 1];
      auto type = cast<RankedTensorType>(withElement(init.get().getType(), element));
      // Only the sizes of a destination tensor count.
      SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, op.getLoc(), init.get());
      init.set(tensor::EmptyOp::create(builder, op.getLoc(), sizes, element));
      op->getResult(i + 1).setType(type);
      pasts[i].setType(withElement(pasts[i].getType(), element));
      presents[i].setType(withElement(presents[i].getType(), element));
    }
  }
};
} // namespace
