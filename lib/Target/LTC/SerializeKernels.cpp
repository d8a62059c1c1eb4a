//===- SerializeKernels.cpp - lmma-serialize-kernels ----------------------===//

#include "lib/Target/LTC/LTCTarget.h"

#include "dialects/lmma/IR/Lmma.h"
#include "lutra/Simulator/Machine.h"

namespace lutra {
#define GEN_PASS_DEF_LMMASERIALIZEKERNELS
#include "lib/Target/LTC/Passes.h.inc"
} // namespace lutra

using namespace mlir;
using namespace lutra;

namespace {
struct SerializeKernels : lutra::impl::LmmaSerializeKernelsBase<SerializeKernels> {
  using LmmaSerializeKernelsBase::LmmaSerializeKernelsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::Expected<ltc::Machine> described = ltc::loadMachine(machine, array);
    if (!described) {
      module.emitError() << llvm::toString(described.takeError());
      return signalPassFailure();
    }
    FailureOr<ltc::Program> program = emitProgram(module);
    if (failed(program))
      return signalPassFailure();
    if (llvm::Error error = ltc::verify(*program, *described)) {
      module.emitError() << "the machine refuses the program: " << llvm::toString(std::move(error));
      return signalPassFailure();
    }
    std::string text;
    llvm::raw_string_ostream os(text);
    program->print(os);
    module->setAttr(lmma::LmmaDialect::kProgramAttr, StringAttr::get(&getContext(), text));
    for (auto kernel : llvm::make_early_inc_range(module.getOps<lmma::KernelOp>()))
      kernel.erase();
  }
};
} // namespace
