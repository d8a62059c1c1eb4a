//===- NarrowCache.cpp - key-value caches of f16 or codes -----------------===//
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

/// Elements that share a scale in a cache of 4 bits, where the head size is a multiple: as many as in the 4-bit caches of other engines.
static constexpr int64_t kGroup = 32;

namespace {
/// What a cache becomes: its elements, and the attributes of its attention where they are codes.
struct Kind {
  Type element;
  int64_t bits = 0, group = 0;
};

struct NarrowCache : lutra::impl::NarrowCacheBase<NarrowCache> {
  using NarrowCacheBase::NarrowCacheBase;

  void runOnOperation() override {
    if (kind != "f16" && kind != "i8" && kind != "i4") {
      getOperation().emitError("lutra-narrow-cache: option 'kind' is '") << kind << "', expected f16, i8 or i4";
      return signalPassFailure();
    }
    auto main = getOperation().lookupSymbol<func::FuncOp>(lutra::codegen::kEntryName);
    if (!main || main.isExternal())
      return;
    main.walk([&](lutra::lowbit::AttentionOp op) {
      if (op.hasPureTensorSemantics())
        narrow(op);
    });
    main.setType(FunctionType::get(&getContext(), main.front().getArgumentTypes(), main.getResultTypes()));
  }

  /// The kind of cache that the option asks for, for heads of `size` elements; nothing when it does not fit them.
  std::optional<Kind> kindFor(int64_t size) {
    if (kind == "f16")
      return Kind{Float16Type::get(&getContext())};
    Type byte = IntegerType::get(&getContext(), 8);
    if (ShapedType::isDynamic(size))
      return std::nullopt;
    if (kind == "i8")
      return Kind{byte, 8, size};
    if (size % 2 != 0)
      return std::nullopt;
    return Kind{byte, 4, size % kGroup == 0 ? kGroup : size};
  }

  void narrow(lutra::lowbit::AttentionOp op) {
    Value pasts[] = {op.getPastKey(), op.getPastValue()};
    BlockArgument presents[] = {destinationOf(op.getResult(1)), destinationOf(op.getResult(2))};
    // What the model keeps in f16 or codes stays as it says.
    if (!getElementTypeOrSelf(pasts[0].getType()).isF32())
      return;
    int64_t size = op.getHeadSize();
    std::optional<Kind> wanted = kindFor(size);
    if (!wanted) {
      op.emitWarning("keeps its cache in f32: codes need heads of a static size, which is even for 4 bits; take cpu.kv-cache=f16");
      return;
    }
    for (int i : {0, 1})
      if (!isOwnPast(pasts[i], op) || !presents[i] || op->getParentOp() != op->getParentOfType<func::FuncOp>()) {
        op.emitWarning("keeps its cache in f32: expected its past and present to be inputs and outputs of the model that nothing "
                       "else uses; keep the cache outside of the model to narrow it");
        return;
      }
    OpBuilder builder(op);
    MutableArrayRef<OpOperand> inits = op.getDpsInitsMutable();
    int64_t line = wanted->bits ? lutra::lowbit::AttentionOp::getLineBytes(size, wanted->bits, wanted->group) : 0;
    auto narrowed = [&](Type type) -> Type {
      auto shaped = cast<ShapedType>(type);
      SmallVector<int64_t> shape(shaped.getShape());
      if (line)
        shape.back() = line;
      return shaped.cloneWith(ArrayRef<int64_t>(shape), wanted->element);
    };
    for (int i : {0, 1}) {
      OpOperand &init = inits[i + 1];
      auto type = cast<RankedTensorType>(narrowed(init.get().getType()));
      // Only the sizes of a destination tensor count.
      SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, op.getLoc(), init.get());
      if (line)
        sizes.back() = builder.getIndexAttr(line);
      init.set(tensor::EmptyOp::create(builder, op.getLoc(), sizes, wanted->element));
      op->getResult(i + 1).setType(type);
      pasts[i].setType(narrowed(pasts[i].getType()));
      presents[i].setType(narrowed(presents[i].getType()));
    }
    if (wanted->bits) {
      op.setCacheBits(wanted->bits);
      op.setCacheGroup(wanted->group);
    }
  }
};
} // namespace
