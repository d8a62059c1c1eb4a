//===- OutlineKernels.cpp - equal computations become one function --------===//
//
// A decoder of 30 layers holds 30 copies of each computation, equal but for the buffers they use. Each becomes a call of a
// private function of buffers and scalars, and upstream's duplicate elimination merges equal functions; everything
// after this pass works on the distinct ones only. Invariant: @main keeps allocations, views, scalar code and calls. Tables and the product
// that reads them next are one function, so that making the tables can ask for the weights.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "dialects/lut/IR/Lut.h"
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

/// The product that reads the tables of `op`, if it is the next kernel and nothing between the two has effects. Null: there is none.
static Operation *getReader(Operation &op) {
  auto tables = dyn_cast<lutra::lut::PrecomputeOp>(op);
  if (!tables || tables->getNumResults() != 0)
    return nullptr;
  Operation *next = op.getNextNode();
  while (next && isMemoryEffectFree(next) && !isKernel(*next))
    next = next->getNextNode();
  auto product = dyn_cast_or_null<lutra::lut::MatmulOp>(next);
  return product && product.getEntries() == tables.getEntries() ? next : nullptr;
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
    Operation *reader = nullptr;
    for (Operation &op : main.front())
      if (isKernel(op) && &op != reader) {
        kernels.push_back({&op});
        if ((reader = getReader(op)))
          kernels.back().push_back(reader);
      }
    for (ArrayRef<Operation *> ops : kernels)
      outline(ops, symbols);

    OpPassManager merge(ModuleOp::getOperationName());
    merge.addPass(func::createDuplicateFunctionEliminationPass());
    if (failed(runPipeline(merge, module)))
      signalPassFailure();
  }

  /// Makes `ops` a function that is called where the last of them was. Where there are several, they have no results.
  void outline(ArrayRef<Operation *> ops, SymbolTable &symbols) {
    // Inputs in order of first use, so that equal operations give equal signatures. Constants move inside.
    llvm::SetVector<Value> used;
    for (Operation *op : ops) {
      used.insert(op->operand_begin(), op->operand_end());
      getUsedValuesDefinedAbove(op->getRegions(), used);
    }
    SmallVector<Value> inputs;
    SmallVector<Operation *> constants;
    for (Value value : used) {
      Operation *source = value.getDefiningOp();
      if (source && source->hasTrait<OpTrait::ConstantLike>())
        constants.push_back(source);
      else
        inputs.push_back(value);
    }

    Operation *last = ops.back();
    Location loc = last->getLoc();
    OpBuilder builder(last->getContext());
    auto type = builder.getFunctionType(TypeRange(ValueRange(inputs)), last->getResultTypes());
    std::string name = llvm::join(llvm::map_range(ops, [](Operation *op) { return kernelName(*op); }), "_");
    auto kernel = func::FuncOp::create(loc, name, type);
    kernel.setPrivate();
    symbols.insert(kernel);
    Block *body = kernel.addEntryBlock();
    builder.setInsertionPointToStart(body);
    IRMapping map;
    map.map(inputs, body->getArguments());
    for (Operation *constant : constants)
      builder.clone(*constant, map);
    for (Operation *op : ops)
      builder.clone(*op, map);
    func::ReturnOp::create(builder, loc, llvm::map_to_vector(last->getResults(), [&](Value result) { return map.lookup(result); }));

    builder.setInsertionPoint(last);
    auto call = func::CallOp::create(builder, loc, kernel, inputs);
    last->replaceAllUsesWith(call.getResults());
    for (Operation *op : llvm::reverse(ops))
      op->erase();
  }
};
} // namespace
