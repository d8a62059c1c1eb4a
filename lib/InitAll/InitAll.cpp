//===- InitAll.cpp - every Lutra dialect and pass, in one place -----------===//
//
// Add a dialect or a pass library here when it lands: one #include and one line.
//
//===----------------------------------------------------------------------===//
#include "lutra/InitAll.h"

#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/onnx/IR/ONNXDialect.h"
#include "lib/Conversion/LowbitToLoops/LowbitToLoops.h"
#include "lib/Conversion/ONNXToLowbit/ONNXToLowbit.h"
#include "lutra/Codegen/Passes.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

using namespace mlir;

void lutra::registerAllLutraDialects(DialectRegistry &registry) {
  registry.insert<lowbit::LowbitDialect, onnx::ONNXDialect>();
  lowbit::registerBufferizableOpInterfaceExternalModels(registry);
}

void lutra::registerAllLutraPasses() {
  lowbit::registerLowbitPasses();
  registerLutraCodegenPasses();
  registerLowbitToLoopsPasses();
  registerONNXToLowbitPasses();
}

void lutra::registerEverything(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  registerAllLutraDialects(registry);
}
