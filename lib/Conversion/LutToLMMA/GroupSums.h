//===- GroupSums.h - what groups add to the outputs -------------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LUTTOLMMA_GROUPSUMS_H
#define LUTRA_CONVERSION_LUTTOLMMA_GROUPSUMS_H

#include "KernelBuilder.h"
#include "KernelTools.h"

namespace lutra::luttolmma {

/// Where the operands of some groups lie: in DRAM, or in a stage of shared memory.
struct Operands {
  mlir::Value entries, scales, sums, weights;
  /// The first activation row in `entries`, `scales` and `sums`.
  Index row;
  /// The first byte of each column's codes in `weights`.
  llvm::SmallVector<Index> columns;
  /// Bytes between planes of codes; 0: those of a whole group.
  int64_t planePitch = 0;
};

/// The buffers of a product's kernel.
struct ProductBuffers {
  mlir::Value entries, scales, sums, weights, out;
  llvm::SmallVector<mlir::Value> epilogue;

  ProductBuffers() = default;
  /// Those that a kernel's body has as arguments.
  explicit ProductBuffers(mlir::Block &body);
  /// The operands in DRAM, without a row and columns.
  Operands operands() const { return {entries, scales, sums, weights, {}, {}}; }
};

/// The registers that a group is computed from: of some of its tables, and of the group as a whole. Those of blocks of activation rows
/// stand in the order of the blocks, those of columns in the order of the columns.
struct GroupRegisters {
  /// Of each block, of each column; the scales of each table by block, where tables have scales of their own.
  Values tables, codes, tableScales;
  /// Of each block (no scales where each table has its own); of each plane by column; of each column.
  Values scales, sums, alphas, zetas;

  Values flatten() const;
  /// The same registers with other values.
  GroupRegisters refill(mlir::ValueRange values) const;
};

/// Builds what groups add to the outputs of some blocks of activation rows by some columns: docs/spec/numerics.md, "The lookup product",
/// whatever memory the operands come from. Outputs stand column by column.
class GroupSums {
public:
  GroupSums(mlir::ImplicitLocOpBuilder &b, const ProductShape &shape) : b(b), s(shape) {}

  /// Makes the constants of a kernel; once, before anything else.
  void makeConstants();
  /// Outputs of +0.
  Values makeOutputs(int64_t count) { return zeros(count, b.getF32Type()); }
  /// `outputs` and the first `count` groups of the operands, loaded `depth` groups (or parts of a group) ahead.
  Values add(const Operands &from, int64_t blocks, int64_t count, int64_t depth, const Values &outputs);

  /// The steps of `add`, for a group whose operands are not in one place. First its scales, sums and columns...
  void loadScales(GroupRegisters &set, const Operands &from, int64_t blocks, const Index &group);
  /// ...and where the sums of all columns start;
  Values start(const GroupRegisters &set, int64_t columns);
  /// then the first `tables` tables of the group (as `from` numbers them), added to the sums in ascending order, those of a register loaded
  /// `depth` registers ahead;
  Values accumulate(const Operands &from, int64_t blocks, const Index &group, int64_t tables, int64_t depth,
                    const Values &sums);
  /// and the whole sums into the outputs.
  Values finish(const GroupRegisters &set, const Values &sums, const Values &outputs);

private:
  Values zeros(int64_t count, mlir::Type element, bool negative = false);
  /// Tables `table`, ..., `table + count - 1` of a group and their codes, which lie behind each other.
  void loadTables(GroupRegisters &set, const Operands &from, int64_t blocks, const Index &group, const Index &table,
                  int64_t count);
  Values startOf(const GroupRegisters &set, int64_t column);
  Values accumulateOf(const GroupRegisters &set, int64_t column, llvm::ArrayRef<mlir::Value> sums);
  Values finishOf(const GroupRegisters &set, int64_t column, llvm::ArrayRef<mlir::Value> sums,
                  llvm::ArrayRef<mlir::Value> outputs);
  Values addLargeGroup(const Operands &from, int64_t blocks, const Index &group, int64_t depth, const Values &outputs);
  int64_t alphas() const { return s.perPlane ? s.planes : 1; }

  mlir::ImplicitLocOpBuilder &b;
  const ProductShape &s;
  /// Columns that hold one number: the zeta of every group; for planes with their own alphas -0 and 1, and accumulators of -0.
  mlir::Value constantZeta, negativeZero, one, empty;
};

/// Stores the outputs of some blocks of rows from `row` on, column by column from the output row `column` on, after the epilogue.
void storeOutputs(mlir::ImplicitLocOpBuilder &b, const ProductShape &shape, const ProductBuffers &buffers,
                  const Values &outputs, int64_t blocks, const Index &row, const Index &column);

} // namespace lutra::luttolmma

#endif // LUTRA_CONVERSION_LUTTOLMMA_GROUPSUMS_H
