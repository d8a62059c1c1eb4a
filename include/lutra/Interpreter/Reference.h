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

/// The greatest group for which every sum of one plane, and with i8 tables of all planes, fits 32 bits (numerics.md, "Ranges").
inline constexpr int64_t kMaxGroup = int64_t(1) << 18;

/// The 16 signed sums of 4 activations: entry `i` has +a[j] where bit j of `i` is set, else -a[j].
void computeTable(const float activations[4], float entries[16]);

/// The sums of 3 activations with the balanced ternary digits of `i`, for `i` of 0 to 13; 0 for the last two.
void computeTripleTable(const float activations[3], float entries[16]);

/// The lookup tables of an M x K activation matrix.
struct LookupTables {
  int64_t rows = 0, cols = 0, group = 0, groups = 0;
  /// Tables per group, an even number of those of 4 activations.
  int64_t tables = 0;
  lowbit::TableKind kind;
  /// rows x groups x tables x 16; the one that the kind says. Entries of f16 are in `f32`, rounded.
  std::vector<int8_t> i8;
  std::vector<int16_t> i16;
  std::vector<float> f32;
  /// rows x getScalesPerRow(): the scales of the entries (1 for floats).
  std::vector<float> scales;
  /// rows x groups: the sum of the group's activations; 0 for tables of 3.
  std::vector<float> sums;

  /// Tables of zeros.
  static LookupTables make(int64_t rows, int64_t cols, int64_t group, lowbit::TableKind kind);

  int64_t getScalesPerRow() const { return lowbit::getScalesPerRow(kind.scale, groups, tables); }
  /// The index of entry 0 of a table.
  int64_t entryIndex(int64_t m, int64_t g, int64_t t) const { return ((m * groups + g) * tables + t) * 16; }
  /// The scale of a table's entries.
  float scale(int64_t m, int64_t g, int64_t t) const {
    int64_t inRow = kind.scale == lowbit::TableScale::Row     ? 0
                    : kind.scale == lowbit::TableScale::Group ? g
                                                              : g * tables + t;
    return scales[m * getScalesPerRow() + inRow];
  }
};

/// The kinds that a flag used to tell apart: i8 with a scale per group, and f32.
inline lowbit::TableKind tableKind(bool quantized) {
  return {quantized ? lowbit::TableElement::I8 : lowbit::TableElement::F32, lowbit::TableScale::Group};
}

/// Precomputes the tables of row-major `activations`, rows x cols.
LookupTables precomputeTables(llvm::ArrayRef<float> activations, int64_t rows, int64_t cols, int64_t group,
                              lowbit::TableKind kind);
inline LookupTables precomputeTables(llvm::ArrayRef<float> activations, int64_t rows, int64_t cols, int64_t group,
                                     bool quantized) {
  return precomputeTables(activations, rows, cols, group, tableKind(quantized));
}

/// The exact tables of row-major `codes`, rows x cols, that are worth `scales` each: one per row or per group, as `kind` says.
LookupTables precomputeCodes(llvm::ArrayRef<int8_t> codes, llvm::ArrayRef<float> scales, int64_t rows, int64_t cols,
                             int64_t group, lowbit::TableKind kind);

/// Quantizes row-major `activations`, rows x cols, in groups of `group` along a row: `codes` is rows x cols, `scales` rows x groups.
void quantizeActivations(llvm::ArrayRef<float> activations, int64_t rows, int64_t cols, int64_t group, unsigned bits,
                         lowbit::ActivationCodes kind, llvm::MutableArrayRef<int8_t> codes,
                         llvm::MutableArrayRef<float> scales);

/// y = a w^T by lookup: `out` is row-major, tables.rows x weight rows. K and group of both must agree.
void lookupMatmul(const LookupTables &tables, const lowbit::WeightReader &weight, llvm::MutableArrayRef<float> out);

/// y = a w^T with dequantized weights: one fma after another, k ascending from +0.
void dequantizedMatmul(llvm::ArrayRef<float> activations, int64_t rows, const lowbit::WeightReader &weight,
                       llvm::MutableArrayRef<float> out);

/// y = a w^T in double precision, for tolerances: no part of the specification's bits.
std::vector<double> denseMatmul(llvm::ArrayRef<float> activations, int64_t rows, const lowbit::WeightReader &weight);

} // namespace lutra

#endif // LUTRA_INTERPRETER_REFERENCE_H
