//===- AreaTest.cpp - gates, and the search -------------------------------===//
#include "lutra/Simulator/Area.h"

#include "gtest/gtest.h"

using namespace lutra::ltc;

namespace {

TEST(Area, FloatAdderByHand) {
  // Significand 11, exponent 5, so 14 bits with guards and 4 levels: 15 x 4.5 + 32 x 1.5 + 2 x 56 x 1.5 + 14 x 6.5 +
  // 14 x 1.5 + 11 x 2.5.
  EXPECT_DOUBLE_EQ(floatAdder(kF16, UnitCosts()), 67.5 + 48 + 168 + 91 + 21 + 27.5);
}

TEST(Area, MultiplierOfAFloatAndAnInteger) {
  // 11 x 2 bits of and-gates and full adders, 13 multiplexers to normalize; the f16 operand: 4 levels of 11 and 11 bits
  // of leading zeros, the integer: 1 level of 2 and 2 bits; two adders of 5 bits for the exponents.
  EXPECT_DOUBLE_EQ(floatMultiplier(kF16, {2, 0}, UnitCosts()),
                   22 * 5.75 + 13 * 1.5 + (44 * 1.5 + 11 * 1.5) + (2 * 1.5 + 2 * 1.5) + 2 * 5 * 4.5);
}

TEST(Area, AFloatHasOneSign) {
  ArrayGates gates = gatesOf({2, 64, 4, 1, 16, kF16}, UnitCosts());
  EXPECT_DOUBLE_EQ(gates.negation, 128 * 2.0);
  // Only planes beyond the first change exponents.
  EXPECT_DOUBLE_EQ(gates.sums, 128 * floatAdder(kF16, UnitCosts()));
  EXPECT_DOUBLE_EQ(gatesOf({2, 64, 4, 2, 16, kF16}, UnitCosts()).sums, 128 * (floatAdder(kF16, UnitCosts()) + 5 * 2.5));
}

TEST(Area, AccumulatorsByHand) { EXPECT_DOUBLE_EQ(accumulatorGates({2, 64, 4, 2, 8}, UnitCosts()), 128 * 32 * 4.5); }

TEST(Area, ArrayByHand) {
  // M2 N2 K2 of one bit, entries of 4 bits, all in gates.
  ArrayGates gates = gatesOf({2, 2, 2, 1, 4}, UnitCosts());
  EXPECT_DOUBLE_EQ(gates.tables, 2 * 2 * 4 * 4.5);
  EXPECT_DOUBLE_EQ(gates.weights, 2 * 2 * 4.5);
  EXPECT_DOUBLE_EQ(gates.multiplexers, 4 * 1 * 4 * 1.5);
  EXPECT_DOUBLE_EQ(gates.negation, 4 * 4 * 2.0);
  EXPECT_DOUBLE_EQ(gates.sums, 4 * (5 * 4.5 + 27 * 2.5));
  EXPECT_DOUBLE_EQ(gates.wires, (2 * 2 * 4 * 2 + 2 * 2 * 2) / 8.0 * 1.33);
  EXPECT_EQ(gates.index, 0);
  EXPECT_EQ(gates.precompute, 0);
}

TEST(Area, SymmetrizationHalvesTheTable) {
  LutArray half{2, 64, 4, 2, 8}, full = half;
  full.fullTable = true;
  EXPECT_DOUBLE_EQ(gatesOf(full, UnitCosts()).tables, 2 * gatesOf(half, UnitCosts()).tables);
  EXPECT_LT(gatesOf(half, UnitCosts()).total(), gatesOf(full, UnitCosts()).total());
}

TEST(Area, SearchFindsThePapersShape) {
  std::vector<DesignPoint> points = explore({2, 64, 4, 1, 16, kF16}, 512, 1.41, UnitCosts());
  ASSERT_FALSE(points.empty());
  EXPECT_EQ(points.front().array.m, 2u);
  EXPECT_EQ(points.front().array.n, 64u);
  EXPECT_EQ(points.front().array.k, 4u);
  EXPECT_TRUE(points.front().pareto);
  for (const DesignPoint &point : points)
    EXPECT_EQ(point.array.m * point.array.n * point.array.k, 512u);
}

} // namespace
