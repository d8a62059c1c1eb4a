//===- CPUTarget.cpp - SIMD code for x86-64 and AArch64 -------------------===//
//
// Options: which CPU, and whether table entries are quantized. Everything else follows from the CPU's features.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/CPU/CPUTarget.h"

#include "FactsFile.h"
#include "MachineRates.h"
#include "lib/Conversion/LutToLLVM/LutToLLVM.h"
#include "lib/Conversion/LutToLoops/IntegerKernel.h"
#include "lutra/Codegen/Passes.h"
#include "lutra/Pipelines/Pipelines.h"
#include "lutra/Target/Target.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace {
/// Channels of a product that begins as long as it reads: up to eight tiles. SmolLM2's keys and values are of three each: with the queries, as one product, they take 1.4 us
/// less of 13 on Zen 4; gate and up, of 24 tiles each, take as long merged as apart.
constexpr int64_t kShortProduct = 512;

class CPUTarget : public lutra::Target {
public:
  StringRef name() const override { return "cpu"; }
  StringRef description() const override { return "SIMD code for x86-64 and AArch64, threads by OpenMP"; }

  ArrayRef<lutra::TargetOption> options() const override {
    static const std::vector<lutra::TargetOption> declared = {
        {"mcpu", "CPU to generate for: native, or LLVM's name of one", "native"},
        {"triple", "Architecture and system: native, or as aarch64-linux-gnu (then name the CPU)", "native"},
        {"table", "Entries of lookup tables: i8 (fast), i16, f16 or f32 (exact)", "i8", {"i8", "i16", "f16", "f32"}},
        {"table-scale", "Entries of i8 and i16 tables that share a scale: of a group, a table or a row", "group",
         {"group", "table", "row"}},
        {"strategy",
         "Products: lut (looked up where planes allow, so that numbers do not depend on the number of rows), int8 (activations of 8 bits instead), "
         "dense (f32), or auto (the fastest for each number of rows; lut where tables are not i8)",
         "lut", {"lut", "int8", "dense", "auto"}},
        {"facts", "File of the machine's facts that scripts/calibrate wrote, for strategy=auto; else those of the CPU that come with the compiler, or estimated ones", ""},
        {"kv-cache", "Keys and values of the past: f32, f16, or codes of 8 or 4 bits with scales (i8, i4)", "f32", {"f32", "f16", "i8", "i4"}},
        {"sums", "Attention's scores and sums: f64 (as specified), f32 (fast), or auto (f64 where activations are quantized)", "auto",
         {"auto", "f32", "f64"}},
        {"triples", "Store ternary weights that are multiplied by codes three in 5 bits, where a byte shuffle unpacks them", "on", {"off", "on"}},
        {"ternary-table",
         "Activations of a table that ternary weights are looked up in: 4 (two bit planes), or 3 (codes of three in 5 bits; i8 tables with a scale per group or row)",
         "4", {"3", "4"}},
        {"merge-matmuls", "Make one product of products of the same activations: on, off, or short (where one has at most 512 channels, and fuse-epilogue is off)", "short", {"short", "off", "on"}},
        {"fuse-epilogue", "Apply bias, residual and activation in the kernels of products whose strategy the number of rows does not decide", "off", {"off", "on"}},
    };
    return declared;
  }

  std::vector<std::pair<std::string, std::string>> facts() const override {
    const lutra::MachineRates known = machineRates();
    auto spell = [](double rows) { return std::to_string(int64_t(rows)); };
    return {{"triple", machine->triple()}, {"cpu", machine->cpu()}, {"features", machine->featureList()}, {"rates", known.facts},
            {"panel-rows", spell(known.rates.panelRows)}, {"triple-panel-rows", spell(known.rates.triplePanelRows)}};
  }

  void buildPipeline(OpPassManager &pm, lutra::Phase phase) const override {
    switch (phase) {
    case lutra::Phase::ONNX:
      return;
    case lutra::Phase::Lowbit:
      lutra::buildLowbitPhase(pm);
      if (option("kv-cache") != "f32") {
        lutra::NarrowCacheOptions cache;
        cache.kind = option("kv-cache");
        pm.addPass(lutra::createNarrowCache(cache));
      }
      return;
    case lutra::Phase::Tables: {
      lutra::TableOptions tables;
      tables.kind = {*lutra::lowbit::symbolizeTableElement(option("table")),
                     *lutra::lowbit::symbolizeTableScale(option("table-scale"))};
      tables.fuseEpilogue = option("fuse-epilogue") == "on";
      // A slice of a product has no epilogue.
      const bool isShort = option("merge-matmuls") == "short" && !tables.fuseEpilogue;
      tables.mergeMatmuls = isShort || option("merge-matmuls") == "on";
      if (isShort)
        tables.mergeRows = kShortProduct;
      tables.preferInt8 = option("strategy") == "int8";
      tables.preferDense = option("strategy") == "dense";
      tables.packDense = true;
      tables.ternaryTables = option("ternary-table") == "3";
      tables.packCodebooks = true;
      tables.packQuotients = true;
      // Triples are unpacked by byte shuffles.
      tables.packTriples = option("triples") == "on" && lutra::LutInstructions::fromFeatures(machine->features()).hasByteShuffle();
      if (choosesByTime()) {
        const lutra::MachineRates known = machineRates();
        tables.rates = known.rates.spell();
        tables.facts = known.facts;
        tables.byRows = true;
      }
      // Without a byte shuffle a row's sums do not fit the registers as it is; more rows would only make longer code. NEON's 32
      // registers of 16 bytes hold one row's outputs and sums.
      lutra::LutInstructions instructions = lutra::LutInstructions::fromFeatures(machine->features());
      if (!instructions.hasByteShuffle() || instructions.neon)
        tables.accumulators = 1;
      tables.packQuads = instructions.looksUpQuads();
      return lutra::buildTablesPhase(pm, tables);
    }
    case lutra::Phase::Lut:
      return lutra::buildLutPhase(pm, /*multiplyCodes=*/true);
    case lutra::Phase::Loops: {
      lutra::LoopOptions loops = lutra::LoopOptions::getTuned(machine->cpu());
      lutra::LutInstructions instructions = lutra::LutInstructions::fromFeatures(machine->features());
      loops.accumulatorBits = instructions.hasDotProduct() ? 32 : 16;
      loops.vectorRows = instructions.avx512bw ? 64 : 16;
      loops.lookupEntries = instructions.getLookupEntries();
      loops.sums = option("sums");
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
    llvm::Expected<lutra::Machine> created = lutra::Machine::create(option("mcpu"), option("triple"));
    if (!created)
      return created.takeError();
    if (option("table").starts_with("f") && option("table-scale") != "group")
      return llvm::createStringError("cpu.table-scale is for quantized tables, but cpu.table is " + option("table") +
                                     ": take cpu.table=i8 or i16");
    if (option("ternary-table") == "3" && (option("table") != "i8" || option("table-scale") == "table"))
      return llvm::createStringError("cpu.ternary-table=3 is for i8 tables with a scale per group or row, but cpu.table is " + option("table") +
                                     " and cpu.table-scale is " + option("table-scale"));
    machine = std::move(*created);
    if (option("facts").empty())
      return llvm::Error::success();
    if (option("strategy") != "auto")
      return llvm::createStringError("cpu.facts is what cpu.strategy=auto chooses by, but cpu.strategy is " + option("strategy"));
    if (!choosesByTime())
      return llvm::createStringError("cpu.facts is what cpu.strategy=auto chooses by where tables are i8, but cpu.table is " + option("table"));
    llvm::Expected<lutra::FactsFile> loaded = lutra::FactsFile::load(option("facts"));
    if (!loaded)
      return loaded.takeError();
    measured = std::move(*loaded);
    return llvm::Error::success();
  }

private:
  /// Whether products go by the cost model. Who asks for wider tables asks for closer numbers than codes of 8 bits give.
  bool choosesByTime() const { return option("strategy") == "auto" && option("table") == "i8"; }

  /// The rates that products are chosen by, and from how many rows on the loops of convert-lut-to-loops make panels.
  lutra::MachineRates machineRates() const {
    lutra::MachineRates known = measured ? lutra::MachineRates{measured->rates, measured->cpu} : lutra::findRates(*machine);
    const lutra::LutInstructions instructions = lutra::LutInstructions::fromFeatures(machine->features());
    const bool sumsInOne = instructions.hasDotProduct(), isWide = instructions.avx512bw;
    const int64_t passes = lutra::LoopOptions::getTuned(machine->cpu()).rowPasses;
    known.rates.panelRows = 1 + lutra::lutloops::getFewRows(/*triples=*/false, isWide, sumsInOne, instructions.getLookupEntries(), passes);
    known.rates.triplePanelRows = 1 + lutra::lutloops::getFewRows(/*triples=*/true, isWide, sumsInOne, instructions.getLookupEntries(), passes);
    return known;
  }

  std::optional<lutra::Machine> machine;
  /// What cpu.facts names.
  std::optional<lutra::FactsFile> measured;
};
} // namespace

void lutra::registerCPUTarget() {
  registerTarget([] { return std::make_unique<CPUTarget>(); });
}
