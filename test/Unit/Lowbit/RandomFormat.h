//===- RandomFormat.h - random weights in every simple format ---*- C++ -*-===//
//
// Formats, shapes and values from a seed, and the numbers of a constant by the formats' definitions: element by element from the
// attributes' values, sharing no code with the compiler's reader.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_TEST_UNIT_LOWBIT_RANDOMFORMAT_H
#define LUTRA_TEST_UNIT_LOWBIT_RANDOMFORMAT_H

#include "dialects/lowbit/IR/Weights.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <random>

namespace lutra::lowbit {

/// A uniform, ternary, bipolar or BCQ format (`family` 0 to 3, any if negative) with random parameters.
WeightFormatInterface makeRandomFormat(mlir::MLIRContext &context, std::mt19937 &random, int family = -1);

/// N x K values as weights have them: normal, some rows constant, some zero, some of one sign.
std::vector<float> makeRandomValues(int64_t rows, int64_t cols, std::mt19937 &random);

/// Constants by the definition of their formats.
class Oracle {
public:
  explicit Oracle(WeightOp op) : components(op.getComponents()), type(op.getType()) {}
  /// The code as the format stores it (ternary: the digit, -1 to 1; signed: two's complement).
  int code(int64_t n, int64_t k) const;
  double value(int64_t n, int64_t k) const;

private:
  /// Element `inner` (of `count`) of a shared component.
  double number(llvm::StringRef name, int64_t n, int64_t k, int64_t inner = 0, int64_t count = 1) const;
  uint8_t byte(llvm::StringRef name, int64_t index) const;
  double alpha(int64_t n, int64_t k, unsigned p) const;
  mlir::DictionaryAttr components;
  WeightType type;
};

} // namespace lutra::lowbit

#endif // LUTRA_TEST_UNIT_LOWBIT_RANDOMFORMAT_H
