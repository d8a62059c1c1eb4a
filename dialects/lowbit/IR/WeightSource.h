//===- WeightSource.h - how one family of weights is read -------*- C++ -*-===//
//
// A WeightSource answers for the numbers of a weight: of a constant in some format (the format makes it:
// WeightFormatInterface::createSource), or of what an op makes of other weights (WeightValueOpInterface::createSource).
// WeightReader (Weights.h) is what others use; only those who add a format or a weight-to-weight op look here.
//
// Sources work on the elements of the IR's attributes where they are and copy none. All their methods are const and
// thread-safe.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_WEIGHTSOURCE_H
#define LUTRA_DIALECTS_LOWBIT_IR_WEIGHTSOURCE_H

#include "dialects/lowbit/IR/Lowbit.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace lutra::lowbit {

using EmitErrorFn = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// The numbers of an N x K weight.
class WeightSource {
public:
  virtual ~WeightSource() = default;

  /// The source of a value, or null after a diagnostic: the value is not a constant, a resource has no data or too
  /// little, a code is invalid, a constant zeta contradicts the zero points.
  static WeightSourcePtr create(mlir::Value weight);

  /// The format that the numbers are those of, without a layout.
  WeightFormatInterface getFormat() const { return format; }
  int64_t getRows() const { return rows; }
  int64_t getCols() const { return cols; }
  int64_t getGroup() const { return group; }
  int64_t getNumGroups() const { return groups; }
  unsigned getBits() const { return bits; }
  /// Elements of group `g` that are not padding.
  int64_t getGroupLength(int64_t g) const { return std::min(group, cols - g * group); }

  /// The codes of elements 8 `octet` .. 8 `octet` + 7 of row `n`, group `g`, one per byte, the first lowest; 0 at
  /// padding.
  virtual uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const = 0;
  /// The weight of one element, in f64.
  virtual double value(int64_t n, int64_t k) const = 0;
  /// The code of one element.
  uint8_t code(int64_t n, int64_t k) const {
    int64_t inGroup = k % group;
    return static_cast<uint8_t>(octetCodes(n, k / group, inGroup / 8) >> (inGroup % 8 * 8));
  }

  /// Whether bit p of a code is plane p of a bipolar or BCQ weight. The methods below are only for these.
  virtual bool hasPlanes() const { return false; }
  /// alpha of a row and group (of plane `p` in BCQ).
  virtual float alpha(int64_t n, int64_t g, unsigned p) const;
  /// zeta of a row and group. Not for BCQ.
  virtual float zeta(int64_t n, int64_t g) const;
  /// beta of a row and group: alpha * zeta rounded once, unless it is stored.
  virtual float beta(int64_t n, int64_t g) const { return alpha(n, g, 0) * zeta(n, g); }
  /// The zeta that every row and group shares, if they do. None for BCQ.
  virtual std::optional<float> findConstantZeta() const { return std::nullopt; }

  /// The planes format that this weight can be reinterpreted as, with a constant zeta where its numbers give one; null
  /// when there is none. By default the format's.
  virtual WeightFormatInterface findPlanesFormat() const;
  /// This source (`self` is a pointer to it) as `to`, which verifyReinterpret has accepted; null after a diagnostic. By
  /// default planes become bipolar or BCQ planes with the same codes.
  virtual WeightSourcePtr reinterpret(WeightSourcePtr self, WeightFormatInterface to, EmitErrorFn emitError) const;

protected:
  explicit WeightSource(WeightType type);
  /// The same shape, in another format.
  WeightSource(const WeightSource &shape, WeightFormatInterface format);

  /// The weight of one element of planes that each have an alpha: sum_p alpha_p s_p + beta, in f64.
  double sumPlanes(int64_t n, int64_t k) const;

  /// `word` with 0 in the bytes at or past the end of group `g`.
  uint64_t maskPadding(uint64_t word, int64_t g, int64_t octet) const {
    int64_t valid = getGroupLength(g) - 8 * octet;
    if (valid >= 8)
      return word;
    return valid <= 0 ? 0 : word & ((uint64_t(1) << (8 * valid)) - 1);
  }

  WeightFormatInterface format;
  int64_t rows, cols, group, groups;
  unsigned bits;
};

/// A component's elements where they lie. Bytes may be unaligned.
class ComponentElements {
public:
  ComponentElements() = default;
  /// The component `name` of `op`; fails with a diagnostic when its data is missing or too little.
  static mlir::FailureOr<ComponentElements> bind(WeightOp op, llvm::StringRef name);

  explicit operator bool() const { return data != nullptr; }
  int64_t size() const { return count; }
  bool isSplat() const { return stride == 0; }
  /// The first byte; a splat has one element there.
  const char *getData() const { return data; }
  /// An element of a float type of scales or of f32, exactly.
  float number(int64_t index) const {
    if (kind != Kind::F32)
      return convert(index);
    float value;
    std::memcpy(&value, data + index * stride, sizeof(value));
    return value;
  }
  /// An element of i8.
  uint8_t byte(int64_t index) const { return static_cast<uint8_t>(data[index * stride]); }
  /// An element of i32.
  int32_t int32(int64_t index) const {
    int32_t value;
    std::memcpy(&value, data + index * stride, sizeof(value));
    return value;
  }
  /// Whether all elements have the same bits.
  bool allEqual() const;

private:
  enum class Kind { Byte, Int32, F32, F16, BF16, E8M0, E4M3 };
  float convert(int64_t index) const;

  const char *data = nullptr;
  int64_t count = 0, stride = 0;
  Kind kind = Kind::Byte;
};

/// Elements that a group, a channel or the tensor shares, as the format's `per` says.
class SharedElements {
public:
  SharedElements() = default;
  /// `inner` elements for each; see ComponentElements::bind.
  static mlir::FailureOr<SharedElements> bind(WeightOp op, llvm::StringRef name, int64_t inner = 1);

  explicit operator bool() const { return static_cast<bool>(elements); }
  /// The elements, and the place in them of a row and group.
  const ComponentElements &get() const { return elements; }
  int64_t at(int64_t n, int64_t g) const { return n * rowStride + g * groupStride; }
  float number(int64_t n, int64_t g, int64_t inner = 0) const { return elements.number(at(n, g) + inner); }
  uint8_t byte(int64_t n, int64_t g, int64_t inner = 0) const { return elements.byte(at(n, g) + inner); }

private:
  ComponentElements elements;
  int64_t rowStride = 0, groupStride = 0;
};

/// Codes of 1 to 8 bits, least significant bit first, each group from a byte on: the component `codes`.
class StoredCodes {
public:
  /// See ComponentElements::bind.
  static mlir::FailureOr<StoredCodes> bind(WeightOp op, unsigned bits);
  /// 8 codes from 8 `octet` on, one per byte; what lies past the end of a group is in no way masked.
  uint64_t octet(int64_t n, int64_t g, int64_t octet) const {
    const char *at = end ? begin + (n * groups + g) * groupBytes + octet * bits : splat.data();
    uint64_t word = 0;
    // One load of 8 bytes where the data goes that far: what lies past the octet is masked off.
    if (!end || end - at >= 8)
      std::memcpy(&word, at, 8);
    else if (at < end)
      std::memcpy(&word, at, end - at);
    return spread(word);
  }

private:
  /// Spreads 8 codes of `bits` bits to 8 bytes, halving three times: 4+4, 2+2, 1+1.
  uint64_t spread(uint64_t word) const {
    word = (word & four) | (((word >> (4 * bits)) & four) << 32);
    word = (word & two) | (((word >> (2 * bits)) & two) << 16);
    return (word & one) | (((word >> bits) & one) << 8);
  }

  const char *begin = nullptr;
  /// Null for a splat, whose byte `splat` repeats.
  const char *end = nullptr;
  int64_t groups = 0, groupBytes = 0;
  unsigned bits = 0;
  uint64_t four = 0, two = 0, one = 0;
  std::array<char, 8> splat{};
};

/// Whether `weight` is made of constants alone, so that it has a source (if nothing is wrong with them).
bool isConstantWeight(mlir::Value weight);

/// The weights of `parts` one below the other, as `type`.
WeightSourcePtr concatSources(WeightType type, std::vector<WeightSourcePtr> parts);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_WEIGHTSOURCE_H
