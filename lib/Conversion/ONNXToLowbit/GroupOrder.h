//===- GroupOrder.h - groups of columns that are not neighbours -*- C++ -*-===//
//
// `g_idx` says for each column of a weight which scale it uses. A weight format has the columns of a group side by
// side, so the columns are sorted by group, and the activations' with them: the product is the same, as a sum in
// another order.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_GROUPORDER_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_GROUPORDER_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// Columns in the order of their groups, in blocks of one size.
struct GroupOrder {
  /// For each place the column that lies there, or -1: padding, where a group does not fill its block.
  llvm::SmallVector<int64_t> columns;
  /// For each block the group that its columns use.
  llvm::SmallVector<int64_t> groups;

  /// Reads the constant `index` of K group numbers (more are ignored), each below `groupCount`. Blocks have `block`
  /// columns; padding behind the last column is left out. Nothing when the groups are what they are without `g_idx`.
  static mlir::FailureOr<std::optional<GroupOrder>> read(Node &node, unsigned index, int64_t cols, int64_t block,
                                                         int64_t groupCount);

  /// The columns of M x K activations in this order, zeros for padding.
  mlir::Value permute(Node &node, mlir::Value activations) const;

  /// Elements of `size` bytes, a row of `perRow` each, picked by `places`; zero bytes for -1.
  static llvm::SmallVector<char> pick(llvm::ArrayRef<char> bytes, int64_t rows, int64_t perRow, int64_t size,
                                      llvm::ArrayRef<int64_t> places);
};

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_GROUPORDER_H
