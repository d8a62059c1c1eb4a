//===- Reference.h - the arithmetic of docs/spec/numerics.md as code ------===//
//
// Exact and slow: one loop per formula, in the order that the specification fixes. Every target must give these bits.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_INTERPRETER_REFERENCE_H
#define LUTRA_INTERPRETER_REFERENCE_H

#include "dialects/lowbit/IR/Weights.h"
#include <cstdint>
#include <vector>

namespace lutra {

/// The greatest group for which every i8 table sum fits 32 bits (numerics.md, "Ranges").
inline constexpr int64_t kMaxGroup = int64_t(1) << 18;

/// The 16 signed sums of 4 activations: entry `i` has +a[j] where bit j of `i` is set, else -a[j].
void computeTable(const float activations[4], float entries[16]);

/// The lookup tables of an M x K activation matrix.
struct LookupTables {
  int64_t rows = 0, cols = 0, group = 0, groups = 0;
  /// Tables of 4 activations per group, even.
  int64_t tables = 0;
  bool quantized = false;
  /// rows x groups x tables x 16; the one that `quantized` says.
  std::vector<int8_t> i8;
  std::vector<float> f32;
  /// rows x groups: the scale of the group's entries (1 for f32), and the sum of the group's activations.
  std::vector<float> scales, sums;

  /// Tables of zeros.
  static LookupTables make(int64_t rows, int64_t cols, int64_t group, bool quantized);

  /// The index of entry 0 of a table.
  int64_t entryIndex(int64_t m, int64_t g, int64_t t) const { return ((m * groups + g) * tables + t) * 16; }
};

/// Precomputes the tables of row-major `activations`, rows x cols.
LookupTables precomputeTables(llvm::ArrayRef<float> activations, int64_t rows, int64_t cols, int64_t group,
                              bool quantized);

/// y = a w^T by lookup: `out` is row-major, tables.rows x weight rows. K and group of both must agree.
void lookupMatmul(const LookupTables &tables, const lowbit::WeightReader &weight, llvm::MutableArrayRef<float> out);

/// y = a w^T in double precision, for tolerances: no part of the specification's bits.
std::vector<double> denseMatmul(llvm::ArrayRef<float> activations, int64_t rows, const lowbit::WeightReader &weight);

} // namespace lutra

#endif // LUTRA_INTERPRETER_REFERENCE_H
