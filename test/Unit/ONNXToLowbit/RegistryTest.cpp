//===- RegistryTest.cpp - which operators the importer may accept ---------===//

#include "lib/Conversion/ONNXToLowbit/ONNXToLowbit.h"
#include "gtest/gtest.h"

namespace {

TEST(IsSupportedONNXNode, KnowsTheOperatorsOfALlamaGraph) {
  for (const char *op : {"Gather", "Shape", "ReduceSum", "Sub", "Mul", "Cast", "Sigmoid", "SimplifiedLayerNormalization"})
    EXPECT_TRUE(lutra::isSupportedONNXNode("", op)) << op;
  for (const char *op : {"MatMulNBits", "GroupQueryAttention", "SkipSimplifiedLayerNormalization", "GatherBlockQuantized"})
    EXPECT_TRUE(lutra::isSupportedONNXNode("com.microsoft", op)) << op;
}

TEST(IsSupportedONNXNode, TheStandardDomainHasTwoNames) { EXPECT_TRUE(lutra::isSupportedONNXNode("ai.onnx", "Add")); }

TEST(IsSupportedONNXNode, LooksInTheNodesDomainOnly) {
  EXPECT_FALSE(lutra::isSupportedONNXNode("com.microsoft", "Add"));
  EXPECT_FALSE(lutra::isSupportedONNXNode("", "MatMulNBits"));
  EXPECT_FALSE(lutra::isSupportedONNXNode("my.domain", "Add"));
}

TEST(IsSupportedONNXNode, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(lutra::isSupportedONNXNode("", "Loop"));
  EXPECT_FALSE(lutra::isSupportedONNXNode("", ""));
}

} // namespace
