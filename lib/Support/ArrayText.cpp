//===- ArrayText.cpp - arrays as text -------------------------------------===//
//
// Nested brackets, as in MLIR and NumPy. A float has as few digits as give it back when read.
//
//===----------------------------------------------------------------------===//
#include "lutra/Support/ArrayElements.h"

#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace lutra;

static void printFloat(llvm::raw_ostream &os, double value, DType dtype) {
  if (!std::isfinite(value)) {
    os << (std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
    return;
  }
  char text[40];
  // 65504 in f16 is 6.55e+04 to its own kin: right, but hard to read.
  if (std::trunc(value) == value && std::fabs(value) < 1e6) {
    std::snprintf(text, sizeof(text), "%.0f", value);
    os << text;
    return;
  }
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(text, sizeof(text), "%.*g", digits, value);
    double read = std::strtod(text, nullptr);
    NpyArray cell = NpyArray::zeros(dtype, {});
    storeElement(cell, 0, {0, read});
    if (loadElement(cell, 0).f == value)
      break;
  }
  os << text;
}

static void printElement(llvm::raw_ostream &os, const NpyArray &array, int64_t index) {
  Scalar value = loadElement(array, index);
  if (isFloat(array.dtype))
    return printFloat(os, value.f, array.dtype);
  if (array.dtype == DType::Bool)
    os << (value.i ? "true" : "false");
  else
    os << value.i;
}

static void printDim(llvm::raw_ostream &os, const NpyArray &array, size_t dim, int64_t &index) {
  if (dim == array.shape.size())
    return printElement(os, array, index++);
  os << '[';
  for (int64_t i = 0; i < array.shape[dim]; ++i) {
    if (i)
      os << ", ";
    printDim(os, array, dim + 1, index);
  }
  os << ']';
}

std::string lutra::arrayText(const NpyArray &array) {
  std::string text;
  llvm::raw_string_ostream os(text);
  int64_t index = 0;
  printDim(os, array, 0, index);
  return text;
}
