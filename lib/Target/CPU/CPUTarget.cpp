//===- CPUTarget.cpp - SIMD code for the host's architecture --------------===//
//
// Options: which CPU, and whether table entries are quantized. Everything else follows from the CPU's features.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/CPU/CPUTarget.h"

#include "lib/Conversion/LutToLLVM/LutToLLVM.h"
#include "lutra/Pipelines/Pipelines.h"
#include "lutra/Target/Target.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace {
class CPUTarget : public lutra::Target {
public:
  StringRef name() const override { return "cpu"; }
  StringRef description() const override { return "SIMD code for this machine's architecture, threads by OpenMP"; }

  ArrayRef<lutra::TargetOption> options() const override {
    static const std::vector<lutra::TargetOption> declared = {
        {"mcpu", "CPU to generate for: native, or LLVM's name of one", "native"},
        {"table", "Entries of lookup tables: i8 (fast) or f32 (exact)", "i8", {"i8", "f32"}},
    };
    return declared;
  }

  std::vector<std::pair<std::string, std::string>> facts() const override {
    return {{"triple", machine->triple()}, {"cpu", machine->cpu()}, {"features", machine->featureList()}};
  }

  void buildPipeline(OpPassManager &pm, lutra::Phase phase) const override {
    switch (phase) {
    case lutra::Phase::ONNX:
      return;
    case lutra::Phase::Lowbit:
      return lutra::buildLowbitPhase(pm);
    case lutra::Phase::Tables: {
      lutra::TableOptions tables;
      tables.quantized = option("table") == "i8";
      // Without a byte shuffle a row's sums do not fit the registers as it is; more rows would only make longer code.
      if (!lutra::LutInstructions::fromFeatures(machine->features()).hasByteShuffle())
        tables.accumulators = 1;
      return lutra::buildTablesPhase(pm, tables);
    }
    case lutra::Phase::Lut:
      return lutra::buildLutPhase(pm);
    case lutra::Phase::Loops: {
      lutra::LoopOptions loops;
      lutra::LutInstructions instructions = lutra::LutInstructions::fromFeatures(machine->features());
      loops.accumulatorBits = instructions.hasDotProduct() ? 32 : 16;
      loops.vectorRows = instructions.avx512bw ? 64 : 16;
      lutra::buildKernelsPhase(pm);
      return lutra::buildLoopsPhase(pm, loops);
    }
    case lutra::Phase::LLVM:
      return lutra::buildLLVMPhase(pm, machine->features());
    }
  }

  LogicalResult emitArtifact(ModuleOp module, lutra::ArtifactDirectory &artifact) const override {
    return lutra::emitLibraryArtifact(module, artifact, *machine, name(), optionsAsJSON());
  }

  LogicalResult emitCode(ModuleOp module, lutra::CodeKind kind, llvm::raw_pwrite_stream &os) const override {
    return lutra::emitObject(module, *machine, kind, os);
  }

protected:
  llvm::Error configure() override {
    llvm::Expected<lutra::Machine> created = lutra::Machine::create(option("mcpu"));
    if (!created)
      return created.takeError();
    machine = std::move(*created);
    return llvm::Error::success();
  }

private:
  std::optional<lutra::Machine> machine;
};
} // namespace

void lutra::registerCPUTarget() {
  registerTarget([] { return std::make_unique<CPUTarget>(); });
}
