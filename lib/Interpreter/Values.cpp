//===- Values.cpp - elements of arrays as scalars -------------------------===//
//
// The bridge between an array's bytes and the scalars that op bodies compute with.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace mlir;
using namespace lutra;

std::optional<DType> lutra::dtypeOfType(Type type) {
  if (type.isF32())
    return DType::F32;
  if (type.isF64())
    return DType::F64;
  if (type.isF16())
    return DType::F16;
  if (type.isBF16())
    return DType::BF16;
  if (type.isIndex())
    return DType::I64;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return std::nullopt;
  switch (integer.getWidth()) {
  case 1: return DType::Bool;
  case 8: return integer.isUnsigned() ? DType::U8 : DType::I8;
  case 16: return integer.isUnsigned() ? DType::U16 : DType::I16;
  case 32: return integer.isUnsigned() ? DType::U32 : DType::I32;
  case 64: return integer.isUnsigned() ? DType::U64 : DType::I64;
  default: return std::nullopt;
  }
}

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

int64_t lutra::wrapInteger(int64_t value, Type type) {
  if (type.isIndex())
    return value;
  unsigned width = type.getIntOrFloatBitWidth();
  if (width == 1)
    return value & 1;
  return width >= 64 ? value : llvm::SignExtend64(static_cast<uint64_t>(value), width);
}

double lutra::roundTo(Type type, double value) {
  if (type.isF64())
    return value;
  if (type.isF32())
    return static_cast<float>(value);
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(cast<FloatType>(type).getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

SmallVector<int64_t> lutra::evaluate(ArrayRef<OpFoldResult> sizes, Environment &env) {
  SmallVector<int64_t> result;
  for (OpFoldResult size : sizes) {
    if (auto attr = dyn_cast<Attribute>(size))
      result.push_back(cast<IntegerAttr>(attr).getInt());
    else
      result.push_back(env.integer(cast<Value>(size)));
  }
  return result;
}

std::optional<int64_t> lutra::evaluateAffine(AffineExpr expr, ArrayRef<int64_t> dims, ArrayRef<int64_t> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::optional<int64_t> left = evaluateAffine(binary.getLHS(), dims, symbols),
                         right = evaluateAffine(binary.getRHS(), dims, symbols);
  if (!left || !right)
    return std::nullopt;
  switch (expr.getKind()) {
  case AffineExprKind::Add: return *left + *right;
  case AffineExprKind::Mul: return *left * *right;
  default: break;
  }
  if (*right <= 0)
    return std::nullopt;
  switch (expr.getKind()) {
  case AffineExprKind::Mod: return llvm::mod(*left, *right);
  case AffineExprKind::FloorDiv: return llvm::divideFloorSigned(*left, *right);
  default: return llvm::divideCeilSigned(*left, *right);
  }
}

SmallVector<RuntimeValue> lutra::valuesOf(ValueRange values, Environment &env) {
  SmallVector<RuntimeValue> result;
  for (Value value : values)
    result.push_back(env.contains(value) ? env.get(value) : RuntimeValue());
  return result;
}
