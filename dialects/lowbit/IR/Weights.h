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

#include "dialects/lowbit/IR/Lowbit.h"

#include <algorithm>
#include <array>
#include <optional>

namespace lutra::lowbit {

/// Reads a weight that is defined by constants: `lowbit.weight` and any chain of `lowbit.reinterpret` and
/// `lowbit.pack`.
///
/// Numbers are those of the value's own format: after `uniform -> bcq`, `alpha(n, g, p)` and `beta(n, g)` are the BCQ
/// ones. A uniform weight answers as the bipolar weight that it equals. The layout of a packed weight does not matter.
class WeightReader {
public:
  /// Makes a reader, or reports on the defining op why there can be none: the value is not a constant, a resource has
  /// no data or too little, or a constant zeta contradicts the zero points.
  static mlir::FailureOr<WeightReader> create(mlir::Value weight);

  int64_t getRows() const { return rows; }
  int64_t getCols() const { return cols; }
  int64_t getGroup() const { return group; }
  int64_t getNumGroups() const { return groups; }
  /// Bits per code, the number of planes.
  unsigned getBits() const { return bits; }
  /// The format of the value, without its layout.
  WeightFormatInterface getFormat() const { return format; }
  /// Whether each plane has an alpha of its own (BCQ).
  bool isBCQ() const { return form == Form::BCQ; }
  /// Elements of group `g` that are not padding.
  int64_t getGroupLength(int64_t g) const { return std::min(group, cols - g * group); }

  /// The code of one element.
  uint8_t code(int64_t n, int64_t k) const;
  /// The codes of row `n`, group `g`, in the first `getGroup()` places of `out`; zeros in the rest.
  void rowCodes(int64_t n, int64_t g, llvm::MutableArrayRef<uint8_t> out) const;
  /// The codes of elements 8 `octet` .. 8 `octet` + 7 of row `n`, group `g`, one per byte, the first lowest.
  uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const;

  /// alpha of a row and group (of plane `p` in BCQ).
  float alpha(int64_t n, int64_t g, unsigned p = 0) const;
  /// zeta of a row and group. Not for BCQ.
  float zeta(int64_t n, int64_t g) const;
  /// beta of a row and group: in BCQ the stored one, else alpha * zeta rounded once.
  float beta(int64_t n, int64_t g) const;
  /// The weight of one element. In f64, where only the last operations of float zero points can round.
  double value(int64_t n, int64_t k) const;

  /// The zeta that every row and group shares, if they do. Not for BCQ.
  std::optional<float> findConstantZeta() const;
  /// The least and the greatest code, padding left out.
  std::pair<uint8_t, uint8_t> findCodeRange() const;

private:
  /// The formula that the numbers follow.
  enum class Form { Uniform, Bipolar, BCQ };
  /// An attribute's elements where they lie; `stride` is 0 for a splat. Bytes may be unaligned.
  struct Elements {
    const char *data = nullptr;
    int64_t stride = 0;
    float f32(int64_t index) const;
    uint8_t u8(int64_t index) const { return static_cast<uint8_t>(data[index * stride]); }
  };

  mlir::LogicalResult bind(WeightOp op);
  mlir::FailureOr<Elements> bindElements(WeightOp op, llvm::StringRef name, int64_t count);
  /// The stored or implied zeta, before a constant of the format replaces it.
  float derivedZeta(int64_t n, int64_t g) const;
  double zeroPoint(int64_t n, int64_t g) const;

  int64_t rows = 0, cols = 0, group = 0, groups = 0, codeBytes = 0;
  unsigned bits = 0;
  /// The format of the value, of the constant behind it, and the formulas of both.
  WeightFormatInterface format, baseFormat;
  Form form = Form::Uniform, baseForm = Form::Uniform;
  ZeroKind zero = ZeroKind::Midpoint;
  std::optional<float> constantZeta;
  Elements codes, alphas, offsets;
  /// One past the last byte of codes that are no splat.
  const char *codesEnd = nullptr;
  /// The byte that a splat of codes repeats.
  std::array<char, 8> splatCodes{};
};

/// The layout for `reader`'s weight with `tileRows` rows a tile: the narrowest storage types that hold every alpha and
/// every zeta (or beta) exactly. Scans all of them.
LayoutAttr chooseLayout(const WeightReader &reader, int64_t tileRows, bool symmetric);

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
