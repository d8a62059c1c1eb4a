//===- Pipelines.h - the phases that targets share --------------*- C++ -*-===//
//
// One function per phase: the passes from the phase before. A target that differs in one step calls the pieces and puts its own
// pass between them. All run on the module.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_PIPELINES_PIPELINES_H
#define LUTRA_PIPELINES_PIPELINES_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace lutra {

/// How the lookup products of a target are shaped.
struct TableOptions {
  /// Whether products of the same activations become one.
  bool mergeMatmuls = false;
  /// But only where one of the products has at most so many channels.
  int64_t mergeRows = INT64_MAX;
  /// Whether lookup products apply the element-wise operations that follow them.
  bool fuseEpilogue = false;
  /// Whether tables are computed where their activations are, instead of by operations of their own.
  bool fusePrecompute = true;
  /// What the strategy of each product is chosen by: rates as lowbit::CostRates spells them. None: whatever can be looked up is.
  llvm::SmallVector<std::string> rates;
  /// Whose rates they are, for remarks.
  std::string facts;
  /// Whether activations become codes of 8 bits wherever weights are in planes.
  bool preferInt8 = false;
  /// Whether products are multiplied in f32 wherever weights are in planes, and whether weights of such products stay packed planes.
  bool preferDense = false, packDense = false;
  /// Whether products whose M is dynamic are chosen for at run time.
  bool byRows = false;
  /// The tables of products that do not name a kind.
  lowbit::TableKind kind;
  /// Whether ternary weights are looked up in tables of three activations, where tables are i8 with a scale per group or row.
  bool ternaryTables = false;
  /// Whether weights of few codes are stored as indices into a codebook where products multiply codes.
  bool packCodebooks = false;
  /// Whether ternary weights lie three in 5 bits where products multiply codes.
  bool packTriples = false;
  /// Whether four neighbouring bytes of codes are one row's where products look up bytes.
  bool packQuads = false;
  /// Whether zetas are stored as f16 quotients of their alphas, where that is exact and they would take an f32.
  bool packQuotients = false;
  /// Rows of a tile of packed weights.
  int64_t rows = 64;
  /// Whether weight indices are 3 bits and a sign (half tables).
  bool symmetric = false;
  /// Bytes of the nearest memory and of the next, which tiles are fitted to.
  int64_t l1Bytes = 32768, l2Bytes = 1048576;
  /// Activation rows whose sums are kept in registers together.
  int64_t accumulators = 8;
};

/// How lookup loops use the machine.
struct LoopOptions {
  /// Width in which lookups are summed: 32 where four bytes are summed by one instruction, else 16.
  unsigned accumulatorBits = 16;
  /// Output rows whose accumulators are live at once: 64 for 32 wide registers, 16 for 16 narrow ones.
  int64_t vectorRows = 64;
  /// Entries of a table of bytes that one instruction looks up: 16 or 64.
  int64_t lookupEntries = 16;
  /// How far ahead of the loads weights are asked for, and by loops that read several tiles at once; 0 for not at all.
  int64_t prefetchBytes = 4096, streamPrefetchBytes = 2048;
  /// The same of a cache's floats in attention of a single token.
  int64_t cachePrefetchBytes = 512;
  /// Bytes of each head's keys, and of its values, that a single token reads before it begins; 0 for none.
  int64_t cacheHeadBytes = 0;
  /// The cache nearest to the core that weights are asked for into: 1, 2 or 3.
  int64_t prefetchLevel = 1;
  /// Whether the machine reads ahead of each stream by itself.
  bool readsAhead = false;
  /// Passes over a weight in which products of codes multiply rows before they make a panel of it.
  int64_t rowPasses = 1;
  /// Bytes of each stream of the next function's products that are asked for ahead of it; 0 for not at all.
  int64_t headBytes = 0;
  /// Whether bytes of two wide registers are permuted in a cycle.
  bool quickPermutes = false;
  /// Type of attention's scores and sums: auto, f32 or f64, as of convert-lowbit-to-loops.
  std::string sums = "auto";

  /// The options as the memory of LLVM's CPU `cpu` wants them; those above where nothing is known of it.
  static LoopOptions getTuned(llvm::StringRef cpu);
};

/// onnx -> lowbit: converts the graph, puts weights into canonical form, fuses elementwise operations.
void buildLowbitPhase(mlir::OpPassManager &pm);

/// lowbit -> tables: products become table precompute and lookups over packed weights.
void buildTablesPhase(mlir::OpPassManager &pm, const TableOptions &options);

/// tables -> lut: structured operations on tensors. `multiplyCodes`: integer activations are multiplied instead of looked up, which is the same
/// in bits.
void buildLutPhase(mlir::OpPassManager &pm, bool multiplyCodes = false);

/// lut -> loops, in two halves: weights leave the module for the weights file, tensors become buffers, and each distinct
/// computation a function...
void buildKernelsPhase(mlir::OpPassManager &pm);
/// ...and from there to loops over vectors and scalars.
void buildLoopsPhase(mlir::OpPassManager &pm, const LoopOptions &options);

/// loops -> llvm: threads, then the LLVM dialect with the exported entry point. `features`: LLVM's names of CPU features that
/// lookups may use.
void buildLLVMPhase(mlir::OpPassManager &pm, llvm::ArrayRef<std::string> features);

/// Registers the phases as pipelines `lutra-onnx-to-lowbit`, `lutra-lowbit-to-tables`, `lutra-tables-to-lut`, `lutra-lut-to-loops` and
/// `lutra-loops-to-llvm`, with the CPU's defaults.
void registerLutraPipelines();

} // namespace lutra

#endif // LUTRA_PIPELINES_PIPELINES_H
