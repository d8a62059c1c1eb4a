//===- Dequantize.cpp - the values of a weight ----------------------------===//
#include "dialects/lowbit/IR/Dequantize.h"
#include "dialects/lowbit/IR/WeightSource.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lutra::lowbit;

LogicalResult lutra::lowbit::dequantizeWeight(DequantizeOp op, MutableArrayRef<float> out) {
  WeightSourcePtr source = WeightSource::create(op.getWeight());
  if (!source)
    return failure();
  const int64_t rows = source->getRows(), cols = source->getCols();
  if (static_cast<int64_t>(out.size()) != rows * cols)
    return op.emitOpError() << "has " << rows * cols << " values, but there is room for " << out.size();
  // A few rows at a time: transposed, they fill whole cache lines.
  constexpr int64_t kBlock = 16;
  for (int64_t first = 0; first < rows; first += kBlock) {
    int64_t end = std::min(rows, first + kBlock);
    for (int64_t k = 0; k < cols; ++k)
      for (int64_t n = first; n < end; ++n)
        out[op.getTransposed() ? k * rows + n : n * cols + k] = static_cast<float>(source->value(n, k));
  }
  return success();
}
