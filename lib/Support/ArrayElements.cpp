//===- ArrayElements.cpp - elements of arrays as scalars ------------------===//
#include "lutra/Support/ArrayElements.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/ErrorHandling.h"
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

static const llvm::fltSemantics &halfSemantics(DType dtype) {
  return dtype == DType::F16 ? llvm::APFloat::IEEEhalf() : llvm::APFloat::BFloat();
}

Scalar lutra::loadElement(const NpyArray &array, int64_t index) {
  auto integer = [](int64_t value) { return Scalar{value, 0}; };
  switch (array.dtype) {
  case DType::F32: return {0, loadAs<float>(array, index)};
  case DType::F64: return {0, loadAs<double>(array, index)};
  case DType::F16:
  case DType::BF16: {
    llvm::APFloat value(halfSemantics(array.dtype), llvm::APInt(16, loadAs<uint16_t>(array, index)));
    bool losesInfo;
    value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return {0, value.convertToDouble()};
  }
  case DType::Bool: return integer(loadAs<uint8_t>(array, index) != 0);
  case DType::I8: return integer(loadAs<int8_t>(array, index));
  case DType::U8: return integer(loadAs<int8_t>(array, index)); // Signless: the op that uses it knows.
  case DType::I16:
  case DType::U16: return integer(loadAs<int16_t>(array, index));
  case DType::I32:
  case DType::U32: return integer(loadAs<int32_t>(array, index));
  case DType::I64:
  case DType::U64: return integer(loadAs<int64_t>(array, index));
  }
  llvm_unreachable("every dtype is handled");
}

void lutra::storeElement(NpyArray &array, int64_t index, const Scalar &value) {
  switch (array.dtype) {
  case DType::F32: return storeAs<float>(array, index, static_cast<float>(value.f));
  case DType::F64: return storeAs<double>(array, index, value.f);
  case DType::F16:
  case DType::BF16: {
    llvm::APFloat half(value.f);
    bool losesInfo;
    half.convert(halfSemantics(array.dtype), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return storeAs<uint16_t>(array, index, static_cast<uint16_t>(half.bitcastToAPInt().getZExtValue()));
  }
  case DType::Bool: return storeAs<uint8_t>(array, index, value.i != 0);
  case DType::I8:
  case DType::U8: return storeAs<int8_t>(array, index, static_cast<int8_t>(value.i));
  case DType::I16:
  case DType::U16: return storeAs<int16_t>(array, index, static_cast<int16_t>(value.i));
  case DType::I32:
  case DType::U32: return storeAs<int32_t>(array, index, static_cast<int32_t>(value.i));
  case DType::I64:
  case DType::U64: return storeAs<int64_t>(array, index, value.i);
  }
}
