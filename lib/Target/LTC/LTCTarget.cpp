//===- LTCTarget.cpp - the LUT tensor core --------------------------------===//
//
// Host code for everything but the lookup products with what follows them and their tables, which are launches of kernels on the modelled machine;
// the artifact holds the kernels as assembly text beside the host's library.
//
//===----------------------------------------------------------------------===//

#include "lib/Target/LTC/LTCTarget.h"

#include "dialects/lmma/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lut/Transforms/Passes.h"
#include "lib/Conversion/LMMAToLLVM/LMMAToLLVM.h"
#include "lib/Conversion/LutToLMMA/LutToLMMA.h"
#include "lib/Conversion/LutToLoops/LutToLoops.h"
#include "lutra/Pipelines/Pipelines.h"
#include "lutra/Simulator/Accelerator.h"
#include "lutra/Simulator/Machine.h"
#include "lutra/Support/WriteFile.h"
#include "lutra/Target/Target.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;

static constexpr llvm::StringLiteral kKernelsFile = "kernels.lmma", kMachineFile = "machine.yaml";

namespace {
class LTCTarget : public lutra::Target {
public:
  StringRef name() const override { return "ltc"; }
  StringRef description() const override {
    return "a modelled LUT tensor core (docs/spec/lmma-isa.md), with host code for the rest";
  }

  ArrayRef<lutra::TargetOption> options() const override {
    static const std::vector<lutra::TargetOption> declared = {
        {"machine", "The machine: ltc-1, a chip with LUT arrays (a100-lut-4x, ...), or a .yaml file that describes one", "ltc-1"},
        {"array", "Another array than the machine's: m1 to m16, n a multiple of 4 up to n256, k4", ""},
        {"mcpu", "CPU of the host: native, or LLVM's name of one", "native"},
        {"table", "Entries of lookup tables: i8 (fast), i16, f16 or f32 (exact)", "i8", {"i8", "i16", "f16", "f32"}},
        {"table-scale", "Entries of i8 and i16 tables that share a scale: of a group, a table or a row", "group",
         {"group", "table", "row"}},
    };
    return declared;
  }

  std::vector<std::pair<std::string, std::string>> facts() const override {
    return {{"machine", device.name},
            {"array", device.arrayName()},
            {"host cpu", host->cpu()}};
  }

  void buildPipeline(OpPassManager &pm, lutra::Phase phase) const override {
    switch (phase) {
    case lutra::Phase::ONNX: return;
    case lutra::Phase::Lowbit: return lutra::buildLowbitPhase(pm);
    case lutra::Phase::Tables: {
      lutra::TableOptions tables;
      tables.kind = {*lutra::lowbit::symbolizeTableElement(option("table")),
                     *lutra::lowbit::symbolizeTableScale(option("table-scale"))};
      tables.rows = device.arrayN;
      tables.symmetric = true;
      // Tables are a launch of their own: one for all products that read them.
      tables.fusePrecompute = false;
      // What follows a product is its kernel's, as far as the vector unit has it.
      tables.fuseEpilogue = true;
      return lutra::buildTablesPhase(pm, tables);
    }
    case lutra::Phase::Lut:
      lutra::buildLutPhase(pm);
      // Norms that only tables read are computed with them.
      pm.addPass(lutra::lut::createFuseNorms());
      return;
    case lutra::Phase::Loops: return buildLoops(pm);
    case lutra::Phase::LLVM:
      pm.addPass(lutra::createConvertLmmaToLLVM());
      pm.addPass(lutra::createLmmaSerializeKernels({option("machine").str(), option("array").str()}));
      return lutra::buildLLVMPhase(pm, host->features());
    }
  }

  LogicalResult emitArtifact(ModuleOp module, lutra::ArtifactDirectory &artifact) const override {
    FailureOr<StringRef> text = programText(module);
    if (failed(text) || failed(writeKernels(module, artifact, *text)))
      return failure();
    FailureOr<llvm::json::Object> kernels = lutra::describeFile(artifact.path(), kKernelsFile, module.getLoc());
    if (failed(kernels))
      return failure();
    // What it runs on; the description of a machine that does not ship lies beside the kernels.
    (*kernels)["array"] = device.arrayName();
    (*kernels)["machine"] = device.name;
    if (lutra::ltc::isMachineFile(option("machine"))) {
      (*kernels)["machine"] = kMachineFile;
      if (std::error_code error = llvm::sys::fs::copy_file(option("machine"), artifact.file(kMachineFile)))
        return module.emitError() << "cannot copy '" << option("machine") << "': " << error.message();
    }
    llvm::json::Object extra;
    extra["kernels"] = std::move(*kernels);
    return lutra::emitLibraryArtifact(module, artifact, *host, name(), optionsAsJSON(), std::move(extra));
  }

  LogicalResult emitCode(ModuleOp module, lutra::CodeKind kind, llvm::raw_pwrite_stream &os) const override {
    if (kind != lutra::CodeKind::Assembly)
      return lutra::emitObject(module, *host, kind, os);
    FailureOr<StringRef> text = programText(module);
    if (failed(text))
      return failure();
    os << *text;
    return success();
  }

protected:
  llvm::Error configure() override {
    llvm::Expected<lutra::ltc::Machine> loaded = lutra::ltc::loadMachine(option("machine"), option("array"));
    if (!loaded)
      return loaded.takeError();
    device = std::move(*loaded);
    if (device.arrayK != 4 || device.arrayN % 4 != 0)
      return llvm::createStringError(
          "no product is compiled for an array " + device.arrayName() +
          ": tables have 4 activations (docs/spec/numerics.md), and copies move words of 4 bytes; take k4 and a multiple of 4 for n");
    llvm::Expected<lutra::Machine> created = lutra::Machine::create(option("mcpu"));
    if (!created)
      return created.takeError();
    host = std::move(*created);
    return llvm::Error::success();
  }

private:
  void buildLoops(OpPassManager &pm) const {
    lutra::buildKernelsPhase(pm);
    lutra::ConvertLutToLmmaOptions kernels;
    kernels.arrayM = device.arrayM;
    kernels.arrayN = device.arrayN;
    kernels.tableTiles = device.tableTiles;
    kernels.weightTiles = device.weightTiles;
    kernels.tablesPerTile = device.tablesPerTile;
    kernels.sharedBytes = device.sharedBytes;
    kernels.deviceTables = true;
    kernels.cores = device.cores;
    kernels.dramBytesPerCycle = device.dramBytesPerCycle;
    kernels.dramLatency = device.dramLatency;
    kernels.sharedBytesPerCycle = device.sharedBytesPerCycle;
    kernels.i32Tiles = device.i32Tiles;
    kernels.f32Tiles = device.f32Tiles;
    kernels.rowTiles = device.rowTiles;
    kernels.colTiles = device.colTiles;
    pm.addPass(lutra::createConvertLutToLmma(kernels));
    lutra::lmma::LmmaAllocateRegistersOptions registers;
    registers.tableTiles = device.tableTiles;
    registers.weightTiles = device.weightTiles;
    registers.i32Tiles = device.i32Tiles;
    registers.f32Tiles = device.f32Tiles;
    registers.rowTiles = device.rowTiles;
    registers.colTiles = device.colTiles;
    registers.actTiles = device.actTiles;
    registers.sumTiles = device.sumTiles;
    registers.loopRegisters = device.loopRegisters;
    pm.addNestedPass<lutra::lmma::KernelOp>(lutra::lmma::createLmmaAllocateRegisters(registers));
    lutra::buildLoopsPhase(pm, lutra::LoopOptions::getTuned(host->cpu()));
  }

  static FailureOr<StringRef> programText(ModuleOp module) {
    auto text = module->getAttrOfType<StringAttr>(lutra::lmma::LmmaDialect::kProgramAttr);
    if (!text)
      return module.emitError() << "has no attribute " << lutra::lmma::LmmaDialect::kProgramAttr
                                << "; run lmma-serialize-kernels before";
    return text.getValue();
  }

  static LogicalResult writeKernels(ModuleOp module, lutra::ArtifactDirectory &artifact, StringRef text) {
    llvm::Error written = lutra::writeFile(artifact.file(kKernelsFile), [&](llvm::raw_ostream &os) {
      os << text;
      return llvm::Error::success();
    });
    if (written)
      return module.emitError() << llvm::toString(std::move(written));
    return success();
  }

  lutra::ltc::Machine device;
  std::optional<lutra::Machine> host;
};
} // namespace

void lutra::registerLTCTarget() {
  registerTarget([] { return std::make_unique<LTCTarget>(); });
}
