//===- RandomWeight.h - weights with known numbers for the tests -*- C++ -*-===//
//
// A weight in IR beside plain arrays of the numbers that it was made from.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_TEST_UNIT_LOWBIT_RANDOMWEIGHT_H
#define LUTRA_TEST_UNIT_LOWBIT_RANDOMWEIGHT_H

#include "dialects/lowbit/IR/Weights.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <random>

namespace lutra::lowbit {

/// How a random uniform weight is made.
struct WeightShape {
  int64_t rows, cols, group;
  unsigned bits;
  ZeroKind zero;
  /// The codes that occur; all of them when `high` is negative.
  int low = 0, high = -1;
};

void PrintTo(const WeightShape &shape, std::ostream *os);

/// A random uniform weight: negative scales among them, garbage in the padding of each row's last group.
class RandomWeight {
public:
  RandomWeight(mlir::MLIRContext &context, WeightShape shape, unsigned seed);

  WeightShape shape;
  int64_t groups;
  /// By row and column; by row and group.
  std::vector<uint8_t> codes;
  std::vector<float> scales, zeros;

  uint8_t code(int64_t n, int64_t k) const { return codes[n * shape.cols + k]; }
  float scale(int64_t n, int64_t g) const { return scales[n * groups + g]; }
  float zero(int64_t n, int64_t g) const { return zeros[n * groups + g]; }

  mlir::ModuleOp getModule() { return *module; }
  /// A product with `value`, at the end of the module.
  MatmulOp makeMatmul(mlir::Value value);
  /// The weight as a value.
  mlir::Value getUniform() { return uniform; }
  /// It reinterpreted as bipolar planes, with a constant zeta if `zeta` is given.
  mlir::Value makeBipolar(std::optional<float> zeta = std::nullopt);
  /// `value` reinterpreted as BCQ.
  mlir::Value makeBCQ(mlir::Value value);
  /// `value` packed as `layout` says.
  PackOp makePack(mlir::Value value, LayoutAttr layout);

private:
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::OpBuilder builder;
  mlir::Value uniform;
};

/// The shapes that the property tests run over: every width, zero kind and remainder.
std::vector<WeightShape> getTestShapes();

} // namespace lutra::lowbit

#endif // LUTRA_TEST_UNIT_LOWBIT_RANDOMWEIGHT_H
