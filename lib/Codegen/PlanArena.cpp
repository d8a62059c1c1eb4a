//===- PlanArena.cpp - the buffers of a call in one block of memory -------===//
//
// @main is a straight line, so a buffer lives from its allocation to its `memref.dealloc`, and which buffers live at the same time is
// known when the model is compiled. Buffers that never do share a slot of one arena.
//
// A size may depend on the number of tokens. Only sizes with the same dynamic factors can be compared then, so slots are shared among those:
// all of a decoder's buffers are so many bytes for each token. Where a slot begins follows from the sizes when the call begins.
//
// Invariant: the arena's bytes are known before its first buffer is used. A buffer whose size is only known later keeps its own
// allocation, and so does one that no dealloc of the same block ends.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace lutra {
#define GEN_PASS_DEF_PLANARENA
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

/// Slots begin at lines of the machine's caches, as allocations do.
static constexpr int64_t kAlignment = 64;

namespace {
/// A buffer of @main: live from its allocation to its end.
struct Buffer {
  memref::AllocOp allocation;
  memref::DeallocOp end;
  /// Its size: so many bytes for each unit of the product of these.
  int64_t bytes;
  SmallVector<Value> factors;
};

/// Buffers that take turns in the same memory. The first is the largest.
struct Slot {
  SmallVector<Buffer> buffers;
  int64_t bytes = 0;

  bool isFreeFor(const Buffer &other) const {
    return llvm::none_of(buffers, [&](const Buffer &buffer) {
      return buffer.allocation->isBeforeInBlock(other.end) && other.allocation->isBeforeInBlock(buffer.end);
    });
  }
};

struct PlanArena : lutra::impl::PlanArenaBase<PlanArena> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>(lutra::codegen::kEntryName);
    if (!main || main.isExternal())
      return;
    if (Operation *taken = module.lookupSymbol(lutra::codegen::kArenaName)) {
      taken->emitError() << "'" << lutra::codegen::kArenaName << "' is the function that gives a call its arena; rename this symbol";
      return signalPassFailure();
    }
    auto allocations = llvm::to_vector(main.front().getOps<memref::AllocOp>());
    if (allocations.empty())
      return;
    begin = allocations.front();

    // By the dynamic factors of the size.
    llvm::MapVector<SmallVector<Value>, SmallVector<Buffer>> classes;
    for (memref::AllocOp allocation : allocations)
      if (std::optional<Buffer> buffer = getBuffer(allocation))
        classes[buffer->factors].push_back(*buffer);
    if (!classes.empty())
      build(module, classes);
  }

private:
  /// What the arena has to know of `allocation`, or nothing where it cannot hold it.
  std::optional<Buffer> getBuffer(memref::AllocOp allocation) {
    MemRefType type = allocation.getType();
    Type element = type.getElementType();
    if (!element.isIntOrFloat() || !type.getLayout().isIdentity() || type.getMemorySpace() ||
        allocation.getAlignment().value_or(1) > static_cast<uint64_t>(kAlignment))
      return std::nullopt;
    auto isEnd = [](Operation *user) { return isa<memref::DeallocOp>(user); };
    if (llvm::count_if(allocation->getUsers(), isEnd) != 1)
      return std::nullopt;
    auto end = cast<memref::DeallocOp>(*llvm::find_if(allocation->getUsers(), isEnd));
    if (end->getBlock() != allocation->getBlock())
      return std::nullopt;
    Buffer buffer{allocation, end, static_cast<int64_t>(llvm::divideCeil(element.getIntOrFloatBitWidth(), 8)), {}};
    for (OpFoldResult size : allocation.getMixedSizes())
      addFactors(size, buffer);
    llvm::SetVector<Operation *> needed;
    for (Value factor : buffer.factors)
      if (!canCompute(factor, needed))
        return std::nullopt;
    for (Operation *op : needed)
      op->moveBefore(begin);
    llvm::sort(buffer.factors, [](Value x, Value y) { return x.getAsOpaquePointer() < y.getAsOpaquePointer(); });
    return buffer;
  }

  /// Multiplies the size of `buffer` by `size`, taken apart as far as it is a product or a size of another buffer.
  static void addFactors(OpFoldResult size, Buffer &buffer) {
    if (std::optional<int64_t> number = getConstantIntValue(size)) {
      buffer.bytes *= *number;
      return;
    }
    auto value = cast<Value>(size);
    if (auto product = value.getDefiningOp<arith::MulIOp>()) {
      addFactors(product.getLhs(), buffer);
      addFactors(product.getRhs(), buffer);
      return;
    }
    auto dim = value.getDefiningOp<memref::DimOp>();
    Buffer with = buffer;
    if (dim && dim.getConstantIndex() && addFactorsOfDim(dim.getSource(), *dim.getConstantIndex(), with))
      buffer = with;
    else
      buffer.factors.push_back(value);
  }

  /// The same with a dimension of another buffer, where what made it tells its size.
  static bool addFactorsOfDim(Value source, int64_t dim, Buffer &buffer) {
    auto type = cast<MemRefType>(source.getType());
    if (!type.isDynamicDim(dim)) {
      buffer.bytes *= type.getDimSize(dim);
      return true;
    }
    if (auto allocation = source.getDefiningOp<memref::AllocOp>()) {
      addFactors(allocation.getMixedSizes()[dim], buffer);
      return true;
    }
    if (auto expanded = source.getDefiningOp<memref::ExpandShapeOp>()) {
      addFactors(expanded.getMixedOutputShape()[dim], buffer);
      return true;
    }
    auto collapsed = source.getDefiningOp<memref::CollapseShapeOp>();
    return collapsed && llvm::all_of(collapsed.getReassociationIndices()[dim], [&](int64_t inner) {
             return addFactorsOfDim(collapsed.getSrc(), inner, buffer);
           });
  }

  /// Whether `size` can be computed where the arena begins; `needed` are the operations to move there, in order.
  bool canCompute(Value size, llvm::SetVector<Operation *> &needed) {
    Operation *op = size.getDefiningOp();
    if (!op || op->isBeforeInBlock(begin) || needed.contains(op))
      return true;
    if (!isPure(op) || op->getNumRegions() != 0)
      return false;
    for (Value operand : op->getOperands())
      if (!canCompute(operand, needed))
        return false;
    needed.insert(op);
    return true;
  }

  /// First fit, the largest first: a slot is as large as its first buffer.
  static SmallVector<Slot> assignSlots(SmallVector<Buffer> &buffers) {
    llvm::sort(buffers, [](const Buffer &x, const Buffer &y) {
      return x.bytes != y.bytes ? x.bytes > y.bytes : x.allocation->isBeforeInBlock(y.allocation);
    });
    SmallVector<Slot> slots;
    for (const Buffer &buffer : buffers) {
      Slot *slot = llvm::find_if(slots, [&](const Slot &slot) { return slot.isFreeFor(buffer); });
      if (slot == slots.end()) {
        slots.emplace_back();
        slot = &slots.back();
        slot->bytes = buffer.bytes;
      }
      slot->buffers.push_back(buffer);
    }
    return slots;
  }

  void build(ModuleOp module, llvm::MapVector<SmallVector<Value>, SmallVector<Buffer>> &classes) {
    ImplicitLocOpBuilder b(module.getLoc(), begin);
    auto number = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
    Value total = number(0);
    SmallVector<std::pair<Slot, Value>> placed;
    for (auto &[factors, buffers] : classes) {
      Value unit;
      for (Value factor : factors)
        unit = unit ? arith::MulIOp::create(b, unit, factor).getResult() : factor;
      for (Slot &slot : assignSlots(buffers)) {
        int64_t rounded = llvm::alignTo(slot.bytes, kAlignment);
        Value bytes = number(unit ? slot.bytes : rounded);
        if (unit) {
          bytes = arith::AddIOp::create(b, arith::MulIOp::create(b, unit, bytes), number(kAlignment - 1));
          bytes = arith::AndIOp::create(b, bytes, number(-kAlignment));
        }
        placed.push_back({slot, total});
        total = arith::AddIOp::create(b, total, bytes);
      }
    }

    auto type = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
    OpBuilder atEnd = OpBuilder::atBlockEnd(module.getBody());
    auto function = func::FuncOp::create(atEnd, module.getLoc(), lutra::codegen::kArenaName,
                                         b.getFunctionType(b.getIndexType(), type));
    function.setPrivate();
    Value arena = func::CallOp::create(b, function, total).getResult(0);
    for (auto &[slot, offset] : placed)
      for (Buffer &buffer : slot.buffers) {
        OpBuilder builder(buffer.allocation);
        Value view = memref::ViewOp::create(builder, buffer.allocation.getLoc(), buffer.allocation.getType(), arena, offset,
                                            buffer.allocation.getDynamicSizes());
        buffer.end.erase();
        buffer.allocation.replaceAllUsesWith(view);
        if (buffer.allocation == begin)
          begin = nullptr;
        buffer.allocation->erase();
      }
  }

  /// The first allocation: the arena begins before it.
  Operation *begin = nullptr;
};
} // namespace
