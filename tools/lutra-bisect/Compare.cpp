//===- Compare.cpp - whether two arrays are the same ----------------------===//
#include "Compare.h"

#include "lutra/Interpreter/Interpreter.h"
#include "lutra/Support/ArrayElements.h"
#include <cmath>
#include <cstring>

using namespace llvm;
using namespace lutra;

/// One element as an array of rank 0.
static NpyArray element(const NpyArray &array, int64_t index) {
  int64_t size = dtypeSize(array.dtype);
  NpyArray cell = NpyArray::zeros(array.dtype, {});
  std::memcpy(cell.bytes.data(), array.bytes.data() + index * size, size);
  return cell;
}

static bool sameFloats(float left, float right, double margin) {
  if (!std::isfinite(left) || !std::isfinite(right))
    return std::isfinite(left) == std::isfinite(right);
  if (margin > 0)
    return std::fabs(static_cast<double>(left) - right) <= margin;
  return std::memcmp(&left, &right, sizeof(float)) == 0;
}

std::optional<std::string> lutra::findDifference(const NpyArray &left, const NpyArray &right, double tolerance) {
  if (left.shape != right.shape || left.dtype != right.dtype)
    return (shapeText(left.shape) + " " + dtypeName(left.dtype) + " against " + shapeText(right.shape) + " " +
            dtypeName(right.dtype))
        .str();
  int64_t count = left.numElements(), size = dtypeSize(left.dtype), differing = 0, first = -1;
  double greatest = 0;
  if (left.dtype == DType::F32)
    for (float value : left.as<float>())
      if (std::isfinite(value))
        greatest = std::max<double>(greatest, std::fabs(value));
  for (int64_t i = 0; i < count; ++i) {
    bool same = left.dtype == DType::F32
                    ? sameFloats(left.as<float>()[i], right.as<float>()[i], tolerance * greatest)
                    : std::memcmp(left.bytes.data() + i * size, right.bytes.data() + i * size, size) == 0;
    if (same)
      continue;
    ++differing;
    if (first < 0)
      first = i;
  }
  if (differing == 0)
    return std::nullopt;
  std::string at;
  SmallVector<int64_t, 4> strides = left.strides();
  for (size_t dim = 0; dim < strides.size(); ++dim)
    at += (dim ? ", " : "") + std::to_string(first / strides[dim] % left.shape[dim]);
  return std::to_string(differing) + " of " + std::to_string(count) + " elements differ; the first, at [" + at +
         "], is " + arrayText(element(left, first)) + " against " + arrayText(element(right, first));
}
