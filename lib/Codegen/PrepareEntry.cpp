//===- PrepareEntry.cpp - tensor arguments of @main become buffers --------===//
//
// After this pass the signature of @main is what the caller passes: buffers only. The tensors inside read them through
// `bufferization.to_tensor restrict`, never writable: an input is not a scratch buffer.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace lutra {
#define GEN_PASS_DEF_PREPAREENTRY
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

/// Strides and offset dynamic, innermost stride 1: what the runtime promises for every array.
static MemRefType callerType(RankedTensorType type) {
  if (type.getRank() == 0)
    return MemRefType::get({}, type.getElementType());
  SmallVector<int64_t> strides(type.getRank(), ShapedType::kDynamic);
  strides.back() = 1;
  auto layout = StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, strides);
  return MemRefType::get(type.getShape(), type.getElementType(), layout);
}

namespace {
struct PrepareEntry : lutra::impl::PrepareEntryBase<PrepareEntry> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>(lutra::codegen::kEntryName);
    if (!main || main.isExternal()) {
      module.emitError("expected a function @main with a body, the entry of the model");
      return signalPassFailure();
    }
    if (main.getNumResults() != 0) {
      main.emitError() << "expected @main to return nothing, but it returns " << main.getNumResults()
                       << " values: store them with bufferization.materialize_in_destination into arguments marked '"
                       << lutra::codegen::kOutputAttr << "'";
      return signalPassFailure();
    }
    OpBuilder builder = OpBuilder::atBlockBegin(&main.front());
    SmallVector<Type> types;
    for (BlockArgument arg : main.getArguments()) {
      if (auto tensor = dyn_cast<RankedTensorType>(arg.getType())) {
        arg.setType(callerType(tensor));
        auto read = bufferization::ToTensorOp::create(builder, main.getLoc(), tensor, arg, /*restrict=*/true);
        arg.replaceAllUsesExcept(read, read);
      } else if (!isa<MemRefType>(arg.getType())) {
        main.emitError() << "argument " << arg.getArgNumber() << " of @main has type " << arg.getType()
                         << ", but an entry takes ranked tensors and buffers only";
        return signalPassFailure();
      }
      types.push_back(arg.getType());
    }
    main.setType(builder.getFunctionType(types, {}));
  }
};
} // namespace
