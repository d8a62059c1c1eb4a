//===- ArrayElements.cpp - elements of arrays as scalars ------------------===//
#include "lutra/Support/ArrayElements.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace lutra;

template <typename T>
static T loadAs(const NpyArray &array, int64_t index) {
  T value;
  std::memcpy(&value, array.bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
static void storeAs(NpyArray &array, int64_t index, T value) {
  std::memcpy(array.bytes.data() + index * sizeof(T), &value, sizeof(T));
}

/// What the bits of a float narrower than f32 mean, or nothing for other types.
static const llvm::fltSemantics *narrowSemantics(DType dtype) {
  switch (dtype) {
  case DType::F16: return &llvm::APFloat::IEEEhalf();
  case DType::BF16: return &llvm::APFloat::BFloat();
  case DType::E4M3: return &llvm::APFloat::Float8E4M3FN();
  case DType::E4M3FNUZ: return &llvm::APFloat::Float8E4M3FNUZ();
  case DType::E5M2: return &llvm::APFloat::Float8E5M2();
  case DType::E5M2FNUZ: return &llvm::APFloat::Float8E5M2FNUZ();
  case DType::E2M1: return &llvm::APFloat::Float4E2M1FN();
  case DType::E8M0: return &llvm::APFloat::Float8E8M0FNU();
  default: return nullptr;
  }
}

bool lutra::isFloat(DType dtype) { return dtype == DType::F32 || dtype == DType::F64 || narrowSemantics(dtype); }

static double loadNarrow(const NpyArray &array, int64_t index, const llvm::fltSemantics &semantics) {
  uint64_t code = dtypeSize(array.dtype) == 2 ? loadAs<uint16_t>(array, index) : loadAs<uint8_t>(array, index);
  unsigned bits = llvm::APFloat::semanticsSizeInBits(semantics);
  llvm::APFloat value(semantics, llvm::APInt(bits, code & llvm::maskTrailingOnes<uint64_t>(bits)));
  bool losesInfo;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return value.convertToDouble();
}

static void storeNarrow(NpyArray &array, int64_t index, double number, const llvm::fltSemantics &semantics) {
  llvm::APFloat value(number);
  bool losesInfo;
  value.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  uint64_t code = value.bitcastToAPInt().getZExtValue();
  if (dtypeSize(array.dtype) == 2)
    storeAs(array, index, static_cast<uint16_t>(code));
  else
    storeAs(array, index, static_cast<uint8_t>(code));
}

Scalar lutra::loadElement(const NpyArray &array, int64_t index) {
  auto integer = [](int64_t value) { return Scalar{value, 0}; };
  if (const llvm::fltSemantics *semantics = narrowSemantics(array.dtype))
    return {0, loadNarrow(array, index, *semantics)};
  switch (array.dtype) {
  case DType::F32: return {0, loadAs<float>(array, index)};
  case DType::F64: return {0, loadAs<double>(array, index)};
  case DType::Bool: return integer(loadAs<uint8_t>(array, index) != 0);
  case DType::I8: return integer(loadAs<int8_t>(array, index));
  case DType::U8: return integer(loadAs<int8_t>(array, index)); // Signless: the op that uses it knows.
  case DType::I16:
  case DType::U16: return integer(loadAs<int16_t>(array, index));
  case DType::I32:
  case DType::U32: return integer(loadAs<int32_t>(array, index));
  case DType::I64:
  case DType::U64: return integer(loadAs<int64_t>(array, index));
  // Codes in the low bits of a byte.
  case DType::I4: return integer(llvm::SignExtend64<4>(loadAs<uint8_t>(array, index)));
  case DType::U4: return integer(loadAs<uint8_t>(array, index) & 15);
  case DType::I2: return integer(llvm::SignExtend64<2>(loadAs<uint8_t>(array, index)));
  case DType::U2: return integer(loadAs<uint8_t>(array, index) & 3);
  default: break;
  }
  llvm_unreachable("every dtype is handled");
}

void lutra::storeElement(NpyArray &array, int64_t index, const Scalar &value) {
  if (const llvm::fltSemantics *semantics = narrowSemantics(array.dtype))
    return storeNarrow(array, index, value.f, *semantics);
  switch (array.dtype) {
  case DType::F32: return storeAs<float>(array, index, static_cast<float>(value.f));
  case DType::F64: return storeAs<double>(array, index, value.f);
  case DType::Bool: return storeAs<uint8_t>(array, index, value.i != 0);
  case DType::I8:
  case DType::U8: return storeAs<int8_t>(array, index, static_cast<int8_t>(value.i));
  case DType::I16:
  case DType::U16: return storeAs<int16_t>(array, index, static_cast<int16_t>(value.i));
  case DType::I32:
  case DType::U32: return storeAs<int32_t>(array, index, static_cast<int32_t>(value.i));
  case DType::I64:
  case DType::U64: return storeAs<int64_t>(array, index, value.i);
  case DType::I4:
  case DType::U4: return storeAs<uint8_t>(array, index, value.i & 15);
  case DType::I2:
  case DType::U2: return storeAs<uint8_t>(array, index, value.i & 3);
  default: llvm_unreachable("every dtype is handled");
  }
}
