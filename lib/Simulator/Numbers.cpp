//===- Numbers.cpp - elements of memory as numbers of f32 -----------------===//

#include "Numbers.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/ErrorHandling.h"

#include <bit>
#include <cmath>
#include <cstring>

using namespace lutra::ltc;

static float halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent == 0)
    return std::copysign(std::ldexp(float(fraction), -24), std::bit_cast<float>(sign | 0x3f800000));
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

static const llvm::fltSemantics &semanticsOf(ElementType type) {
  switch (type) {
  case ElementType::F16: return llvm::APFloat::IEEEhalf();
  case ElementType::BF16: return llvm::APFloat::BFloat();
  case ElementType::F8: return llvm::APFloat::Float8E4M3FN();
  case ElementType::BF8: return llvm::APFloat::Float8E5M2();
  default: return llvm::APFloat::IEEEsingle();
  }
}

/// The bits of `value` in a narrower format.
static uint64_t narrowBits(float value, ElementType type) {
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(semanticsOf(type), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}

static float widen(uint64_t bits, unsigned width, ElementType type) {
  llvm::APFloat number(semanticsOf(type), llvm::APInt(width, bits));
  bool losesInfo;
  number.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToFloat();
}

template <ElementType Type>
static float byteToFloat(uint8_t byte) {
  static const std::array<float, 256> values = [] {
    std::array<float, 256> result{};
    for (unsigned byte = 0; byte < result.size(); ++byte)
      result[byte] = widen(byte, 8, Type);
    return result;
  }();
  return values[byte];
}

template <typename T>
static T read(const char *data) {
  T value;
  std::memcpy(&value, data, sizeof(T));
  return value;
}

template <typename T>
static void write(char *data, T value) {
  std::memcpy(data, &value, sizeof(T));
}

float lutra::ltc::loadElement(const char *data, ElementType type) {
  switch (type) {
  case ElementType::I8: return float(read<int8_t>(data));
  case ElementType::I16: return float(read<int16_t>(data));
  case ElementType::I32: return float(read<int32_t>(data));
  case ElementType::F16: return halfToFloat(read<uint16_t>(data));
  case ElementType::F32: return read<float>(data);
  case ElementType::BF16: return std::bit_cast<float>(uint32_t(read<uint16_t>(data)) << 16);
  case ElementType::F8: return byteToFloat<ElementType::F8>(read<uint8_t>(data));
  case ElementType::BF8: return byteToFloat<ElementType::BF8>(read<uint8_t>(data));
  }
  llvm_unreachable("unknown element type");
}

float lutra::ltc::roundTo(float value, ElementType type) {
  if (type == ElementType::F32)
    return value;
  // A format without infinities has its NaN for what is beyond its range.
  const unsigned width = 8 * sizeOf(type);
  return widen(narrowBits(value, type), width, type);
}

void lutra::ltc::storeElement(char *data, float value, ElementType type) {
  auto integer = [&] { return std::fabs(value) < 0x1p62f ? int64_t(value) : 0; };
  switch (type) {
  case ElementType::I8: return write(data, int8_t(integer()));
  case ElementType::I16: return write(data, int16_t(integer()));
  case ElementType::I32: return write(data, int32_t(integer()));
  case ElementType::F32: return write(data, value);
  case ElementType::F16:
  case ElementType::BF16: return write(data, uint16_t(narrowBits(value, type)));
  case ElementType::F8:
  case ElementType::BF8: return write(data, uint8_t(narrowBits(value, type)));
  }
  llvm_unreachable("unknown element type");
}
