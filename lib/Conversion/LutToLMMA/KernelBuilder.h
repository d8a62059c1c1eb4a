//===- KernelBuilder.h - the kernel of a lookup product ---------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LUTTOLMMA_KERNELBUILDER_H
#define LUTRA_CONVERSION_LUTTOLMMA_KERNELBUILDER_H

#include "Epilogue.h"
#include "dialects/lmma/IR/Lmma.h"
#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/Builders.h"

#include <optional>

namespace lutra::luttolmma {

/// Activations of a table, for which docs/spec/numerics.md defines tables and sums.
inline constexpr int64_t kGroup = 4;
/// Entries of a whole table, and those of the half that the array stores.
inline constexpr int64_t kEntries = 16, kStored = 8;

/// What a kernel may take of a core, and how fast the core is: what a tile is chosen by.
struct CoreFacts {
  /// The array: activation rows and output rows of one step. Tables have kGroup activations.
  int64_t arrayM = 2, arrayN = 64;
  /// Registers of each kind, tables in one, and bytes of shared memory.
  int64_t tableTiles = 32, weightTiles = 8, i32Tiles = 32, f32Tiles = 64, rowTiles = 64, colTiles = 16, actTiles = 16;
  int64_t tablesPerTile = 16, sharedBytes = 0;
  int64_t cores = 1;
  double dramBytesPerCycle = 10.2, dramLatency = 290, sharedBytesPerCycle = 128;
};

/// What determines a kernel: the product's shape, the array's, and where things lie in the packed weight.
struct ProductShape {
  int64_t rows, cols, groups, tables;
  int64_t arrayM = 2, arrayN = 64, tablesPerTile = 16;
  int64_t planes, group;
  /// Whether each plane has its own alpha and the sum its own weight beta (#lowbit.bcq).
  bool perPlane = false;
  /// Offsets in the bytes of one tile by one group, and their number.
  int64_t alphaOffset, zetaOffset, groupBytes;
  /// How alphas and zetas (betas) are stored.
  mlir::Type alpha, zeta;
  /// The zeta of every group, when it is one number (then `zeta` is null).
  mlir::FloatAttr constantZeta;
  /// i8, i16, f16 or f32.
  mlir::Type entry;
  /// Which entries share a scale; floats have none that counts.
  lowbit::TableScale scale = lowbit::TableScale::Group;
  /// Elements from one table to the next: 16 of whole tables, 8 of halves that lie one after the other.
  int64_t pitch = kEntries;
  /// What is done to each output before it is stored.
  Epilogue epilogue;

  /// Whether entries are summed in f32.
  bool isFloat() const { return mlir::isa<mlir::FloatType>(entry); }
  /// Whether each table has a scale of its own: its sum is scaled before the next table's is added.
  bool scalesTables() const { return !isFloat() && scale == lowbit::TableScale::Table; }
  /// Whether a row has one scale.
  bool hasRowScale() const { return !isFloat() && scale == lowbit::TableScale::Row; }
  /// Columns of outputs, of arrayN each.
  int64_t columns() const { return (rows + arrayN - 1) / arrayN; }
  /// Scales of a row.
  int64_t scalesPerRow() const { return lowbit::getScalesPerRow(scale, groups, tables); }
  /// Accumulators of arrayM rows: one, or one for each plane where planes are not summed as integers.
  int64_t accumulatorsPerBlock() const { return isFloat() || perPlane ? planes : 1; }

  /// The kernel's buffers: entries, scales, sums, weights, the epilogue's operands, out; and what they are called.
  llvm::SmallVector<mlir::Type> bufferTypes(mlir::Builder &b) const;
  llvm::SmallVector<std::string> bufferNames() const;

  /// Reads a weight type and a table kind, or says by name what the machine has no kernel for.
  static llvm::FailureOr<ProductShape> get(lowbit::WeightType type, mlir::Type entry, lowbit::TableScale scale,
                                           const CoreFacts &core, llvm::function_ref<mlir::InFlightDiagnostic()> emitError);
};

/// How a kernel whose loads go to DRAM is cut.
struct DramTile {
  /// Activation rows that share loaded weights: the array's times a power of two.
  int64_t rows = 2;
  /// Groups (for large ones: parts of a group) that are loaded ahead.
  int64_t depth = 4;

  /// At most `rows` and `depth`, lowered until the accumulators, the rows and the columns of `shape` have registers.
  static DramTile fit(const ProductShape &shape, const CoreFacts &core, int64_t rows, int64_t depth);
};

/// An empty kernel of a product, at the builder's insertion point.
lmma::KernelOp createProductKernel(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name, const ProductShape &shape);

/// Builds the kernel at the builder's insertion point. Every load goes to DRAM.
lmma::KernelOp buildKernel(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                           const ProductShape &shape, const DramTile &tile);

/// How a product is cut when its operands go through shared memory.
struct SharedTile {
  /// Activation rows and columns of a block; a column is arrayN output rows.
  int64_t rows = 0, columns = 0;
  /// Groups that one copy brings; two copies are held. One where a copy brings only some of a group's tables.
  int64_t groups = 0;
  /// Tables of a group that a copy brings: all, or a part of which a group has an even number.
  int64_t tables = 0;
  /// Columns of blocks that the blocks of all rows take before the next ones.
  int64_t swizzle = 1;
  /// Bytes of one stage, of tables (with scales and sums) and of weights.
  int64_t tableBytes = 0, weightBytes = 0;
  int64_t stageBytes() const { return tableBytes + weightBytes; }
};

/// The tile with the shortest predicted time for 512 rows and for one, of those that fit registers and shared memory; none
/// when nothing fits.
std::optional<SharedTile> chooseSharedTile(const ProductShape &shape, const CoreFacts &core, int64_t mostRows);

/// Builds the kernel at the builder's insertion point: operands in two stages of shared memory, which asynchronous copies
/// fill in turns while the array works on the other. A stage is some groups, or a part of one.
lmma::KernelOp buildSharedKernel(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                                 const ProductShape &shape, const SharedTile &tile);

/// A lut.precompute or lut.norm_precompute, as far as its kernel depends on it.
struct TablesShape {
  /// Elements of a row, of a group; tables of a group.
  int64_t cols, group, groups, tables;
  mlir::Type activation, entry;
  lowbit::TableScale scale;
  /// Whether the activations are codes, with scales as the tables have.
  bool codes = false;
  int64_t scalesPerRow;
  /// What a norm of the rows adds to their mean square; null: they are taken as they are.
  mlir::FloatAttr epsilon;
  int64_t pitch = kStored;
  /// Rows of the array and activation registers of the core.
  int64_t arrayM = 2;
};

/// Builds the kernel that computes tables at the builder's insertion point.
lmma::KernelOp buildTablesKernel(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                                 const TablesShape &shape);

} // namespace lutra::luttolmma

#endif // LUTRA_CONVERSION_LUTTOLMMA_KERNELBUILDER_H
