//===- Quantize.cpp - rounding dense weights to uniform and ternary -------===//
//
// See Quantize.h. Bit planes are in QuantizePlanes.cpp.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Quantize.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace lutra::lowbit;

//===----------------------------------------------------------------------===//
// What quantizers share
//===----------------------------------------------------------------------===//

std::vector<QuantizedRegion> lutra::lowbit::getRegions(WeightFormatInterface format, int64_t rows, int64_t cols) {
  Granularity per = format.getGranularity();
  int64_t rowStep = per == Granularity::Tensor ? rows : 1;
  int64_t colStep = per == Granularity::Group ? format.getGroupSize() : cols;
  std::vector<QuantizedRegion> regions;
  for (int64_t n = 0; n < rows; n += rowStep)
    for (int64_t k = 0; k < cols; k += colStep)
      regions.push_back({static_cast<int64_t>(regions.size()), n, n + rowStep, k, std::min(cols, k + colStep)});
  return regions;
}

/// The bits of the number of `type` nearest to `value`.
static llvm::APFloat roundToSemantics(Type type, double value) {
  const llvm::fltSemantics &semantics = cast<FloatType>(type).getFloatSemantics();
  bool lost;
  llvm::APFloat largest = llvm::APFloat::getLargest(semantics, value < 0);
  llvm::APFloat wide = largest;
  wide.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lost);
  if (std::fabs(value) >= std::fabs(wide.convertToDouble()))
    return largest;
  llvm::APFloat result(value);
  result.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &lost);
  return result;
}

/// The exponent byte of the power of two nearest to `value`.
static uint8_t toE8M0(double value) {
  if (!(value > 0x1p-127))
    return 0;
  int exponent;
  // value = 2 m 2^(exponent - 1), 1 <= 2 m < 2.
  double m = std::frexp(value, &exponent);
  return static_cast<uint8_t>(std::clamp(exponent - 1 + (m > 0.75 ? 1 : 0), -127, 127) + 127);
}

float lutra::lowbit::roundToType(Type type, double value) {
  if (isa<Float8E8M0FNUType>(type))
    return static_cast<float>(std::ldexp(1.0, toE8M0(value) - 127));
  llvm::APFloat result = roundToSemantics(type, value);
  bool lost;
  result.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &lost);
  return result.convertToFloat();
}

Attribute lutra::lowbit::makeNumbers(RankedTensorType type, ArrayRef<float> numbers) {
  Type element = type.getElementType();
  size_t width = element.getIntOrFloatBitWidth() / 8;
  std::vector<char> raw(numbers.size() * width);
  for (auto [i, number] : llvm::enumerate(numbers)) {
    uint64_t bits = isa<Float8E8M0FNUType>(element) ? toE8M0(number)
                                                    : roundToSemantics(element, number).bitcastToAPInt().getZExtValue();
    std::memcpy(raw.data() + i * width, &bits, width);
  }
  return DenseElementsAttr::getFromRawBuffer(type, raw);
}

Attribute lutra::lowbit::makeBytes(RankedTensorType type, ArrayRef<uint8_t> bytes) {
  return DenseElementsAttr::getFromRawBuffer(type,
                                             ArrayRef(reinterpret_cast<const char *>(bytes.data()), bytes.size()));
}

Attribute lutra::lowbit::makeCodes(WeightFormatInterface format, int64_t rows, int64_t cols, ArrayRef<uint8_t> codes) {
  RankedTensorType type = ComponentTypes(format, rows, cols).codes();
  int64_t bits = format.getCodeBits(), group = format.getGroupSize(), groups = type.getDimSize(1),
          groupBytes = type.getDimSize(2);
  std::vector<uint8_t> bytes(type.getNumElements());
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t k = 0; k < cols; ++k) {
      int64_t bit = k % group * bits;
      uint8_t *at = bytes.data() + (n * groups + k / group) * groupBytes + bit / 8;
      unsigned word = codes[n * cols + k] << (bit % 8);
      at[0] |= static_cast<uint8_t>(word);
      if (word > 255)
        at[1] |= static_cast<uint8_t>(word >> 8);
    }
  }
  return makeBytes(type, bytes);
}

/// The least and the greatest value of a region.
static std::pair<double, double> findRange(const DenseWeights &weights, const QuantizedRegion &region) {
  double least = INFINITY, greatest = -INFINITY;
  for (int64_t n = region.firstRow; n < region.endRow; ++n) {
    for (int64_t k = region.firstCol; k < region.endCol; ++k) {
      least = std::min<double>(least, weights.at(n, k));
      greatest = std::max<double>(greatest, weights.at(n, k));
    }
  }
  return {least, greatest};
}

//===----------------------------------------------------------------------===//
// Uniform
//===----------------------------------------------------------------------===//

namespace {
/// The scale and zero point of a region, and the codes that there are.
struct UniformNumbers {
  double scale, zero;
};
} // namespace

/// Scale and zero point so that codes from `low` to `high` reach the extremes of a region. A scale may be negative:
/// then the extreme code without a counterpart (-8 of -8 .. 7) serves the value of the greatest magnitude.
static UniformNumbers chooseNumbers(UniformAttr format, double least, double greatest, double low, double high) {
  Type type = format.getScale();
  bool positive = isa<Float8E8M0FNUType>(type);
  auto round = [&](double scale) {
    double rounded = roundToType(type, scale == 0 ? 1.0 : scale);
    return rounded == 0 ? 1.0 : rounded;
  };
  double extreme = greatest >= -least ? greatest : least;
  switch (format.getZero()) {
  case ZeroKind::None:
    if (low == 0)
      return {round(positive ? std::fabs(extreme) / high : extreme / high), 0};
    [[fallthrough]];
  case ZeroKind::Midpoint: {
    double middle = (low + high + 1) / 2;
    if (positive)
      return {round(std::fabs(extreme) / std::max(1.0, high - middle)), middle};
    return {round(extreme / (low - middle)), middle};
  }
  case ZeroKind::Integer: {
    least = std::min(least, 0.0);
    greatest = std::max(greatest, 0.0);
    double scale = round((greatest - least) / (high - low));
    return {scale, std::clamp(std::rint(low - least / scale), low, high)};
  }
  case ZeroKind::Float: {
    double scale = round((greatest - least) / (high - low));
    return {scale, static_cast<float>(low - least / scale)};
  }
  }
  llvm_unreachable("a zero kind");
}

DictionaryAttr UniformAttr::quantize(ArrayRef<float> values, int64_t rows, int64_t cols) const {
  DenseWeights weights{values, rows, cols};
  int64_t count = int64_t(1) << getBits();
  double low = getIsSigned() ? -double(count / 2) : 0, high = low + double(count - 1);
  std::vector<float> scales, zeros;
  std::vector<uint8_t> codes(rows * cols), zeroBytes;
  for (const QuantizedRegion &region : getRegions(*this, rows, cols)) {
    auto [least, greatest] = findRange(weights, region);
    auto [scale, zero] = chooseNumbers(*this, least, greatest, low, high);
    scales.push_back(static_cast<float>(scale));
    zeros.push_back(static_cast<float>(zero));
    zeroBytes.push_back(static_cast<uint8_t>(static_cast<int>(std::clamp(zero, -128.0, 255.0))));
    for (int64_t n = region.firstRow; n < region.endRow; ++n)
      for (int64_t k = region.firstCol; k < region.endCol; ++k)
        codes[n * cols + k] = static_cast<uint8_t>(
            static_cast<int>(std::clamp(std::rint(weights.at(n, k) / scale + zero), low, high)) & int(count - 1));
  }
  ComponentTypes types(*this, rows, cols);
  NamedAttrList components;
  components.set("codes", makeCodes(*this, rows, cols, codes));
  components.set("scales", makeNumbers(types.shared(getScale()), scales));
  if (getZero() == ZeroKind::Integer)
    components.set("zeros", makeBytes(types.shared(IntegerType::get(getContext(), 8)), zeroBytes));
  if (getZero() == ZeroKind::Float)
    components.set("zeros", makeNumbers(types.shared(Float32Type::get(getContext())), zeros));
  return components.getDictionary(getContext());
}

//===----------------------------------------------------------------------===//
// Ternary
//===----------------------------------------------------------------------===//

/// The bytes of the digits (each 0 to 2) of a group of `group`; a row's last group may have fewer.
static void storeDigits(TernaryStorage storage, int64_t group, ArrayRef<uint8_t> digits,
                        MutableArrayRef<uint8_t> bytes) {
  int64_t threes = llvm::divideCeil(group, 3);
  auto digit = [&](size_t i) { return i < digits.size() ? int(digits[i]) : 1; };
  switch (storage) {
  case TernaryStorage::TwoBit:
    for (size_t i = 0; i < digits.size(); ++i)
      bytes[i / 4] |= static_cast<uint8_t>(digits[i] << (2 * (i % 4)));
    return;
  case TernaryStorage::FiveInEight:
    for (size_t i = 0; i < bytes.size(); ++i)
      for (int j = 4; j >= 0; --j)
        bytes[i] = static_cast<uint8_t>(3 * bytes[i] + digit(5 * i + j));
    return;
  case TernaryStorage::ThreeInFive: {
    int64_t nibbleBytes = llvm::divideCeil(threes, 2);
    for (int64_t i = 0; i < threes; ++i) {
      int v = (digit(3 * i) - 1) + 3 * (digit(3 * i + 1) - 1) + 9 * (digit(3 * i + 2) - 1);
      bytes[i / 2] |= static_cast<uint8_t>(std::abs(v) << (4 * (i % 2)));
      bytes[nibbleBytes + i / 8] |= static_cast<uint8_t>((v < 0) << (i % 8));
    }
    return;
  }
  }
}

/// BitNet b1.58: the scale is the mean magnitude, and digits are rounded and clamped.
DictionaryAttr TernaryAttr::quantize(ArrayRef<float> values, int64_t rows, int64_t cols) const {
  DenseWeights weights{values, rows, cols};
  std::vector<float> scales;
  std::vector<uint8_t> digits(rows * cols);
  for (const QuantizedRegion &region : getRegions(*this, rows, cols)) {
    double sum = 0;
    for (int64_t n = region.firstRow; n < region.endRow; ++n)
      for (int64_t k = region.firstCol; k < region.endCol; ++k)
        sum += std::fabs(weights.at(n, k));
    int64_t count = (region.endRow - region.firstRow) * (region.endCol - region.firstCol);
    double scale = roundToType(getScale(), std::max(sum / static_cast<double>(count), 1e-5));
    // A narrow type may have no number so small.
    if (scale == 0)
      scale = 1;
    scales.push_back(static_cast<float>(scale));
    for (int64_t n = region.firstRow; n < region.endRow; ++n)
      for (int64_t k = region.firstCol; k < region.endCol; ++k)
        digits[n * cols + k] = static_cast<uint8_t>(std::clamp(std::rint(weights.at(n, k) / scale), -1.0, 1.0) + 1);
  }
  ComponentTypes types(*this, rows, cols);
  RankedTensorType codesType = types.codes(getGroupBytes());
  std::vector<uint8_t> bytes(codesType.getNumElements());
  int64_t groups = codesType.getDimSize(1), groupBytes = getGroupBytes();
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t g = 0; g < groups; ++g) {
      int64_t first = g * getGroup(), length = std::min(getGroup(), cols - first);
      storeDigits(getStorage(), getGroup(), ArrayRef(digits).slice(n * cols + first, length),
                  MutableArrayRef(bytes).slice((n * groups + g) * groupBytes, groupBytes));
    }
  }
  NamedAttrList components;
  components.set("codes", makeBytes(codesType, bytes));
  components.set("scales", makeNumbers(types.shared(getScale()), scales));
  return components.getDictionary(getContext());
}
