//===- OutlineKernels.cpp - equal computations become one function --------===//
//
// A decoder of 30 layers holds 30 copies of each computation, equal but for the buffers they use. Each becomes a call of a
// private function of buffers and scalars, and upstream's duplicate elimination merges equal functions; everything
// after this pass works on the distinct ones only. Invariant: @main keeps allocations, views, scalar code and calls. Tables and the product
// that reads them next are one function, so that making the tables can ask for the weights, and so are neighbouring products of the same tables, so that
// threads can share them as one piece of work.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "lib/Codegen/Captured.h"
#include "dialects/lut/IR/Lut.h"
#include "lutra/Support/RangeCalls.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"

namespace lutra {
#define GEN_PASS_DEF_OUTLINEKERNELS
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

static bool isBuffer(Value value) { return isa<BaseMemRefType>(value.getType()); }

/// Whether `op` computes on whole buffers: worth a function, whatever is in its region (a product's epilogue is scalar code). An op without buffers
/// that has a region of scalar code only (an `scf.if` around a status store) is not.
static bool isKernel(Operation &op) {
  if (isa<memref::AllocOp, memref::AllocaOp, memref::DeallocOp, memref::LoadOp, memref::StoreOp, memref::DimOp,
          memref::GetGlobalOp, memref::ExtractStridedMetadataOp, func::CallOp, ViewLikeOpInterface>(op))
    return false;
  if (op.hasTrait<OpTrait::IsTerminator>() || llvm::any_of(op.getResults(), isBuffer))
    return false;
  if (llvm::any_of(op.getOperands(), isBuffer))
    return true;
  return op
      .walk([](Operation *inner) {
        bool computes = isa<LoopLikeOpInterface>(inner) ||
                        (inner->getNumRegions() == 0 && llvm::any_of(inner->getOperands(), isBuffer) &&
                         !isa<memref::LoadOp, memref::StoreOp>(inner)) ||
                        inner->getName().getDialectNamespace() == "linalg";
        return computes ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// The next kernel behind `op`, if what is between the two are views, scalar code, and buffers that begin or end. Null: there is none.
static Operation *getNextKernel(Operation &op) {
  Operation *next = op.getNextNode();
  while (next && !isKernel(*next) && (isMemoryEffectFree(next) || isa<memref::AllocOp, memref::DeallocOp>(next)))
    next = next->getNextNode();
  return next && isKernel(*next) ? next : nullptr;
}

/// The product that reads the tables of `op`, if it is the next kernel and nothing between the two has effects. Null: there is none.
static lutra::lut::MatmulOp getReader(Operation &op) {
  auto tables = dyn_cast<lutra::lut::PrecomputeOp>(op);
  if (!tables || tables->getNumResults() != 0)
    return {};
  auto product = dyn_cast_or_null<lutra::lut::MatmulOp>(getNextKernel(op));
  return product && product.getEntries() == tables.getEntries() ? product : lutra::lut::MatmulOp();
}

/// The buffer that `value` is a view of.
static Value getRoot(Value value) {
  while (auto view = value.getDefiningOp<ViewLikeOpInterface>())
    value = view.getViewSource();
  return value;
}

/// Whether neither product reads or writes what the other writes, as far as it can be seen: each writes an allocation of its own.
static bool areIndependent(lutra::lut::MatmulOp one, lutra::lut::MatmulOp other) {
  auto isWriteApart = [](lutra::lut::MatmulOp writer, lutra::lut::MatmulOp from) {
    Value written = getRoot(writer.getOut());
    return written.getDefiningOp<memref::AllocOp>() &&
           llvm::none_of(from->getOperands(), [&](Value operand) { return isBuffer(operand) && getRoot(operand) == written; });
  };
  return isWriteApart(one, other) && isWriteApart(other, one);
}

/// The product that is the next kernel behind `products`, reads the same tables as they do, and may run at the same time as all of them. Null: there is none.
static lutra::lut::MatmulOp getCompanion(ArrayRef<lutra::lut::MatmulOp> products) {
  auto next = dyn_cast_or_null<lutra::lut::MatmulOp>(getNextKernel(*products.back()));
  bool isCompanion = next && llvm::all_of(products, [&](lutra::lut::MatmulOp product) {
                       return product->getNumResults() == 0 && next->getNumResults() == 0 && product.getEntries() == next.getEntries() &&
                              areIndependent(product, next);
                     });
  return isCompanion ? next : lutra::lut::MatmulOp();
}

/// "lut.matmul" as a symbol: "lut_matmul".
static std::string kernelName(Operation &op) {
  std::string name = op.getName().getStringRef().str();
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

namespace {
struct OutlineKernels : lutra::impl::OutlineKernelsBase<OutlineKernels> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>(lutra::codegen::kEntryName);
    if (!main || main.isExternal())
      return;
    SymbolTable symbols(module);
    SmallVector<SmallVector<Operation *, 2>> kernels;
    llvm::SmallPtrSet<Operation *, 8> taken;
    for (Operation &op : main.front())
      if (isKernel(op) && taken.insert(&op).second) {
        kernels.push_back(getGroup(op));
        taken.insert(kernels.back().begin(), kernels.back().end());
      }
    for (ArrayRef<Operation *> ops : kernels)
      outline(ops, symbols);

    OpPassManager merge(ModuleOp::getOperationName());
    merge.addPass(func::createDuplicateFunctionEliminationPass());
    if (failed(runPipeline(merge, module)))
      signalPassFailure();
  }

  /// The kernels of one function that `op` begins: tables, the product that reads them next, and products of the same tables.
  static SmallVector<Operation *, 2> getGroup(Operation &op) {
    SmallVector<Operation *, 2> group{&op};
    lutra::lut::MatmulOp product = getReader(op);
    if (product)
      group.push_back(product);
    else
      product = dyn_cast<lutra::lut::MatmulOp>(op);
    if (!product)
      return group;
    SmallVector<lutra::lut::MatmulOp> products{product};
    while (lutra::lut::MatmulOp next = getCompanion(products)) {
      products.back()->setAttr(lutra::kWithNextAttr, UnitAttr::get(op.getContext()));
      products.push_back(next);
      group.push_back(next);
    }
    return group;
  }

  /// Makes `ops` a function that is called where the last of them was. Where there are several, they have no results.
  void outline(ArrayRef<Operation *> ops, SymbolTable &symbols) {
    llvm::SetVector<Value> used;
    for (Operation *op : ops) {
      used.insert(op->operand_begin(), op->operand_end());
      getUsedValuesDefinedAbove(op->getRegions(), used);
    }
    lutra::Captured captured(used);

    Operation *last = ops.back();
    // Buffers that end between the kernels end behind the call.
    SmallVector<Operation *> ends;
    for (Operation *op = ops.front(); op != last; op = op->getNextNode())
      if (isa<memref::DeallocOp>(op))
        ends.push_back(op);
    for (Operation *end : llvm::reverse(ends))
      end->moveAfter(last);
    Location loc = last->getLoc();
    OpBuilder builder(last->getContext());
    auto type = builder.getFunctionType(TypeRange(ValueRange(captured.inputs)), last->getResultTypes());
    std::string name = llvm::join(llvm::map_range(ops, [](Operation *op) { return kernelName(*op); }), "_");
    auto kernel = func::FuncOp::create(loc, name, type);
    kernel.setPrivate();
    symbols.insert(kernel);
    Block *body = kernel.addEntryBlock();
    builder.setInsertionPointToStart(body);
    IRMapping map;
    map.map(captured.inputs, body->getArguments());
    for (Operation *constant : captured.constants)
      builder.clone(*constant, map);
    for (Operation *op : ops)
      builder.clone(*op, map);
    func::ReturnOp::create(builder, loc, llvm::map_to_vector(last->getResults(), [&](Value result) { return map.lookup(result); }));

    builder.setInsertionPoint(last);
    auto call = func::CallOp::create(builder, loc, kernel, captured.inputs);
    last->replaceAllUsesWith(call.getResults());
    for (Operation *op : llvm::reverse(ops))
      op->erase();
  }
};
} // namespace
