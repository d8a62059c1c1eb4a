//===- Pipelines.cpp - the phases that targets share ----------------------===//
#include "lutra/Pipelines/Pipelines.h"

#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lut/Transforms/Passes.h"
#include "lib/Conversion/LowbitToLoops/LowbitToLoops.h"
#include "lib/Conversion/LowbitToLut/LowbitToLut.h"
#include "lib/Conversion/LutToLoops/LutToLoops.h"
#include "lib/Conversion/ONNXToLowbit/ONNXToLowbit.h"
#include "lutra/Codegen/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

/// Canonicalization and CSE, function by function: several threads work on a module.
static void addCleanup(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createCSEPass());
}

/// Whether a buffer is one of a task inside a parallel loop, as of a norm over a row, and not worth an allocation. Those of the whole call lie in the arena.
static bool isSmallTaskBuffer(Value buffer) {
  constexpr int64_t kLargest = 16 << 10;
  auto type = cast<MemRefType>(buffer.getType());
  return !isa<func::FuncOp>(buffer.getDefiningOp()->getParentOp()) && type.hasStaticShape() && type.getElementType().isIntOrFloat() &&
         type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8) <= kLargest;
}

void lutra::buildLowbitPhase(OpPassManager &pm) {
  pm.addPass(createConvertONNXToLowbit());
  addCleanup(pm);
  pm.addPass(lowbit::createDecomposeWeights());
  pm.addPass(lowbit::createCanonicalizeWeights());
  pm.addNestedPass<func::FuncOp>(createLinalgInlineScalarOperandsPass());
  pm.addNestedPass<func::FuncOp>(createLinalgElementwiseOpFusionPass());
  addCleanup(pm);
}

void lutra::buildTablesPhase(OpPassManager &pm, const TableOptions &options) {
  // A module that starts here may hold weights that the phase before would have rewritten; others stay as they are.
  pm.addPass(lowbit::createDecomposeWeights());
  pm.addPass(lowbit::createCanonicalizeWeights());
  if (options.mergeMatmuls) {
    lowbit::MergeMatmulsOptions merge;
    merge.mostRows = options.mergeRows;
    pm.addPass(lowbit::createMergeMatmuls(merge));
  }
  lowbit::SelectStrategyOptions strategy;
  strategy.rates.assign(options.rates.begin(), options.rates.end());
  strategy.facts = options.facts;
  strategy.preferInt8 = options.preferInt8;
  strategy.preferDense = options.preferDense;
  strategy.byRows = options.byRows;
  pm.addPass(lowbit::createSelectStrategy(strategy));
  pm.addPass(lowbit::createQuantizeProducts());
  lowbit::QuantizeTablesOptions quantize;
  quantize.element = options.kind.element;
  quantize.scale = options.kind.scale;
  quantize.ternary = options.ternaryTables;
  pm.addPass(lowbit::createQuantizeTables(quantize));
  pm.addPass(lowbit::createSplitPrecompute());
  pm.addPass(lowbit::createShareTables());
  pm.addPass(lowbit::createSymmetrizeTables());
  if (options.fuseEpilogue)
    pm.addNestedPass<func::FuncOp>(lowbit::createFuseEpilogue());
  lowbit::TileElongatedOptions tile;
  tile.l1Bytes = options.l1Bytes;
  tile.l2Bytes = options.l2Bytes;
  tile.rows = options.rows;
  tile.accumulators = options.accumulators;
  pm.addPass(lowbit::createTileElongated(tile));
  lowbit::PackWeightsOptions pack;
  pack.rows = options.rows;
  pack.symmetric = options.symmetric;
  pack.dense = options.packDense;
  pack.codebooks = options.packCodebooks;
  pack.triples = options.packTriples;
  pack.quads = options.packQuads;
  pack.quotients = options.packQuotients;
  pm.addPass(lowbit::createPackWeights(pack));
  pm.addPass(lowbit::createLowerToDense());
  if (options.fusePrecompute)
    pm.addNestedPass<func::FuncOp>(lowbit::createFusePrecompute());
  addCleanup(pm);
}

void lutra::buildLutPhase(OpPassManager &pm, bool multiplyCodes) {
  pm.addPass(createConvertLowbitToLut());
  addCleanup(pm);
  if (multiplyCodes)
    pm.addPass(lut::createMultiplyCodes());
}

void lutra::buildKernelsPhase(OpPassManager &pm) {
  pm.addPass(createPrepareEntry());
  pm.addPass(createExternalizeWeights());
  pm.addNestedPass<func::FuncOp>(createLinalgElementwiseOpFusionPass());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createOwnDestinations());
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  pm.addPass(bufferization::createOneShotBufferizePass());
  // Equal views become one, and so the copies of a row to itself that a fused loop leaves go.
  pm.addNestedPass<func::FuncOp>(createCSEPass());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(bufferization::createPromoteBuffersToStackPass(isSmallTaskBuffer));
  pm.addNestedPass<func::FuncOp>(createFreeBuffers());
  // Before buffers take turns in the arena: what one function uses lives at the same time.
  pm.addPass(createOutlineKernels());
  pm.addPass(createPlanArena());
}

void lutra::buildLoopsPhase(OpPassManager &pm, const LoopOptions &options) {
  ConvertLowbitToLoopsOptions attention;
  attention.sums = options.sums;
  attention.prefetchBytes = options.cachePrefetchBytes;
  attention.headBytes = options.cacheHeadBytes;
  pm.addPass(createConvertLowbitToLoops(attention));
  ConvertLutToLoopsOptions lut;
  lut.accumulatorBits = options.accumulatorBits;
  lut.vectorRows = options.vectorRows;
  lut.lookupEntries = options.lookupEntries;
  lut.prefetchBytes = options.prefetchBytes;
  lut.streamPrefetchBytes = options.streamPrefetchBytes;
  lut.prefetchLevel = options.prefetchLevel;
  lut.readsAhead = options.readsAhead;
  lut.rowPasses = options.rowPasses;
  lut.headBytes = options.headBytes;
  lut.quickPermutes = options.quickPermutes;
  pm.addPass(createConvertLutToLoops(lut));
  pm.addNestedPass<func::FuncOp>(createForallToParallelLoopPass());
  pm.addNestedPass<func::FuncOp>(createLinalgToLoops());
  pm.addPass(createLowerAsserts());
  pm.addNestedPass<func::FuncOp>(createApproximateMath());
  pm.addNestedPass<func::FuncOp>(createLoopInvariantCodeMotionPass());
  addCleanup(pm);
}

void lutra::buildLLVMPhase(OpPassManager &pm, ArrayRef<std::string> features) {
  pm.addPass(createShareLoops());
  pm.addPass(createConvertSCFToOpenMPPass());
  // Inlines the allocation scopes that the step before leaves.
  pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(memref::createFoldMemRefAliasOpsPass());
  pm.addNestedPass<func::FuncOp>(createExpandReshapes());
  pm.addNestedPass<func::FuncOp>(memref::createExpandStridedMetadataPass());
  pm.addNestedPass<func::FuncOp>(createLowerAffinePass());
  addCleanup(pm);
  ConvertToLLVMOptions convert;
  convert.features.assign(features.begin(), features.end());
  pm.addPass(createConvertToLLVM(convert));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createEmitArena());
  pm.addPass(createEmitEntry());
}

namespace {
/// TableOptions on the command line.
struct TablesPipelineOptions : PassPipelineOptions<TablesPipelineOptions> {
  Option<bool> mergeMatmuls{*this, "merge-matmuls", llvm::cl::desc("Make one product of the products of the same activations")};
  Option<bool> fuseEpilogue{*this, "fuse-epilogue", llvm::cl::desc("Let lookup products apply what is done to their outputs")};
  ListOption<std::string> rates{*this, "rates", llvm::cl::desc("What the machine does in a nanosecond, as of lowbit-select-strategy")};
  Option<bool> byRows{*this, "by-rows", llvm::cl::desc("Choose between lut and int8 at run time where M is dynamic")};
  Option<bool> preferInt8{*this, "prefer-int8", llvm::cl::desc("Integer activations wherever weights have planes")};
  Option<lutra::lowbit::TableElement> table{*this, "table", llvm::cl::desc("Entries of the tables of products that name no kind"),
                                            llvm::cl::init(lutra::lowbit::TableElement::I8),
                                            lutra::lowbit::getTableElementChoices()};
  Option<lutra::lowbit::TableScale> scale{*this, "scale", llvm::cl::desc("Quantized entries that share a scale"),
                                          llvm::cl::init(lutra::lowbit::TableScale::Group),
                                          lutra::lowbit::getTableScaleChoices()};
  Option<int64_t> rows{*this, "rows", llvm::cl::desc("Rows of a tile of packed weights"), llvm::cl::init(64)};
  Option<bool> symmetric{*this, "symmetric", llvm::cl::desc("Weight indices of 3 bits and a sign")};

  lutra::TableOptions get() const {
    lutra::TableOptions options;
    options.mergeMatmuls = mergeMatmuls;
    options.fuseEpilogue = fuseEpilogue;
    options.rates.assign(rates.begin(), rates.end());
    options.byRows = byRows;
    options.preferInt8 = preferInt8;
    options.kind = {table, scale};
    options.rows = rows;
    options.symmetric = symmetric;
    return options;
  }
};
} // namespace

void lutra::registerLutraPipelines() {
  PassPipelineRegistration<>("lutra-onnx-to-lowbit", "From an imported graph to lowbit and linalg on tensors",
                             [](OpPassManager &pm) { buildLowbitPhase(pm); });
  PassPipelineRegistration<TablesPipelineOptions>(
      "lutra-lowbit-to-tables", "From products to tables and lookups over packed weights",
      [](OpPassManager &pm, const TablesPipelineOptions &options) { buildTablesPhase(pm, options.get()); });
  PassPipelineRegistration<>("lutra-tables-to-lut", "From tables to the structured operations of lut",
                             [](OpPassManager &pm) { buildLutPhase(pm); });
  PassPipelineRegistration<>("lutra-lut-to-loops", "From tensors to loops on buffers, one function per distinct computation",
                             [](OpPassManager &pm) {
                               buildKernelsPhase(pm);
                               buildLoopsPhase(pm, {});
                             });
  PassPipelineRegistration<>("lutra-loops-to-llvm", "From loops to the LLVM dialect with the exported entry point",
                             [](OpPassManager &pm) { buildLLVMPhase(pm, {}); });
}
