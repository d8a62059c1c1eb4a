//===- InitAll.cpp - every Lutra dialect and pass, in one place -----------===//
//
// Add a dialect or a pass library here when it lands: one #include and one line.
//
//===----------------------------------------------------------------------===//
#include "lutra/InitAll.h"

#include "dialects/lmma/IR/Lmma.h"
#include "dialects/lmma/Transforms/Passes.h"
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lut/IR/Lut.h"
#include "dialects/lut/Transforms/Passes.h"
#include "dialects/onnx/IR/ONNXDialect.h"
#include "lib/Conversion/LMMAToLLVM/LMMAToLLVM.h"
#include "lib/Conversion/LowbitToLoops/LowbitToLoops.h"
#include "lib/Conversion/LowbitToLut/LowbitToLut.h"
#include "lib/Conversion/LutToLLVM/LutToLLVM.h"
#include "lib/Conversion/LutToLMMA/LutToLMMA.h"
#include "lib/Conversion/LutToLoops/LutToLoops.h"
#include "lib/Conversion/ONNXToLowbit/ONNXToLowbit.h"
#include "lib/Target/CPU/CPUTarget.h"
#include "lib/Target/LTC/LTCTarget.h"
#include "lutra/Codegen/Passes.h"
#include "lutra/Interpreter/Passes.h"
#include "lutra/Pipelines/Pipelines.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

using namespace mlir;

void lutra::registerAllLutraDialects(DialectRegistry &registry) {
  registry.insert<lmma::LmmaDialect, lowbit::LowbitDialect, lut::LutDialect, onnx::ONNXDialect>();
  lowbit::registerBufferizableOpInterfaceExternalModels(registry);
  lut::registerBufferizableOpInterfaceExternalModels(registry);
}

void lutra::registerAllLutraPasses() {
  lmma::registerLmmaPasses();
  lowbit::registerLowbitPasses();
  lut::registerLutPasses();
  registerLMMAToLLVMPasses();
  registerLTCPasses();
  registerLutraCodegenPasses();
  registerLutraInterpreterPasses();
  registerLutraPipelines();
  registerLowbitToLoopsPasses();
  registerLowbitToLutPasses();
  registerLutToLLVMPasses();
  registerLutToLMMAPasses();
  registerLutToLoopsPasses();
  registerONNXToLowbitPasses();
}

void lutra::registerAllLutraTargets() {
  registerCPUTarget();
  registerLTCTarget();
}

void lutra::registerEverything(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  registerAllLutraDialects(registry);
}
