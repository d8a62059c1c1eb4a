//===- EmitObject.cpp - LLVM dialect to LLVM IR to machine code -----------===//
#include "lutra/Codegen/Emit.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/CalledValuePropagation.h"

using namespace llvm;

/// What every function says of itself: LLVM's passes read the CPU from the function, not from the TargetMachine.
static void setFunctionAttributes(Module &module, const TargetMachine &machine, bool wideVectors) {
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    if (!machine.getTargetFeatureString().empty())
      function.addFnAttr("target-features", machine.getTargetFeatureString());
    if (wideVectors) {
      function.addFnAttr("prefer-vector-width", "512");
      // Registers that are kept on the stack lie in whole lines then. LLVM decides before it knows that there are any, and a vector that crosses lines is
      // not forwarded from the store to the load (Zen 4: loops with accumulators there take 1.4 to 1.6 times as long).
      function.addFnAttr("stackrealign");
    }
    function.addFnAttr(Attribute::NoUnwind);
    // Kernels stay functions: they are shared between layers, and a profile shows them by name.
    if (function.hasInternalLinkage() && !function.hasFnAttribute(Attribute::AlwaysInline) &&
        !function.getName().starts_with("_mlir_ciface_"))
      function.addFnAttr(Attribute::NoInline);
  }
}

static void optimize(Module &module, TargetMachine &machine) {
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  tuning.SLPVectorization = true;
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager cgscc;
  ModuleAnalysisManager modules;
  // What functions a pointer may hold is of no use here: nothing is called indirectly but by the OpenMP runtime. With hundreds of
  // functions the analysis was nearly half of a compile.
  PassInstrumentationCallbacks callbacks;
  callbacks.registerShouldRunOptionalPassCallback(
      [](StringRef pass, Any) { return pass != CalledValuePropagationPass::name(); });
  PassBuilder builder(&machine, tuning, std::nullopt, &callbacks);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(cgscc);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, cgscc, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3).run(module, modules);
}

mlir::LogicalResult lutra::emitObject(mlir::ModuleOp module, const Machine &machine, CodeKind kind, raw_pwrite_stream &os) {
  LLVMContext context;
  std::unique_ptr<Module> llvmModule = mlir::translateModuleToLLVMIR(module, context, "lutra");
  if (!llvmModule)
    return mlir::failure();
  std::unique_ptr<TargetMachine> targetMachine = machine.createTargetMachine();
  llvmModule->setTargetTriple(targetMachine->getTargetTriple());
  llvmModule->setDataLayout(targetMachine->createDataLayout());
  setFunctionAttributes(*llvmModule, *targetMachine, machine.has("avx512bw"));
  optimize(*llvmModule, *targetMachine);
  if (kind == CodeKind::LLVMIR) {
    llvmModule->print(os, nullptr);
    return mlir::success();
  }
  legacy::PassManager codegen;
  CodeGenFileType type = kind == CodeKind::Object ? CodeGenFileType::ObjectFile : CodeGenFileType::AssemblyFile;
  if (targetMachine->addPassesToEmitFile(codegen, os, nullptr, type))
    return module.emitError() << "LLVM cannot write this kind of file for '" << machine.triple() << "'";
  codegen.run(*llvmModule);
  return mlir::success();
}
