//===- EmitArena.cpp - the memory that calls of a library work in ---------===//
//
// Calls of a library exclude each other (lib/Runtime/Session.cpp), so one block serves them all: a call that needs more than any before
// it replaces the block, others only take its address. It is freed when the library is unloaded.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lutra {
#define GEN_PASS_DEF_EMITARENA
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

static constexpr llvm::StringLiteral kMemoryName = "arena_memory", kBytesName = "arena_bytes", kReleaseName = "arena_release";
static constexpr int64_t kAlignment = 64;

namespace {
struct EmitArena : lutra::impl::EmitArenaBase<EmitArena> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Operation *found = module.lookupSymbol(lutra::codegen::kArenaName);
    if (!found)
      return;
    auto function = dyn_cast<LLVM::LLVMFuncOp>(found);
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    auto descriptor = function ? dyn_cast<LLVM::LLVMStructType>(function.getFunctionType().getReturnType()) : nullptr;
    if (!function || !function.isExternal() || function.getNumArguments() != 1 || !descriptor || descriptor.getBody().size() != 5) {
      found->emitError() << "expected '" << lutra::codegen::kArenaName
                         << "' to be declared as a function of a size that gives a buffer's descriptor, as lutra-plan-arena and "
                            "lutra-convert-to-llvm leave it; rename this symbol";
      return signalPassFailure();
    }
    ImplicitLocOpBuilder b(module.getLoc(), &getContext());
    b.setInsertionPointToStart(module.getBody());
    Type size = function.getArgumentTypes()[0];
    FailureOr<LLVM::LLVMFuncOp> allocate = LLVM::lookupOrCreateAlignedAllocFn(b, module, size);
    FailureOr<LLVM::LLVMFuncOp> release = LLVM::lookupOrCreateFreeFn(b, module);
    if (failed(allocate) || failed(release))
      return signalPassFailure();
    createGlobal(b, pointer, kMemoryName, [&]() -> Value { return LLVM::ZeroOp::create(b, pointer); });
    createGlobal(b, size, kBytesName, [&]() -> Value { return LLVM::ConstantOp::create(b, size, b.getIntegerAttr(size, 0)); });
    defineArena(b, function, descriptor, *allocate, *release);
    defineRelease(b, *release);
  }

private:
  static void createGlobal(ImplicitLocOpBuilder &b, Type type, StringRef name, llvm::function_ref<Value()> initial) {
    OpBuilder::InsertionGuard guard(b);
    auto global = LLVM::GlobalOp::create(b, type, /*isConstant=*/false, LLVM::Linkage::Internal, name, Attribute());
    b.createBlock(&global.getInitializerRegion());
    LLVM::ReturnOp::create(b, initial());
  }

  /// Gives `function` its body: at least so many bytes, the same as the last time where these are enough.
  static void defineArena(ImplicitLocOpBuilder &b, LLVM::LLVMFuncOp function, LLVM::LLVMStructType descriptor,
                          LLVM::LLVMFuncOp allocate, LLVM::LLVMFuncOp release) {
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    Block *entry = function.addEntryBlock(b);
    Block *grow = b.createBlock(&function.getBody(), function.getBody().end());
    Block *done = b.createBlock(&function.getBody(), function.getBody().end());
    Value wanted = entry->getArgument(0);
    Type size = wanted.getType();

    b.setInsertionPointToStart(entry);
    Value memory = LLVM::AddressOfOp::create(b, pointer, kMemoryName), bytes = LLVM::AddressOfOp::create(b, pointer, kBytesName);
    Value isMore = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ugt, wanted, LLVM::LoadOp::create(b, size, bytes));
    LLVM::CondBrOp::create(b, isMore, grow, done);

    b.setInsertionPointToStart(grow);
    LLVM::CallOp::create(b, release, LLVM::LoadOp::create(b, pointer, memory).getResult());
    Value alignment = LLVM::ConstantOp::create(b, size, b.getIntegerAttr(size, kAlignment));
    Value larger = LLVM::CallOp::create(b, allocate, ValueRange{alignment, wanted}).getResult();
    LLVM::StoreOp::create(b, larger, memory);
    LLVM::StoreOp::create(b, wanted, bytes);
    LLVM::BrOp::create(b, done);

    b.setInsertionPointToStart(done);
    Value start = LLVM::LoadOp::create(b, pointer, memory);
    auto constant = [&](int64_t value) -> Value { return LLVM::ConstantOp::create(b, size, b.getIntegerAttr(size, value)); };
    Value result = LLVM::PoisonOp::create(b, descriptor);
    auto insert = [&](Value value, ArrayRef<int64_t> at) { result = LLVM::InsertValueOp::create(b, result, value, at); };
    insert(start, 0);
    insert(start, 1);
    insert(constant(0), 2);
    insert(wanted, {3, 0});
    insert(constant(1), {4, 0});
    LLVM::ReturnOp::create(b, result);
  }

  /// Frees the memory when the library is unloaded.
  static void defineRelease(ImplicitLocOpBuilder &b, LLVM::LLVMFuncOp release) {
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    b.setInsertionPointToEnd(release->getParentOfType<ModuleOp>().getBody());
    auto function = LLVM::LLVMFuncOp::create(b, kReleaseName, LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {}),
                                             LLVM::Linkage::Internal);
    auto name = FlatSymbolRefAttr::get(function);
    LLVM::GlobalDtorsOp::create(b, b.getArrayAttr(name), b.getI32ArrayAttr(65535), b.getArrayAttr(LLVM::ZeroAttr::get(b.getContext())));
    b.setInsertionPointToStart(function.addEntryBlock(b));
    Value memory = LLVM::AddressOfOp::create(b, pointer, kMemoryName);
    LLVM::CallOp::create(b, release, LLVM::LoadOp::create(b, pointer, memory).getResult());
    LLVM::ReturnOp::create(b, ValueRange());
  }
};
} // namespace
