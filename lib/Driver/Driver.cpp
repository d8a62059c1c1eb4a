//===- Driver.cpp - from a model to an artifact ---------------------------===//
//
// Phase after phase through the target's pipelines. Each phase is a pass manager of its own, so that progress, dumps and
// reproducers stand at the named stops.
//
//===----------------------------------------------------------------------===//
#include "lutra/Driver/Driver.h"

#include "lib/Conversion/ONNXToLowbit/ONNXToLowbit.h"
#include "lutra/Codegen/Passes.h"
#include "lutra/Frontend/ONNX.h"
#include "lutra/InitAll.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using lutra::Phase;

void lutra::registerForCompilation(DialectRegistry &registry) {
  registerEverything(registry);
  registerAllLutraTargets();
  for (const std::unique_ptr<Target> &target : createAllTargets())
    target->registerDialects(registry);
}

/// How long each phase takes, roughly, for the progress of a whole compilation; what is missing from 1 is emission.
static double doneBefore(Phase phase) {
  switch (phase) {
  case Phase::ONNX:
    return 0.0;
  case Phase::Lowbit:
    return 0.05;
  case Phase::Tables:
    return 0.15;
  case Phase::Lut:
    return 0.25;
  case Phase::Loops:
    return 0.3;
  case Phase::LLVM:
    return 0.4;
  }
  llvm_unreachable("phase without a share");
}

static constexpr double kDoneBeforeEmission = 0.5;

/// The phase of a module, by the least lowered thing in it that tells.
static Phase guessPhase(ModuleOp module) {
  if (module->hasAttr(lutra::codegen::kWeightsAttr))
    return module.lookupSymbol("lutra_main") ? Phase::LLVM : Phase::Loops;
  bool hasNodes = false, hasProducts = false, hasTables = false, hasLut = false;
  module.walk([&](Operation *op) {
    StringRef name = op->getName().getStringRef();
    hasNodes |= name.starts_with("onnx.");
    hasProducts |= name == "lowbit.matmul";
    // A precompute fused into its producer is `lut` already while its lookups are not.
    hasTables |= name == "lowbit.lookup_matmul" || name == "lowbit.precompute" || name == "lowbit.assemble_table";
    hasLut |= name.starts_with("lut.");
  });
  if (hasNodes)
    return Phase::ONNX;
  if (hasProducts)
    return Phase::Lowbit;
  if (hasTables)
    return Phase::Tables;
  return hasLut ? Phase::Lut : Phase::Lowbit;
}

namespace {
/// One compilation.
class Compilation {
public:
  Compilation(const lutra::CompileOptions &options, MLIRContext &context)
      : options(options), context(context), loc(UnknownLoc::get(&context)) {}

  LogicalResult run();

private:
  LogicalResult fail(const Twine &message) { return emitError(loc) << message; }
  LogicalResult fail(llvm::Error error) { return fail(llvm::toString(std::move(error))); }
  void report(StringRef step, double fraction) {
    if (options.progress)
      options.progress(step, fraction);
  }

  LogicalResult configureTarget();
  LogicalResult load();
  LogicalResult runPhase(Phase phase);
  LogicalResult dump(Phase phase);
  LogicalResult emit();
  LogicalResult emitToFile();

  const lutra::CompileOptions &options;
  MLIRContext &context;
  Location loc;
  std::unique_ptr<lutra::Target> target;
  OwningOpRef<ModuleOp> module;
  Phase current = Phase::ONNX;
};
} // namespace

LogicalResult Compilation::configureTarget() {
  llvm::Expected<std::unique_ptr<lutra::Target>> created = lutra::createTarget(options.target);
  if (!created)
    return fail(created.takeError());
  target = std::move(*created);
  auto values = lutra::parseTargetOptions(options.target, options.targetOptions);
  if (!values)
    return fail(values.takeError());
  if (llvm::Error error = target->setOptions(*values))
    return fail(std::move(error));
  return success();
}

LogicalResult Compilation::load() {
  report("import", 0.0);
  bool isModule = llvm::sys::path::extension(options.input) == ".mlir" || llvm::sys::path::extension(options.input) == ".mlirbc" ||
                  options.input == "-";
  if (!isModule) {
    lutra::ONNXImportOptions import;
    import.isSupported = lutra::isSupportedONNXNode;
    import.followLinksWithin = options.followLinksWithin;
    module = lutra::importONNX(options.input, context, import);
    current = Phase::ONNX;
    return success(static_cast<bool>(module));
  }
  std::string message;
  // Blobs in bytecode are read where they lie, and asked for their alignment.
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(options.input, llvm::Align(4096), &message);
  if (!buffer)
    return fail(message);
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  module = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (!module)
    return failure();
  current = options.compileFrom ? *options.compileFrom : guessPhase(*module);
  return success();
}

LogicalResult Compilation::dump(Phase phase) {
  if (options.dumpDirectory.empty())
    return success();
  if (std::error_code error = llvm::sys::fs::create_directories(options.dumpDirectory))
    return fail("cannot make the folder '" + options.dumpDirectory + "': " + error.message());
  SmallString<128> path(options.dumpDirectory);
  llvm::sys::path::append(path, llvm::formatv("{0}-{1}.mlir", static_cast<int>(phase), lutra::phaseName(phase)).str());
  std::string message;
  std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(path, &message);
  if (!file)
    return fail(message);
  OpPrintingFlags flags;
  flags.elideLargeElementsAttrs(16).elideLargeResourceString(0).enableDebugInfo();
  module->print(file->os(), flags);
  file->keep();
  return success();
}

LogicalResult Compilation::runPhase(Phase phase) {
  report(lutra::phaseName(phase), doneBefore(phase));
  PassManager pm(&context);
  if (!options.crashReproducer.empty())
    pm.enableCrashReproducerGeneration(options.crashReproducer);
  if (options.instrument && failed(options.instrument(pm)))
    return failure();
  target->buildPipeline(pm, phase);
  if (failed(pm.run(*module)))
    return failure();
  current = phase;
  return dump(phase);
}

LogicalResult Compilation::emitToFile() {
  std::string message;
  std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(options.output.empty() ? "-" : options.output, &message);
  if (!file)
    return fail(message);
  if (options.emit == lutra::EmitKind::MLIR) {
    // With locations: a compilation that goes on from here still knows the names of nodes and weights.
    module->print(file->os(), OpPrintingFlags().enableDebugInfo());
    file->os() << '\n';
  } else {
    lutra::CodeKind kind = options.emit == lutra::EmitKind::LLVMIR     ? lutra::CodeKind::LLVMIR
                           : options.emit == lutra::EmitKind::Assembly ? lutra::CodeKind::Assembly
                                                                       : lutra::CodeKind::Object;
    llvm::buffer_ostream buffered(file->os());
    if (failed(target->emitCode(*module, kind, buffered)))
      return failure();
  }
  file->keep();
  return success();
}

LogicalResult Compilation::emit() {
  if (options.emit == lutra::EmitKind::MLIR)
    return emitToFile();
  report("code", kDoneBeforeEmission);
  if (options.emit != lutra::EmitKind::Artifact)
    return emitToFile();
  llvm::Expected<lutra::ArtifactDirectory> artifact = lutra::ArtifactDirectory::create(options.output);
  if (!artifact)
    return fail(artifact.takeError());
  if (failed(target->emitArtifact(*module, *artifact)))
    return failure();
  if (llvm::Error error = artifact->commit())
    return fail(std::move(error));
  return success();
}

LogicalResult Compilation::run() {
  if (options.emit == lutra::EmitKind::Artifact && options.compileTo && *options.compileTo != Phase::LLVM)
    return fail("stopping after phase '" + lutra::phaseName(*options.compileTo) +
                "' leaves nothing to put in an artifact: ask for MLIR (--emit=mlir)");
  if (failed(configureTarget()))
    return failure();
  // Before the work, not after it: whether the output can be written at all.
  if (options.emit == lutra::EmitKind::Artifact)
    if (llvm::Expected<lutra::ArtifactDirectory> probe = lutra::ArtifactDirectory::create(options.output); !probe)
      return fail(probe.takeError());
  if (failed(load()) || failed(dump(current)))
    return failure();
  Phase last = options.compileTo.value_or(Phase::LLVM);
  if (last < current)
    return fail("the input is at phase '" + lutra::phaseName(current) + "' already, after '" + lutra::phaseName(last) + "'");
  for (Phase phase : lutra::allPhases())
    if (phase > current && phase <= last && failed(runPhase(phase)))
      return failure();
  if (failed(emit()))
    return failure();
  report("done", 1.0);
  return success();
}

LogicalResult lutra::compileModel(const CompileOptions &options, MLIRContext &context) {
  return Compilation(options, context).run();
}
