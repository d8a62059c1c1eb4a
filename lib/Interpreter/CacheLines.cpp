//===- CacheLines.cpp - rounding heads to lines and back ------------------===//
#include "CacheLines.h"

#include "lutra/Support/ArrayElements.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/Endian.h"
#include <cmath>

using namespace llvm;
using namespace lutra;

static APFloat toHalf(float value) {
  APFloat half(value);
  bool losesInfo;
  half.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &losesInfo);
  return half;
}

static double fromHalf(uint16_t bits) {
  APFloat half(APFloat::IEEEhalf(), APInt(16, bits));
  bool losesInfo;
  half.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return half.convertToDouble();
}

void CacheLines::writeCode(int8_t *bytes, int64_t d, float quotient, float lowest) const {
  float largest = static_cast<float>((1 << (bits - 1)) - 1);
  // fmin and fmax leave out what is no number: it becomes the largest code.
  int code = static_cast<int>(std::fmax(std::fmin(std::nearbyint(quotient), largest), lowest));
  if (bits == 8) {
    bytes[d] = static_cast<int8_t>(code);
    return;
  }
  uint8_t pair = static_cast<uint8_t>(bytes[d / 2]), nibble = static_cast<uint8_t>(code + 8);
  bytes[d / 2] = static_cast<int8_t>(d % 2 ? (pair & 0x0f) | nibble << 4 : (pair & 0xf0) | nibble);
}

int CacheLines::readCode(const int8_t *bytes, int64_t d) const {
  if (bits == 8)
    return bytes[d];
  uint8_t pair = static_cast<uint8_t>(bytes[d / 2]);
  return (d % 2 ? pair >> 4 : pair & 15) - 8;
}

void CacheLines::write(ArrayRef<float> head, const float *channelScales, NpyArray &cache, int64_t line) const {
  if (!bits) {
    for (auto [d, element] : enumerate(head))
      storeElement(cache, line * size + static_cast<int64_t>(d), {.f = element});
    return;
  }
  float largest = static_cast<float>((1 << (bits - 1)) - 1);
  int8_t *bytes = cache.as<int8_t>().data() + line * getLineSize();
  if (channelScales) {
    for (auto [d, element] : enumerate(head))
      writeCode(bytes, static_cast<int64_t>(d), element / channelScales[d], -largest - 1);
    return;
  }
  for (int64_t first = 0; first < size; first += group) {
    float greatest = 0;
    for (float element : head.slice(first, group))
      greatest = std::isnan(element) || std::isnan(greatest) ? element + greatest : std::max(greatest, std::fabs(element));
    APFloat half = toHalf(greatest / largest);
    auto stored = static_cast<uint16_t>(half.bitcastToAPInt().getZExtValue());
    support::endian::write16le(bytes + size * bits / 8 + first / group * 2, stored);
    auto scale = static_cast<float>(fromHalf(stored));
    for (int64_t d = first; d < first + group; ++d)
      writeCode(bytes, d, scale == 0 ? 0 : head[d] / scale, -largest);
  }
}

void CacheLines::read(const NpyArray &cache, int64_t line, const float *channelScales, MutableArrayRef<double> head) const {
  if (!bits) {
    for (auto [d, element] : enumerate(head))
      element = loadElement(cache, line * size + static_cast<int64_t>(d)).f;
    return;
  }
  const int8_t *bytes = cache.as<int8_t>().data() + line * getLineSize();
  for (auto [d, element] : enumerate(head)) {
    auto at = static_cast<int64_t>(d);
    double scale = channelScales ? channelScales[d] : fromHalf(support::endian::read16le(bytes + size * bits / 8 + at / group * 2));
    element = readCode(bytes, at) * scale;
  }
}
