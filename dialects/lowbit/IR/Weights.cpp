//===- Weights.cpp - reading constant weights -----------------------------===//
//
// See Weights.h. The formats' numbers are in their sources.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Weights.h"

#include <cstring>
#include <vector>

using namespace mlir;
using namespace lutra::lowbit;

FailureOr<WeightReader> WeightReader::create(Value weight) {
  WeightSourcePtr source = WeightSource::create(weight);
  if (!source)
    return failure();
  return WeightReader(std::move(source));
}

void WeightReader::rowCodes(int64_t n, int64_t g, MutableArrayRef<uint8_t> out) const {
  int64_t size = out.size();
  assert(size >= getGroup() && "room for one group");
  int64_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t word = octetCodes(n, g, at / 8);
    std::memcpy(out.data() + at, &word, 8);
  }
  if (at < size) {
    uint64_t word = octetCodes(n, g, at / 8);
    std::memcpy(out.data() + at, &word, size - at);
  }
}

std::pair<uint8_t, uint8_t> WeightReader::findCodeRange() const {
  uint8_t low = 255, high = 0;
  const uint8_t most = static_cast<uint8_t>((1u << getBits()) - 1);
  std::vector<uint8_t> buffer((getGroup() + 7) / 8 * 8);
  for (int64_t n = 0; n < getRows(); ++n) {
    for (int64_t g = 0; g < getNumGroups(); ++g) {
      rowCodes(n, g, buffer);
      // Apart from reading, so that this is a loop over vectors.
      uint8_t least = 255, greatest = 0;
      for (int64_t i = 0, length = getGroupLength(g); i < length; ++i) {
        least = std::min(least, buffer[i]);
        greatest = std::max(greatest, buffer[i]);
      }
      low = std::min(low, least);
      high = std::max(high, greatest);
    }
    // Most weights use every code: their first rows show it.
    if (low == 0 && high == most)
      break;
  }
  return {low, high};
}
