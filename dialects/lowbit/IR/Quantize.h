//===- Quantize.h - what the formats' quantizers share ----------*- C++ -*-===//
//
// The reference quantizers (WeightFormatInterface::quantize) round dense weights to nearest. They are for tests and
// tools: clear rather than fast, and their components are copied into the context. Rounding is the same everywhere: f64
// arithmetic, ties to even.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_QUANTIZE_H
#define LUTRA_DIALECTS_LOWBIT_IR_QUANTIZE_H

#include "dialects/lowbit/IR/Lowbit.h"

#include <vector>

namespace lutra::lowbit {

/// Dense weights, row-major.
struct DenseWeights {
  llvm::ArrayRef<float> values;
  int64_t rows, cols;
  float at(int64_t n, int64_t k) const { return values[n * cols + k]; }
};

/// The elements that share a scale: rows [firstRow, endRow), columns [firstCol, endCol), and their place in the
/// components.
struct QuantizedRegion {
  int64_t index, firstRow, endRow, firstCol, endCol;
};

/// The regions of a weight in `format`, in the order of its components.
std::vector<QuantizedRegion> getRegions(WeightFormatInterface format, int64_t rows, int64_t cols);

/// The number of `type` (of scales, or f32) nearest to `value`; what is out of range becomes the largest or, for
/// f8E8M0FNU, which has neither zero nor sign, the smallest.
float roundToType(mlir::Type type, double value);

/// Numbers of `type`'s element type, which holds each exactly, as a component.
mlir::Attribute makeNumbers(mlir::RankedTensorType type, llvm::ArrayRef<float> numbers);
/// Bytes as a component.
mlir::Attribute makeBytes(mlir::RankedTensorType type, llvm::ArrayRef<uint8_t> bytes);
/// The component `codes` of an N x K weight in `format`, from a code per element.
mlir::Attribute makeCodes(WeightFormatInterface format, int64_t rows, int64_t cols, llvm::ArrayRef<uint8_t> codes);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_QUANTIZE_H
