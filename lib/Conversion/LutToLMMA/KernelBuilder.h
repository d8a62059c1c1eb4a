//===- KernelBuilder.h - the kernel of a lookup product ---------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LUTTOLMMA_KERNELBUILDER_H
#define LUTRA_CONVERSION_LUTTOLMMA_KERNELBUILDER_H

#include "dialects/lmma/IR/Lmma.h"
#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/Builders.h"

namespace lutra::luttolmma {

/// Output rows and activation rows of the array.
inline constexpr int64_t kArrayN = 64, kArrayM = 2;
/// Entries of a whole table; the array stores half of them.
inline constexpr int64_t kEntries = 16;

/// What determines a kernel: the product's shape and where things lie in the packed weight.
struct ProductShape {
  int64_t rows, cols, groups, tables;
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

  /// Whether entries are summed in f32.
  bool isFloat() const { return mlir::isa<mlir::FloatType>(entry); }
  /// Whether each table has a scale of its own: its sum is scaled before the next table's is added.
  bool scalesTables() const { return !isFloat() && scale == lowbit::TableScale::Table; }
  /// Scales of a row.
  int64_t scalesPerRow() const { return lowbit::getScalesPerRow(scale, groups, tables); }
  /// Accumulators of two rows: one, or one for each plane where planes are not summed as integers.
  int64_t accumulatorsPerBlock() const { return isFloat() || perPlane ? planes : 1; }

  /// Reads a weight type and a table kind, or says by name what the machine has no kernel for.
  static llvm::FailureOr<ProductShape> get(lowbit::WeightType type, mlir::Type entry, lowbit::TableScale scale,
                                           llvm::function_ref<mlir::InFlightDiagnostic()> emitError);
};

/// How a kernel is cut. `fit` makes it fit the machine.
struct KernelOptions {
  /// Activation rows that share loaded weights: 2, 4, 8 or 16.
  int64_t blockRows = 16;
  int64_t depth = 4, tablesPerTile = 16;
  /// Registers a, f, s and c of the machine.
  int64_t i32Tiles = 32, f32Tiles = 64, rowTiles = 64, colTiles = 16;

  /// Lowers `blockRows` and `depth` until the accumulators, the rows and the columns of `shape` have registers.
  void fit(const ProductShape &shape);
};

/// Builds the kernel at the builder's insertion point.
lmma::KernelOp buildKernel(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                           const ProductShape &shape, const KernelOptions &options);

} // namespace lutra::luttolmma

#endif // LUTRA_CONVERSION_LUTTOLMMA_KERNELBUILDER_H
