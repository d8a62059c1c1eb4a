//===- TernarySource.cpp - reading ternary constants ----------------------===//
//
// Digits t in three storages, read as 2-bit codes t + 1 with the zero point 1: alpha = s / 2, zeta = 1. What is no
// digit is found when the reader is made, so that reading needs no checks.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/WeightSource.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lutra::lowbit;

namespace {
/// The codes of every byte that stands for five digits, one per byte of the word; wrong ones for bytes above 242.
struct FiveTable {
  uint64_t codes[256] = {};
  constexpr FiveTable() {
    for (unsigned byte = 0; byte < 256; ++byte)
      for (unsigned i = 0, rest = byte; i < 5; ++i, rest /= 3)
        codes[byte] |= uint64_t(rest % 3) << (8 * i);
  }
};

/// The codes of |v| (bits 0 to 3) and the sign of v (bit 4), for three digits.
struct ThreeTable {
  uint32_t codes[32] = {};
  constexpr ThreeTable() {
    for (int index = 0; index < 32; ++index) {
      int magnitude = index & 15, v = index & 16 ? -magnitude : magnitude;
      // v + 13 is the same number with digits 0 to 2.
      for (int i = 0, rest = v + 13; i < 3; ++i, rest /= 3)
        codes[index] |= uint32_t(rest % 3 & 3) << (8 * i);
    }
  }
};
} // namespace

static constexpr FiveTable fiveTable;
static constexpr ThreeTable threeTable;

namespace {
class TernarySource final : public WeightSource {
public:
  static WeightSourcePtr create(WeightOp op, TernaryAttr format) {
    auto source = std::make_shared<TernarySource>(op.getType(), format);
    FailureOr<SharedElements> scales = SharedElements::bind(op, "scales");
    FailureOr<ComponentElements> bytes = ComponentElements::bind(op, "codes");
    if (failed(scales) || failed(bytes))
      return nullptr;
    source->scales = *scales;
    source->bytes = *bytes;
    if (source->storage == TernaryStorage::TwoBit) {
      FailureOr<StoredCodes> codes = StoredCodes::bind(op, 2);
      if (failed(codes))
        return nullptr;
      source->codes = *codes;
    }
    return succeeded(source->checkDigits(op)) ? source : nullptr;
  }

  TernarySource(WeightType type, TernaryAttr format)
      : WeightSource(type), storage(format.getStorage()), groupBytes(format.getGroupBytes()),
        nibbleBytes(llvm::divideCeil(llvm::divideCeil(group, 3), 2)) {}

  uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const override {
    if (8 * octet >= getGroupLength(g))
      return 0;
    switch (storage) {
    case TernaryStorage::TwoBit: return maskPadding(codes.octet(n, g, octet), g, octet);
    case TernaryStorage::FiveInEight:
      return maskPadding(gather<5>(octet, [&](int64_t i) { return five(n, g, i); }), g, octet);
    case TernaryStorage::ThreeInFive:
      return maskPadding(gather<3>(octet, [&](int64_t i) { return uint64_t(threeTable.codes[three(n, g, i)]); }), g,
                         octet);
    }
    llvm_unreachable("a storage");
  }
  double value(int64_t n, int64_t k) const override { return double(scales.number(n, k / group)) * (code(n, k) - 1); }
  bool hasPlanes() const override { return true; }
  float alpha(int64_t n, int64_t g, unsigned) const override { return scales.number(n, g) * 0.5f; }
  float zeta(int64_t, int64_t) const override { return 1.0f; }
  std::optional<float> findConstantZeta() const override { return 1.0f; }

private:
  /// The 8 codes from 8 `octet` on, of units of `width` codes each; those past the group are whatever they are.
  template <int width, typename Unit>
  uint64_t gather(int64_t octet, Unit unit) const {
    int64_t index = 8 * octet / width, last = (group - 1) / width;
    int at = static_cast<int>(index * width - 8 * octet);
    uint64_t word = at < 0 ? unit(index) >> (-8 * at) : unit(index);
    for (at += width, ++index; at < 8 && index <= last; at += width, ++index)
      word |= unit(index) << (8 * at);
    return word;
  }

  uint8_t byte(int64_t n, int64_t g, int64_t i) const { return bytes.byte((n * groups + g) * groupBytes + i); }
  uint64_t five(int64_t n, int64_t g, int64_t i) const { return fiveTable.codes[byte(n, g, i)]; }
  /// The index of three digits into the table: |v| and the sign.
  unsigned three(int64_t n, int64_t g, int64_t i) const {
    unsigned magnitude = byte(n, g, i / 2) >> (4 * (i % 2)) & 15;
    return magnitude | (byte(n, g, nibbleBytes + i / 8) >> (i % 8) & 1u) << 4;
  }

  /// Reports the first code, from row 0 on, that is no digit and not padding.
  LogicalResult checkDigits(WeightOp op) const {
    // The bytes alone say whether there can be one at all; a splat is one byte.
    if (!mayHaveInvalid())
      return success();
    for (int64_t n = 0; n < rows; ++n) {
      for (int64_t g = 0; g < groups; ++g) {
        int64_t length = getGroupLength(g);
        int64_t width = storage == TernaryStorage::TwoBit ? 1 : storage == TernaryStorage::FiveInEight ? 5 : 3;
        for (int64_t i = 0; i * width < length; ++i)
          if (std::optional<unsigned> code = findInvalid(n, g, i))
            return refuse(op, n, g * group + i * width, *code);
      }
    }
    return success();
  }

  bool mayHaveInvalid() const {
    int64_t count = bytes.isSplat() ? 1 : bytes.size();
    auto *data = reinterpret_cast<const uint8_t *>(bytes.getData());
    unsigned found = 0;
    switch (storage) {
    case TernaryStorage::TwoBit:
      for (int64_t i = 0; i < count; ++i)
        found |= data[i] & data[i] >> 1 & 0x55;
      return found != 0;
    case TernaryStorage::FiveInEight:
      for (int64_t i = 0; i < count; ++i)
        found |= data[i] > 242;
      return found != 0;
    case TernaryStorage::ThreeInFive:
      // Bytes of signs may have any bits.
      for (int64_t i = 0; i < (bytes.isSplat() ? 1 : rows * groups); ++i)
        for (int64_t j = 0; j < (bytes.isSplat() ? 1 : nibbleBytes); ++j)
          found |= unsigned((data[i * groupBytes + j] & 0x0e) == 0x0e) | unsigned(data[i * groupBytes + j] >= 0xe0);
      return found != 0;
    }
    llvm_unreachable("a storage");
  }

  /// What is stored for unit `i` of a group, if it is no digits.
  std::optional<unsigned> findInvalid(int64_t n, int64_t g, int64_t i) const {
    unsigned found = 0, most = 0;
    switch (storage) {
    case TernaryStorage::TwoBit:
      found = byte(n, g, i / 4) >> (2 * (i % 4)) & 3;
      most = 2;
      break;
    case TernaryStorage::FiveInEight:
      found = byte(n, g, i);
      most = 242;
      break;
    case TernaryStorage::ThreeInFive:
      found = three(n, g, i) & 15;
      most = 13;
      break;
    }
    return found > most ? std::optional(found) : std::nullopt;
  }

  LogicalResult refuse(WeightOp op, int64_t n, int64_t k, unsigned code) const {
    StringRef what = storage == TernaryStorage::TwoBit        ? "a 2-bit code is 0, 1 or 2"
                     : storage == TernaryStorage::FiveInEight ? "a byte of five digits is at most 242"
                                                              : "a nibble of three digits is at most 13";
    return op.emitOpError() << "row " << n << ", column " << k << " has the ternary code " << code << ", but " << what;
  }

  TernaryStorage storage;
  int64_t groupBytes, nibbleBytes;
  StoredCodes codes;
  ComponentElements bytes;
  SharedElements scales;
};
} // namespace

WeightSourcePtr TernaryAttr::createSource(WeightOp &op) const { return TernarySource::create(op, *this); }
