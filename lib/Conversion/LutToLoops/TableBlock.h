//===- TableBlock.h - tables side by side, one a lane -----------*- C++ -*-===//
//
// What the precompute of quantized tables does for 4, 8 or 16 neighbouring tables of a group at once. A lane is a table: the 8 upper
// entries of all of them take 14 additions, since tables share the sums of their first two and three activations.
//
// Table t is in lane 4 (t mod n) + t / n, with n = width / 4: transposing 4x4 blocks, which never leave 16 bytes, then brings
// activations into lanes and entries into memory order.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_LUTTOLOOPS_TABLEBLOCK_H
#define LUTRA_CONVERSION_LUTTOLOOPS_TABLEBLOCK_H

#include "lib/Conversion/LutToLoops/Kernel.h"

namespace lutra::lutloops {

/// Of four vectors of 4 n elements: element 4 l + i of vector j becomes element 4 l + j of vector i.
llvm::SmallVector<mlir::Value, 4> transposeFours(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> vectors);

/// The low bytes of four vectors of i32 as the bytes of one.
mlir::Value packBytes(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> integers);

/// `width` neighbouring tables.
class TableBlock {
public:
  /// Reads the 4 `width` activations, f32, from `column` of `row` on.
  TableBlock(mlir::ImplicitLocOpBuilder &b, mlir::Value activations, mlir::Value row, mlir::Value column, int64_t width);

  /// The widest block that fits `tables` tables, or 0: two tables are not worth one.
  static int64_t getWidth(int64_t tables) { return tables >= 16 ? 16 : tables >= 8 ? 8 : tables >= 4 ? 4 : 0; }

  /// The tables' sums of activations in order: ((a0 + a1) + a2) + a3 each, scalars.
  llvm::SmallVector<mlir::Value> getSums();

  /// The bits of the largest magnitude of each table's entries, as 16 lanes of i32; those past `width` are 0.
  mlir::Value getLargest();

  /// The entries times `inverse` (one for all), rounded to integers, as bytes in memory order: vectors of 4 `width` bytes. Zeros when
  /// `isFinite` is false.
  llvm::SmallVector<mlir::Value, 4> quantize(mlir::Value inverse, mlir::Value isFinite);

private:
  llvm::SmallVector<mlir::Value, 8> getUpperHalves();
  mlir::Value negateReversed(mlir::Value words);
  mlir::VectorType getType(mlir::Type element) const { return mlir::VectorType::get({width}, element); }

  mlir::ImplicitLocOpBuilder &b;
  int64_t width;
  /// Activation i of the table in each lane.
  llvm::SmallVector<mlir::Value, 4> lanes;
};

} // namespace lutra::lutloops

#endif // LUTRA_CONVERSION_LUTTOLOOPS_TABLEBLOCK_H
