//===- EmitEntry.cpp - the exported entry point ---------------------------===//
//
// The binary interface of a compiled library (docs/architecture.md, "Artifact"): an array of pointers to descriptors
// {allocated, aligned, offset, sizes, strides}, one per argument of @main, in order. MLIR's C interface of @main takes
// exactly these pointers, so that the wrapper only unpacks the array.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace lutra {
#define GEN_PASS_DEF_EMITENTRY
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

static constexpr llvm::StringLiteral kInterfaceName = "_mlir_ciface_main";
static constexpr llvm::StringLiteral kExportedEntry = "lutra_main";
static constexpr llvm::StringLiteral kAbiName = "lutra_abi_version";
static constexpr int32_t kAbiVersion = 1;

namespace {
struct EmitEntry : lutra::impl::EmitEntryBase<EmitEntry> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto entry = module.lookupSymbol<LLVM::LLVMFuncOp>(kInterfaceName);
    if (!entry) {
      module.emitError("expected @_mlir_ciface_main: lutra-emit-entry runs after lutra-convert-to-llvm on a module with @main");
      return signalPassFailure();
    }
    module.walk([](Operation *op) {
      if (auto function = dyn_cast<LLVM::LLVMFuncOp>(op); function && !function.isExternal()) {
        function.setLinkage(LLVM::Linkage::Internal);
        // The model's names for the arguments of @main mean nothing to LLVM.
        if (function.getSymName() == lutra::codegen::kEntryName || function.getSymName() == kInterfaceName)
          function.removeArgAttrsAttr();
      }
      if (auto global = dyn_cast<LLVM::GlobalOp>(op); global && !global.getSymName().starts_with("lutra_"))
        global.setLinkage(LLVM::Linkage::Internal);
    });

    OpBuilder builder(module.getBodyRegion());
    builder.setInsertionPointToEnd(module.getBody());
    Location loc = module.getLoc();
    MLIRContext *context = &getContext();
    auto pointer = LLVM::LLVMPointerType::get(context);
    LLVM::GlobalOp::create(builder, loc, builder.getI32Type(), /*isConstant=*/true, LLVM::Linkage::External, kAbiName,
                           builder.getI32IntegerAttr(kAbiVersion));
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer});
    auto wrapper = LLVM::LLVMFuncOp::create(builder, loc, kExportedEntry, type);
    builder.setInsertionPointToStart(wrapper.addEntryBlock(builder));
    SmallVector<Value> descriptors;
    for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
      Value slot = LLVM::GEPOp::create(builder, loc, pointer, pointer, wrapper.getArgument(0),
                                       ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
      descriptors.push_back(LLVM::LoadOp::create(builder, loc, pointer, slot));
    }
    LLVM::CallOp::create(builder, loc, entry, descriptors);
    LLVM::ReturnOp::create(builder, loc, ValueRange());
  }
};
} // namespace
