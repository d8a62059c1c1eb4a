//===- Pipelines.cpp - the phases that targets share ----------------------===//
#include "lutra/Pipelines/Pipelines.h"

#include "dialects/lowbit/Transforms/Passes.h"
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

void lutra::buildLowbitPhase(OpPassManager &pm) {
  pm.addPass(createConvertONNXToLowbit());
  addCleanup(pm);
  pm.addPass(lowbit::createCanonicalizeWeights());
  pm.addNestedPass<func::FuncOp>(createLinalgInlineScalarOperandsPass());
  pm.addNestedPass<func::FuncOp>(createLinalgElementwiseOpFusionPass());
  addCleanup(pm);
}

void lutra::buildTablesPhase(OpPassManager &pm, const TableOptions &options) {
  lowbit::SplitPrecomputeOptions split;
  split.table = options.quantized ? lowbit::TableElement::I8 : lowbit::TableElement::F32;
  pm.addPass(lowbit::createSplitPrecompute(split));
  pm.addPass(lowbit::createSymmetrizeTables());
  lowbit::TileElongatedOptions tile;
  tile.l1Bytes = options.l1Bytes;
  tile.l2Bytes = options.l2Bytes;
  tile.rows = options.rows;
  tile.accumulators = options.accumulators;
  pm.addPass(lowbit::createTileElongated(tile));
  lowbit::PackWeightsOptions pack;
  pack.rows = options.rows;
  pack.symmetric = options.symmetric;
  pm.addPass(lowbit::createPackWeights(pack));
  pm.addNestedPass<func::FuncOp>(lowbit::createFusePrecompute());
  addCleanup(pm);
}

void lutra::buildLutPhase(OpPassManager &pm) {
  pm.addPass(createConvertLowbitToLut());
  addCleanup(pm);
}

void lutra::buildKernelsPhase(OpPassManager &pm) {
  pm.addPass(createPrepareEntry());
  pm.addPass(createExternalizeWeights());
  pm.addNestedPass<func::FuncOp>(createLinalgElementwiseOpFusionPass());
  addCleanup(pm);
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  pm.addPass(bufferization::createOneShotBufferizePass());
  // Equal views become one, and so the copies of a row to itself that a fused loop leaves go.
  pm.addNestedPass<func::FuncOp>(createCSEPass());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createFreeBuffers());
  pm.addPass(createOutlineKernels());
}

void lutra::buildLoopsPhase(OpPassManager &pm, const LoopOptions &options) {
  pm.addPass(createConvertLowbitToLoops());
  ConvertLutToLoopsOptions lut;
  lut.accumulatorBits = options.accumulatorBits;
  lut.vectorRows = options.vectorRows;
  pm.addPass(createConvertLutToLoops(lut));
  pm.addNestedPass<func::FuncOp>(createForallToParallelLoopPass());
  pm.addNestedPass<func::FuncOp>(createLinalgToLoops());
  pm.addPass(createLowerAsserts());
  pm.addNestedPass<func::FuncOp>(createApproximateMath());
  pm.addNestedPass<func::FuncOp>(createLoopInvariantCodeMotionPass());
  addCleanup(pm);
}

void lutra::buildLLVMPhase(OpPassManager &pm, ArrayRef<std::string> features) {
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
  pm.addPass(createEmitEntry());
}

void lutra::registerLutraPipelines() {
  PassPipelineRegistration<>("lutra-onnx-to-lowbit", "From an imported graph to lowbit and linalg on tensors",
                             [](OpPassManager &pm) { buildLowbitPhase(pm); });
  PassPipelineRegistration<>("lutra-lowbit-to-tables", "From products to tables and lookups over packed weights",
                             [](OpPassManager &pm) { buildTablesPhase(pm, {}); });
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
