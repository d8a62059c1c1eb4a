//===- LMMAToLLVM.cpp - convert-lmma-to-llvm ------------------------------===//
//
// Descriptors are written as 64-bit words: {allocated, aligned, offset, sizes, strides}, what MLIR's C interface
// passes. Their memory is taken at the function's entry, so that a launch in a loop does not grow the stack.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/LMMAToLLVM/LMMAToLLVM.h"

#include "dialects/lmma/IR/Lmma.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace lutra {
#define GEN_PASS_DEF_CONVERTLMMATOLLVM
#include "lib/Conversion/LMMAToLLVM/Passes.h.inc"
} // namespace lutra

using namespace mlir;
using namespace lutra;

static constexpr llvm::StringLiteral kLaunchName = "lutra_launch";

namespace {

class LaunchLowering {
public:
  LaunchLowering(lmma::LaunchOp launch)
      : launch(launch), b(launch.getLoc(), launch), i64(b.getI64Type()),
        pointer(LLVM::LLVMPointerType::get(b.getContext())) {}

  void lower(int32_t kernel) {
    const unsigned count = launch.getBuffers().size();
    Value descriptors = reserve(count, pointer);
    for (auto [index, buffer] : llvm::enumerate(launch.getBuffers())) {
      Value at =
          LLVM::GEPOp::create(b, pointer, pointer, descriptors, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
      LLVM::StoreOp::create(b, describe(buffer), at);
    }
    Value global = LLVM::AddressOfOp::create(b, pointer, kLaunchName);
    Value callee = LLVM::LoadOp::create(b, pointer, global);
    auto constant = [&](int64_t value) -> Value {
      return LLVM::ConstantOp::create(b, b.getI32Type(), b.getI32IntegerAttr(value));
    };
    auto type =
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {b.getI32Type(), b.getI32Type(), pointer});
    LLVM::CallOp::create(b, type, ValueRange{callee, constant(kernel), constant(count), descriptors});
    launch.erase();
  }

private:
  /// Stack memory for `count` elements, taken at the entry of the function.
  Value reserve(unsigned count, Type element) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&launch->getParentOfType<FunctionOpInterface>().getFunctionBody().front());
    Value size = LLVM::ConstantOp::create(b, b.getI32Type(), b.getI32IntegerAttr(count));
    return LLVM::AllocaOp::create(b, pointer, element, size, /*alignment=*/8);
  }

  /// A pointer to the buffer's descriptor.
  Value describe(Value buffer) {
    auto word = [&](Value index) -> Value { return arith::IndexCastOp::create(b, i64, index); };
    auto metadata = memref::ExtractStridedMetadataOp::create(b, buffer);
    Value address = word(memref::ExtractAlignedPointerAsIndexOp::create(b, buffer));
    SmallVector<Value> words = {address, address, word(metadata.getOffset())};
    for (ValueRange values : {ValueRange(metadata.getSizes()), ValueRange(metadata.getStrides())})
      for (Value value : values)
        words.push_back(word(value));
    Value descriptor = reserve(words.size(), i64);
    for (auto [index, value] : llvm::enumerate(words)) {
      Value at = LLVM::GEPOp::create(b, pointer, i64, descriptor, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
      LLVM::StoreOp::create(b, value, at);
    }
    return descriptor;
  }

  lmma::LaunchOp launch;
  ImplicitLocOpBuilder b;
  Type i64, pointer;
};

struct ConvertLmmaToLLVM : lutra::impl::ConvertLmmaToLLVMBase<ConvertLmmaToLLVM> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::DenseMap<StringAttr, int32_t> numbers;
    for (auto kernel : module.getOps<lmma::KernelOp>())
      numbers.try_emplace(kernel.getSymNameAttr(), numbers.size());
    SmallVector<lmma::LaunchOp> launches;
    module.walk([&](lmma::LaunchOp launch) { launches.push_back(launch); });
    for (lmma::LaunchOp launch : launches) {
      if (!launch->getParentOfType<FunctionOpInterface>()) {
        launch.emitOpError("expected to stand in a function");
        return signalPassFailure();
      }
      LaunchLowering(launch).lower(numbers.at(launch.getKernelAttr().getAttr()));
    }
    if (!module.lookupSymbol(kLaunchName))
      declareLaunch(module);
  }

  /// An exported pointer, null until the loader sets it.
  void declareLaunch(ModuleOp module) {
    ImplicitLocOpBuilder b(module.getLoc(), &getContext());
    b.setInsertionPointToStart(module.getBody());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    auto global =
        LLVM::GlobalOp::create(b, pointer, /*isConstant=*/false, LLVM::Linkage::External, kLaunchName, Attribute());
    b.createBlock(&global.getInitializerRegion());
    LLVM::ReturnOp::create(b, ValueRange{LLVM::ZeroOp::create(b, pointer)});
  }
};
} // namespace
