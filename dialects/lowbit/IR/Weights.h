//===- Weights.h - the one evaluator of constant weights --------*- C++ -*-===//
//
// Everything that needs the numbers of a `!lowbit.weight` value asks here; nothing else in the compiler knows how codes
// lie in memory. A reader works on the elements of the IR's attributes where they are (usually a mapped model file) and
// copies nothing. Reading and packing are const and thread-safe.
//
// Lanes at or past K in the last group of a row are padding: their code reads as 0, whatever the file holds there.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_WEIGHTS_H
#define LUTRA_DIALECTS_LOWBIT_IR_WEIGHTS_H

#include "dialects/lowbit/IR/WeightSource.h"

#include <optional>

namespace lutra::lowbit {

/// Reads a weight that is defined by constants: `lowbit.weight` and any chain of ops from weight to weight
/// (`lowbit.reinterpret`, `lowbit.concat_rows`, `lowbit.pack`...).
///
/// Numbers are those of the value's own format: after `uniform -> bcq`, `alpha(n, g, p)` and `beta(n, g)` are the BCQ
/// ones. A uniform or ternary weight answers as the bipolar weight that it equals, a signed one with unsigned codes. The
/// layout of a packed weight does not matter. What a format means is its WeightSource's to know (WeightSource.h).
class WeightReader {
public:
  /// Makes a reader, or reports on the defining op why there can be none: the value is not a constant, a resource has
  /// no data or too little, a code is invalid, or a constant zeta contradicts the zero points.
  static mlir::FailureOr<WeightReader> create(mlir::Value weight);
  /// A reader of what `source` answers; not null.
  explicit WeightReader(WeightSourcePtr source) : source(std::move(source)) {}

  int64_t getRows() const { return source->getRows(); }
  int64_t getCols() const { return source->getCols(); }
  int64_t getGroup() const { return source->getGroup(); }
  int64_t getNumGroups() const { return source->getNumGroups(); }
  /// Bits per code, the number of planes.
  unsigned getBits() const { return source->getBits(); }
  /// The format of the value, without its layout.
  WeightFormatInterface getFormat() const { return source->getFormat(); }
  /// Whether bits of the codes are planes with alphas: without, only codes and values can be asked for.
  bool hasPlanes() const { return source->hasPlanes(); }
  /// Whether each plane has an alpha of its own (BCQ).
  bool isBCQ() const { return mlir::isa<BCQAttr>(source->getFormat()); }
  /// Elements of group `g` that are not padding.
  int64_t getGroupLength(int64_t g) const { return source->getGroupLength(g); }

  /// The code of one element.
  uint8_t code(int64_t n, int64_t k) const { return source->code(n, k); }
  /// The codes of row `n`, group `g`, in the first `getGroup()` places of `out`; zeros in the rest.
  void rowCodes(int64_t n, int64_t g, llvm::MutableArrayRef<uint8_t> out) const;
  /// The codes of elements 8 `octet` .. 8 `octet` + 7 of row `n`, group `g`, one per byte, the first lowest.
  uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const { return source->octetCodes(n, g, octet); }

  /// alpha of a row and group (of plane `p` in BCQ).
  float alpha(int64_t n, int64_t g, unsigned p = 0) const { return source->alpha(n, g, p); }
  /// zeta of a row and group. Not for BCQ.
  float zeta(int64_t n, int64_t g) const { return source->zeta(n, g); }
  /// beta of a row and group: in BCQ the stored one, else alpha * zeta rounded once.
  float beta(int64_t n, int64_t g) const { return source->beta(n, g); }
  /// The weight of one element. In f64, where only the last operations of float zero points can round.
  double value(int64_t n, int64_t k) const { return source->value(n, k); }

  /// The zeta that every row and group shares, if they do. Not for BCQ.
  std::optional<float> findConstantZeta() const { return source->findConstantZeta(); }
  /// The least and the greatest code, padding left out.
  std::pair<uint8_t, uint8_t> findCodeRange() const;

  /// What answers.
  const WeightSource &getSource() const { return *source; }

private:
  WeightSourcePtr source;
};

/// The layout for `reader`'s weight with `tileRows` rows a tile: the narrowest storage types that hold every alpha and
/// every zeta (or beta) exactly. Scans all of them.
LayoutAttr chooseLayout(const WeightReader &reader, int64_t tileRows, bool symmetric);

/// The codes that occur, ascending, where indices into them take fewer bits than planes do: at most 16 different codes of more than 4 bits, all of
/// one alpha (not BCQ). Empty otherwise, which a weight of many codes shows within its first rows.
llvm::SmallVector<int32_t> findCodebook(const WeightReader &reader);

/// Writes the bytes of `op`'s result to `out`, which must have exactly as many as its type asks for. An alpha or zeta
/// that its storage type cannot hold is an error.
mlir::LogicalResult packWeight(PackOp op, llvm::MutableArrayRef<char> out);
/// The same for a reader and a packed type.
mlir::LogicalResult packWeight(const WeightReader &reader, WeightType packedType, llvm::MutableArrayRef<char> out,
                               llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

/// Reads packed bytes back; for tests and tools.
class PackedReader {
public:
  /// `type` must be packed, and `bytes` as long as it asks for.
  PackedReader(WeightType type, llvm::ArrayRef<char> bytes);
  uint8_t code(int64_t n, int64_t k) const;
  float alpha(int64_t n, int64_t g, unsigned p = 0) const;
  /// zeta, or beta of a BCQ weight.
  float offset(int64_t n, int64_t g) const;

private:
  const char *groupData(int64_t n, int64_t g) const;
  WeightType type;
  PackedAttr packed;
  llvm::ArrayRef<char> bytes;
};

/// Whether `value` is a half-precision number exactly (NaN is not).
bool isExactF16(float value);
/// The bits of an exact half-precision number.
uint16_t toF16Bits(float value);
/// The value of half-precision bits.
float fromF16Bits(uint16_t bits);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_WEIGHTS_H
