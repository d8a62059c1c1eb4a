//===- Codebooks.h - the values that codes stand for ------------*- C++ -*-===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_CODEBOOKS_H
#define LUTRA_DIALECTS_LOWBIT_IR_CODEBOOKS_H

#include "dialects/lowbit/IR/WeightSource.h"

#include <optional>
#include <vector>

namespace lutra::lowbit {

/// The 16 values of `nf4`, `bnb_fp4` or `e2m1`, by code; empty for a table that is a component.
llvm::ArrayRef<float> getFixedTable(CodebookTable table);

/// Numbers as multiples of one power of two: number i is entries[i] 2^exponent, exactly.
struct NumberGrid {
  int exponent = 0;
  std::vector<int64_t> entries;
};

/// The grid of the greatest power of two that holds all `numbers`; nothing when one is not finite, or when it would
/// take entries beyond 2^40.
std::optional<NumberGrid> findGrid(llvm::ArrayRef<float> numbers);

/// A constant in `#lowbit.codebook`, or one width of a nested codebook.
class CodebookSource : public WeightSource {
public:
  /// The source of `op` as `type`, whose format is a codebook: `type` itself, or the nested weight `op` at fewer bits.
  /// Null after a diagnostic.
  static std::shared_ptr<const CodebookSource> create(WeightOp op, WeightType type);

  uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const override;
  double value(int64_t n, int64_t k) const override;

  /// BCQ where each table is affine in the bits of the code and the alphas are exact: T[q] = sum_p A_p (2 bit_p - 1) +
  /// B.
  WeightFormatInterface findPlanesFormat() const override;
  WeightSourcePtr reinterpret(WeightSourcePtr self, WeightFormatInterface to, EmitErrorFn emitError) const override;

  /// The scale of a row and group, the global one included.
  float scale(int64_t n, int64_t g) const;
  /// What code `q` of row `n` stands for, before the scale.
  float entry(int64_t n, unsigned q) const;
  /// Whether rows have tables of their own.
  bool hasTablePerRow() const { return perRow; }

private:
  explicit CodebookSource(WeightType type) : WeightSource(type) {}
  /// A_0 .. A_(b-1), B of each table; empty when a table is not affine or a product with a scale is not exact.
  std::vector<float> findAffineTables() const;

  StoredCodes codes;
  SharedElements scales;
  ComponentElements table;
  llvm::ArrayRef<float> fixed;
  std::optional<float> globalScale;
  bool perRow = false;
  /// Lower bits of the stored codes that this width drops.
  unsigned dropped = 0;
};

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_CODEBOOKS_H
