//===- CanonicalizeWeightsTest.cpp - planes and narrowing keep every value ----===//
//
// lowbit-canonicalize-weights on weights whose codes use a part of their range: the planes that come out have the same
// values as reinterpreting alone gives, and no more bits than the range needs.
//
//===----------------------------------------------------------------------===//
#include "RandomWeight.h"

#include "dialects/lowbit/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/MathExtras.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace lutra::lowbit;

namespace {
class CanonicalizeWeightsTest : public testing::TestWithParam<WeightShape> {
protected:
  CanonicalizeWeightsTest() { context.loadDialect<LowbitDialect>(); }
  MLIRContext context;
};

/// Every width and zero kind, with ranges low in, high in, around the middle of, and beside the middle of the codes.
std::vector<WeightShape> getNarrowShapes() {
  std::vector<WeightShape> shapes;
  for (unsigned bits = 2; bits <= 8; ++bits) {
    int count = 1 << bits, mid = count / 2;
    for (ZeroKind zero : {ZeroKind::Midpoint, ZeroKind::Integer, ZeroKind::Float})
      for (auto [low, high] :
           {std::pair(0, mid - 1), std::pair(mid, count - 1), std::pair(mid - 1, mid), std::pair(1, count - 2),
            std::pair(mid, mid), std::pair(0, count - 1), std::pair(count / 4, count - count / 4 - 1)})
        shapes.push_back({7, 45, 12, bits, zero, low, high});
  }
  return shapes;
}
} // namespace

INSTANTIATE_TEST_SUITE_P(Shapes, CanonicalizeWeightsTest, testing::ValuesIn(getNarrowShapes()));

TEST_P(CanonicalizeWeightsTest, KeepsValues) {
  const WeightShape &shape = GetParam();
  RandomWeight weight(context, shape, 1);
  MatmulOp matmul = weight.makeMatmul(weight.getUniform());
  FailureOr<WeightReader> before = WeightReader::create(weight.makeBipolar());
  ASSERT_TRUE(succeeded(before));

  PassManager pm(&context, ModuleOp::getOperationName());
  pm.addPass(createCanonicalizeWeights());
  ASSERT_TRUE(succeeded(pm.run(weight.getModule())));

  FailureOr<WeightReader> after = WeightReader::create(matmul.getWeight());
  ASSERT_TRUE(succeeded(after));
  ASSERT_TRUE(isa<BipolarAttr>(after->getFormat()));
  for (int64_t n = 0; n < shape.rows; ++n) {
    for (int64_t g = 0; g < weight.groups; ++g)
      ASSERT_EQ(after->alpha(n, g), before->alpha(n, g));
    for (int64_t k = 0; k < shape.cols; ++k) {
      double bound = 0;
      // Fewer bits give a float zero point another zeta: both round once, and are below 2^bits.
      if (shape.zero == ZeroKind::Float)
        bound = std::fabs(before->alpha(n, k / shape.group)) * (1 << shape.bits) * 0x1p-23;
      ASSERT_NEAR(after->value(n, k), before->value(n, k), bound) << "at " << n << ", " << k;
    }
  }
  auto [low, high] = before->findCodeRange();
  if (shape.zero == ZeroKind::Midpoint)
    EXPECT_EQ(after->getBits(), std::max(1u, llvm::Log2_32_Ceil(high - std::min<int>(low, 1 << (shape.bits - 1)) + 1)));
  else
    EXPECT_LE(after->getBits(), std::max(1u, llvm::Log2_32_Ceil(high + 1)));
}
