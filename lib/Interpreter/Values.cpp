//===- Values.cpp - types, attributes and sizes as values -----------------===//
//
// The bridge between the IR and the scalars and arrays that ops compute with.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"

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
