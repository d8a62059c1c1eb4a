//===- OutlineKernels.cpp - equal computations become one function --------===//
//
// A decoder of 30 layers holds 30 copies of each computation, equal but for the buffers they use. Each becomes a call of a
// private function of buffers and scalars, and upstream's duplicate elimination merges equal functions; everything
// after this pass works on the distinct ones only. Invariant: @main keeps allocations, views, scalar code and calls.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

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

namespace lutra {
#define GEN_PASS_DEF_OUTLINEKERNELS
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

static bool isBuffer(Value value) { return isa<BaseMemRefType>(value.getType()); }

/// Whether `op` computes on whole buffers: worth a function. A region of scalar code only (an `scf.if` around a
/// status store) is not.
static bool isKernel(Operation &op) {
  if (isa<memref::AllocOp, memref::AllocaOp, memref::DeallocOp, memref::LoadOp, memref::StoreOp, memref::DimOp,
          memref::GetGlobalOp, memref::ExtractStridedMetadataOp, func::CallOp, ViewLikeOpInterface>(op))
    return false;
  if (op.hasTrait<OpTrait::IsTerminator>() || llvm::any_of(op.getResults(), isBuffer))
    return false;
  if (op.getNumRegions() == 0)
    return llvm::any_of(op.getOperands(), isBuffer);
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
    SmallVector<Operation *> kernels;
    for (Operation &op : main.front())
      if (isKernel(op))
        kernels.push_back(&op);
    for (Operation *op : kernels)
      outline(op, symbols);

    OpPassManager merge(ModuleOp::getOperationName());
    merge.addPass(func::createDuplicateFunctionEliminationPass());
    if (failed(runPipeline(merge, module)))
      signalPassFailure();
  }

  void outline(Operation *op, SymbolTable &symbols) {
    // Inputs in order of first use, so that equal operations give equal signatures. Constants move inside.
    llvm::SetVector<Value> used(op->operand_begin(), op->operand_end());
    getUsedValuesDefinedAbove(op->getRegions(), used);
    SmallVector<Value> inputs;
    SmallVector<Operation *> constants;
    for (Value value : used) {
      Operation *source = value.getDefiningOp();
      if (source && source->hasTrait<OpTrait::ConstantLike>())
        constants.push_back(source);
      else
        inputs.push_back(value);
    }

    Location loc = op->getLoc();
    OpBuilder builder(op->getContext());
    auto type = builder.getFunctionType(TypeRange(ValueRange(inputs)), op->getResultTypes());
    auto kernel = func::FuncOp::create(loc, kernelName(*op), type);
    kernel.setPrivate();
    symbols.insert(kernel);
    Block *body = kernel.addEntryBlock();
    builder.setInsertionPointToStart(body);
    IRMapping map;
    map.map(inputs, body->getArguments());
    for (Operation *constant : constants)
      builder.clone(*constant, map);
    Operation *moved = builder.clone(*op, map);
    func::ReturnOp::create(builder, loc, moved->getResults());

    builder.setInsertionPoint(op);
    auto call = func::CallOp::create(builder, loc, kernel, inputs);
    op->replaceAllUsesWith(call.getResults());
    op->erase();
  }
};
} // namespace
